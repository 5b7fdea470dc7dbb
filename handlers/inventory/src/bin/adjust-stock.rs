//! Wires `adjust-stock`.

use lakeside_inventory::{adjust_stock::handle, inventory_table::InventoryTable};
use lakeside_kit::{clock::SystemClock, config::required, runtime, sqs::messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await);
    let store = InventoryTable::new(client, required("INVENTORY_TABLE")?);
    runtime::run(async |event, _| Ok(handle(&store, &SystemClock, &messages(event)?).await.into_response()))
        .await
}
