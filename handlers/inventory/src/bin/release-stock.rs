//! Wires `release-stock`.

use lakeside_inventory::{inventory_table::InventoryTable, release_stock::handle};
use lakeside_kit::{clock::SystemClock, config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    runtime::run_command(async |command, _| Ok(handle(&store, &SystemClock, &metrics, command).await?)).await
}
