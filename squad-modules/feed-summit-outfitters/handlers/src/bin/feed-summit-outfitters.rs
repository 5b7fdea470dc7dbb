//! Wires `feed-summit-outfitters`.

use lakeside_feed_summit_outfitters::{feed_summit_outfitters::handle, level_table::LevelTable};
use lakeside_kit::{config::required, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let table = LevelTable::new(client, required("TABLE_NAME")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&table, messages).await).await
}
