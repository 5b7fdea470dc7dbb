//! Wires `recover-fulfilment`.

use lakeside_fulfilment::{recover_fulfilment::handle, step_functions::StepFunctions};
use lakeside_kit::{config::required, runtime, sqs::messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_sfn::Client::new(&runtime::aws().await);
    let sagas = StepFunctions::new(client, required("STATE_MACHINE_ARN")?);
    runtime::run(async |event, _| Ok(handle(&sagas, &messages(event)?).await.into_response())).await
}
