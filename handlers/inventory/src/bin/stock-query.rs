//! Wires `stock-query`.

use lakeside_inventory::{stock_query::handle, store_stock_table::StoreStockTable};
use lakeside_kit::{
    config::required,
    runtime::{self, Trigger},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let view = StoreStockTable::new(client, required("STORE_STOCK_TABLE")?);
    runtime::run(Trigger::Request, async |request, _| Ok(handle(&view, request).await?)).await
}
