//! Wires `publish-outbox`.

use lakeside_kit::{
    bus::EventBridgeBus,
    clock::SystemClock,
    config::required,
    publish_outbox::handle,
    runtime::{self, Trigger},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_eventbridge::Client::new(&runtime::aws().await?);
    let bus = EventBridgeBus::new(client, required("BUS_NAME")?);
    runtime::run(Trigger::Stream, async |input, _| Ok(handle(&bus, &SystemClock, &metrics, input).await?))
        .await
}
