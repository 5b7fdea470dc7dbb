//! Wires `publish-stock`.

use lakeside_growth::{
    http_marketplaces::HttpMarketplaces,
    listing_table::ListingTable,
    publish_stock::{durations, handle},
};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    config::{parsed, parsed_or, required},
    outbound::Timeouts,
    runtime,
    secret::SecretCache,
    secrets_manager::SecretsManager,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = required("GROWTH_TABLE")?;
    let marketplaces = HttpMarketplaces::new(parsed("MARKETPLACES")?, Timeouts::from_env()?)?;
    let secrets = SecretsManager::new(&aws);
    let credentials = SecretCache::new(secrets, parsed_or("SECRET_TTL_SECONDS", 300)?);
    runtime::run_queue(&metrics, async |messages, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let store = ListingTable::new(client.clone(), table.clone(), durations);
        handle(&store, &marketplaces, &credentials, &SystemClock, &metrics, invocation, messages).await
    })
    .await
}
