//! Wires `<name>`.

use lakeside_<module>::{fact_table::FactTable, <module>::handle};
use lakeside_kit::{config::required, runtime, sqs::messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::init_logs();
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await);
    let table = FactTable::new(client, required("TABLE_NAME")?);
    runtime::run(async |event, _| Ok(handle(&table, &messages(event)?).await.into_response())).await
}
