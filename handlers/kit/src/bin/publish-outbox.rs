//! Wires `publish-outbox`.

use lakeside_kit::{
    bus::EventBridgeBus, clock::SystemClock, config::required, publish_outbox::handle, runtime,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_eventbridge::Client::new(&runtime::aws().await);
    let bus = EventBridgeBus::new(client, required("BUS_NAME")?);
    runtime::run(async |input, _| Ok(handle(&bus, &SystemClock, input).await?)).await
}
