//! Wires `order-status`.

use lakeside_kit::{config::required, runtime, sqs::messages};
use lakeside_orders::{order_status::handle, status_table::StatusTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await);
    let view = StatusTable::new(client, required("ORDER_STATUS_TABLE")?);
    runtime::run(async |event, _| Ok(handle(&view, &messages(event)?).await.into_response())).await
}
