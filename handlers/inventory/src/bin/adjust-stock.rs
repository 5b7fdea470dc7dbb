//! Wires `adjust-stock`.

use lakeside_inventory::{adjust_stock::handle, inventory_table::InventoryTable};
use lakeside_kit::{clock::SystemClock, config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&store, &SystemClock, &metrics, messages).await)
        .await
}
