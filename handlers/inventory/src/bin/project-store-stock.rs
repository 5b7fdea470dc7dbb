//! Wires `project-store-stock`.

use lakeside_inventory::{project_store_stock::handle, store_stock_table::StoreStockTable};
use lakeside_kit::{config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let view = StoreStockTable::new(client, required("STORE_STOCK_TABLE")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&view, messages).await).await
}
