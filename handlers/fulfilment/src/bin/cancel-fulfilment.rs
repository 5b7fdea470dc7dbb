//! Wires `cancel-fulfilment`.

use lakeside_fulfilment::{cancel_fulfilment::handle, effect::durations, fulfilment_table::FulfilmentTable};
use lakeside_kit::{
    clock::{Clock, SystemClock},
    config::required,
    runtime,
    task_token::StepFunctions,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = required("FULFILMENT_TABLE")?;
    let tokens = StepFunctions::new(aws_sdk_sfn::Client::new(&aws));
    runtime::run_queue(&metrics, async |messages, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let store = FulfilmentTable::new(client.clone(), table.clone(), durations);
        handle(&store, &tokens, &SystemClock, messages).await
    })
    .await
}
