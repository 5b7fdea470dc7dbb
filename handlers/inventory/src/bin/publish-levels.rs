//! Wires `publish-levels`.

use lakeside_inventory::{inventory_table::InventoryTable, publish_levels::handle};
use lakeside_kit::{
    bus::EventBridgeBus,
    clock::SystemClock,
    config::required,
    runtime::{self, Trigger},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let store = InventoryTable::new(aws_sdk_dynamodb::Client::new(&aws), required("INVENTORY_TABLE")?);
    let bus = EventBridgeBus::new(aws_sdk_eventbridge::Client::new(&aws), required("BUS_NAME")?);
    runtime::run(Trigger::Stream, async |event, _| {
        Ok(handle(&store, &bus, &SystemClock, &metrics, &event).await)
    })
    .await
}
