//! Wires `route-stock`.

use lakeside_growth::{fifo_queues::FifoQueues, route_stock::handle};
use lakeside_kit::{config::parsed, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_sqs::Client::new(&runtime::aws().await?);
    let queues = FifoQueues::new(client, parsed("MARKETPLACE_QUEUES")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&queues, messages).await).await
}
