//! Wires `start-fulfilment`.

use lakeside_fulfilment::{
    start_fulfilment::{Settings, handle},
    step_functions::StepFunctions,
};
use lakeside_kit::{
    config::{parsed, required},
    runtime,
    sqs::messages,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_sfn::Client::new(&runtime::aws().await);
    let sagas = StepFunctions::new(client, required("STATE_MACHINE_ARN")?);
    let settings = Settings { approval_threshold: parsed("APPROVAL_THRESHOLD_MINOR")? };
    runtime::run(async |event, _| Ok(handle(&sagas, settings, &messages(event)?).await.into_response())).await
}
