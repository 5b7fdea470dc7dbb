//! Wires `feed-summit-outfitters`.

use lakeside_feed_summit_outfitters::{feed_summit_outfitters::handle, level_table::LevelTable};
use lakeside_kit::{config::required, runtime, sqs::messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await);
    let table = LevelTable::new(client, required("TABLE_NAME")?);
    runtime::run(async |event, _| Ok(handle(&table, &messages(event)?).await.into_response())).await
}
