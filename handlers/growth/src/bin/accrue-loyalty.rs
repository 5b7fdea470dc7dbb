//! Wires `accrue-loyalty`.

use lakeside_domain::{loyalty::Rate, money::Money};
use lakeside_growth::{accrue_loyalty::handle, growth_table::LoyaltyTable};
use lakeside_kit::{
    clock::SystemClock,
    config::{parsed, required},
    runtime,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let metrics = runtime::init_telemetry()?;
    let client = aws_sdk_dynamodb::Client::new(&runtime::aws().await?);
    let table = LoyaltyTable::new(client, required("GROWTH_TABLE")?);
    let rate = Rate::new(Money::new(parsed("LOYALTY_MINOR_PER_POINT")?, parsed("LOYALTY_CURRENCY")?))?;
    runtime::run_queue(&metrics, async |messages, _| handle(&table, &SystemClock, rate, messages).await).await
}
