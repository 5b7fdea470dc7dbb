//! Wires `advance-order`.

use lakeside_kit::{clock::SystemClock, config::required, runtime};
use lakeside_orders::{advance_order::handle, orders_table::OrdersTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let orders = OrdersTable::new(client, required("ORDERS_TABLE")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&orders, &SystemClock, &metrics, messages).await)
        .await
}
