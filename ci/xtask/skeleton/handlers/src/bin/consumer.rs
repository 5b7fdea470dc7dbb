//! Wires `<name>`.

use lakeside_<module>::{fact_table::FactTable, <module>::handle};
use lakeside_kit::{config::required, runtime, };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let table = FactTable::new(client, required("TABLE_NAME")?);
    runtime::run_queue(&metrics, async |messages, _| handle(&table, messages).await).await
}
