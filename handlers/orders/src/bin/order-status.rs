//! Wires `order-status`.

use lakeside_kit::{config::required, runtime};
use lakeside_orders::{order_status::handle, status_table::StatusTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let view = StatusTable::new(client, required("ORDER_STATUS_TABLE")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&view, messages).await).await
}
