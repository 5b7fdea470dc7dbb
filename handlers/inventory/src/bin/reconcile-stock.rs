//! Wires `reconcile-stock`.

use lakeside_inventory::{inventory_table::InventoryTable, reconcile_stock::handle};
use lakeside_kit::{
    config::required,
    runtime::{self, Trigger},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    runtime::run(Trigger::Schedule, async |request, _| Ok(handle(&store, &metrics, request).await?)).await
}
