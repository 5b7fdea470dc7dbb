//! Wires `void-label`.

use lakeside_fulfilment::{
    effect::durations, fulfilment_table::FulfilmentTable, http_carrier::HttpCarrier, outbound::Server,
    void_label::handle,
};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    config::required,
    runtime,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let table = required("FULFILMENT_TABLE")?;
    let carrier = HttpCarrier::new(Server::from_env("CARRIER_URL")?);
    runtime::run_command(async |command, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let store = FulfilmentTable::new(client.clone(), table.clone(), durations);
        Ok(handle(&store, &carrier, &SystemClock, &metrics, invocation, command).await?)
    })
    .await
}
