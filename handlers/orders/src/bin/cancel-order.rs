//! Wires `cancel-order`.

use lakeside_kit::{clock::SystemClock, config::required, runtime, sqs::messages};
use lakeside_orders::{cancel_order::handle, orders_table::OrdersTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await);
    let orders = OrdersTable::new(client, required("ORDERS_TABLE")?);
    runtime::run(async |event, _| Ok(handle(&orders, &SystemClock, &messages(event)?).await.into_response()))
        .await
}
