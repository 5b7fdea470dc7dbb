//! Wires `notify-customer`.

use lakeside_growth::{
    aws_post::AwsPost, directory::Directory, growth_table::NoticeTable, notify_customer::handle,
};
use lakeside_kit::{
    attempt::durations,
    clock::{Clock, SystemClock},
    config::required,
    runtime,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let aws = runtime::aws().await?;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = required("GROWTH_TABLE")?;
    let contacts = Directory::new(client.clone(), required("DIRECTORY_TABLE")?);
    let post = AwsPost::new(&aws, required("SENDER_ADDRESS")?);
    runtime::run_queue(&metrics, async |messages, invocation| {
        let durations = durations(SystemClock.now(), invocation.deadline);
        let store = NoticeTable::new(client.clone(), table.clone(), durations);
        handle(&store, &contacts, &post, &SystemClock, &metrics, invocation, messages).await
    })
    .await
}
