//! Wires `capture-payment`.

use lakeside_fulfilment::{
    capture_payment::handle, effect::durations, fulfilment_table::FulfilmentTable,
    http_processor::HttpProcessor, outbound::Server,
};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    config::{parsed_or, required},
    runtime,
    secret::SecretCache,
    secrets_manager::SecretsManager,
    task_token::StepFunctions,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = required("FULFILMENT_TABLE")?;
    let tokens = StepFunctions::new(aws_sdk_sfn::Client::new(&aws));
    let keys = SecretCache::new(SecretsManager::new(&aws), parsed_or("SECRET_TTL_SECONDS", 300)?);
    let server = Server::from_env("PAYMENT_PROCESSOR_URL")?;
    let processor = HttpProcessor::new(server, required("PAYMENT_PROCESSOR_SECRET")?, keys);
    runtime::run_queue(&metrics, async |messages, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let store = FulfilmentTable::new(client.clone(), table.clone(), durations);
        handle(&store, &processor, &tokens, &SystemClock, &metrics, invocation, messages).await
    })
    .await
}
