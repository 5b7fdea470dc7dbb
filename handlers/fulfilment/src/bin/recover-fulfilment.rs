//! Wires `recover-fulfilment`.

use lakeside_fulfilment::{recover_fulfilment::handle, step_functions::StepFunctions};
use lakeside_kit::{config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_sfn::Client::new(&runtime::aws().await?);
    let sagas = StepFunctions::new(client, required("STATE_MACHINE_ARN")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&sagas, messages).await).await
}
