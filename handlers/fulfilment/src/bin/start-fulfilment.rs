//! Wires `start-fulfilment`.

use lakeside_fulfilment::{
    effect::durations,
    fulfilment_table::FulfilmentTable,
    start_fulfilment::{Settings, handle},
    step_functions::StepFunctions,
};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    config::{parsed, required},
    runtime,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = required("FULFILMENT_TABLE")?;
    let sagas = StepFunctions::new(aws_sdk_sfn::Client::new(&aws), required("STATE_MACHINE_ARN")?);
    let settings = Settings { approval_threshold: parsed("APPROVAL_THRESHOLD_MINOR")? };
    runtime::run_queue(&metrics, async |messages, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let payments = FulfilmentTable::new(client.clone(), table.clone(), durations);
        handle(&sagas, &payments, settings, messages).await
    })
    .await
}
