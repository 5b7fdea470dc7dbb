//! Wires `route-stock`.

use lakeside_growth::{fifo_queues::FifoQueues, route_stock::handle};
use lakeside_kit::{config::parsed, runtime, sqs::messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_sqs::Client::new(&runtime::aws().await);
    let queues = FifoQueues::new(client, parsed("MARKETPLACE_QUEUES")?);
    runtime::run(async |event, _| Ok(handle(&queues, &messages(event)?).await.into_response())).await
}
