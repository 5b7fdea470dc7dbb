//! Wires `sweep-reservations`.

use lakeside_inventory::{
    inventory_table::InventoryTable,
    sweep_reservations::{Settings, handle},
};
use lakeside_kit::{
    clock::SystemClock,
    config::{parsed, required},
    runtime::{self, Trigger},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    let settings = Settings { grace_seconds: parsed("SWEEP_GRACE_SECONDS")? };
    runtime::run(Trigger::Schedule, async |_: serde_json::Value, _| {
        Ok(handle(&store, &SystemClock, &metrics, settings).await?)
    })
    .await
}
