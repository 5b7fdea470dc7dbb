//! Wires `order-query`.

use lakeside_kit::{
    config::required,
    runtime::{self, Trigger},
};
use lakeside_orders::{order_query::handle, status_table::StatusTable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let view = StatusTable::new(client, required("ORDER_STATUS_TABLE")?);
    runtime::run(Trigger::Request, async |request, _| Ok(handle(&view, request).await?)).await
}
