//! Wires `reserve-stock`.

use lakeside_inventory::{
    inventory_table::InventoryTable,
    reserve_stock::{Settings, handle},
};
use lakeside_kit::{
    clock::SystemClock,
    config::{parsed, required},
    runtime,
    task_token::StepFunctions,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let store = InventoryTable::new(aws_sdk_dynamodb::Client::new(&aws), required("INVENTORY_TABLE")?);
    let tokens = StepFunctions::new(aws_sdk_sfn::Client::new(&aws));
    let settings = Settings { hold_seconds: parsed("RESERVATION_HOLD_SECONDS")? };
    runtime::run_queue(&metrics, async |messages, _| {
        handle(&store, &tokens, &SystemClock, &metrics, settings, messages).await
    })
    .await
}
