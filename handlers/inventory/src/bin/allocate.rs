//! Wires `allocate`.

use lakeside_inventory::{allocate::handle, inventory_table::InventoryTable};
use lakeside_kit::{clock::SystemClock, config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    runtime::run_command(async |command, _| Ok(handle(&store, &SystemClock, command).await?)).await
}
