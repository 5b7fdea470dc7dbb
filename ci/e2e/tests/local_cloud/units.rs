//! What an order uses of each service is what the bill reckons with. Runs alone, for others' orders would be counted too.

use anyhow::{Context, ensure};
use lakeside_cli::cost::{amounts::Decimal, data::Data};
use lakeside_e2e::{cli::lakeside, cloud::Cloud, units};
use serde_json::Value;

const ORDERS: usize = 3;

/// What is the same for every order.
const EXACT: [&str; 8] = [
    "api-request",
    "edge-request",
    "firewall-request",
    "state-transition",
    "event",
    "firehose-gb",
    "email",
    "trace",
];

/// In percent of what is kept: batches, looks at queues and texts differ from run to run.
const BOUND: i64 = 15;
/// The clock's functions read now and then, and a busy machine makes functions wait.
const LOOSE: [(&str, i64); 2] = [("dynamodb-read", 40), ("lambda-gb-second", 400)];

#[tokio::test]
async fn what_an_order_uses_is_what_the_bill_reckons_with() -> anyhow::Result<()> {
    let counted = units::count(ORDERS).await?;
    let data = Data::read()?;
    ensure!(counted.keys().eq(data.units.flows.keys()), "other flows than are kept: {counted:?}");
    for (name, flow) in &counted {
        let (now, kept) = (flow.units(), data.flow(name)?.units());
        ensure!(now.keys().eq(kept.keys()), "{name} uses {:?}, and {:?} are kept", now.keys(), kept.keys());
        for (unit, count) in &now {
            let kept = *kept.get(unit).context("kept")?;
            if EXACT.contains(unit) {
                ensure!(*count == kept, "{name}: {unit} is {count:?}, and {kept:?} is kept");
                continue;
            }
            let percent =
                LOOSE.iter().find(|(loose, _)| loose == unit).map_or(BOUND, |(_, percent)| *percent);
            let room = kept.times(Decimal::share(percent, 100));
            let (low, high) = (kept.beyond(room), kept.plus(room));
            // However fast functions are, they are billed for something.
            let low = if *unit == "lambda-gb-second" { Decimal::share(1, 1_000_000) } else { low };
            ensure!((low..=high).contains(count), "{name}: {unit} is {count:?}, and {kept:?} is kept");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_bill_is_told_from_the_shell_beside_what_others_pay() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let cost = ["--json", "cost", "--orders-per-day", "3000", "--profile", "enterprise"];
    let bill = lakeside(&cloud, &cost).await?.ended(0)?.json()?;
    let usd = |pointer: &str| -> anyhow::Result<Decimal> {
        let text = bill.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"))?;
        Decimal::parse(text).map_err(anyhow::Error::msg)
    };
    let lines = bill["lines"].as_array().context("no lines")?;
    let sum: Decimal = lines.iter().filter_map(|line| Decimal::parse(line["usd"].as_str()?).ok()).sum();
    assert_eq!(sum, usd("/totalUsd")?);
    assert_eq!(usd("/beside/0/oursUsd")?, sum, "the story is compared at the same volume");
    assert_eq!(usd("/ordersUsd")?.plus(usd("/fixedUsd")?), sum);
    lakeside(&cloud, &["cost", "--profile", "huge"]).await?.ended(3)?;
    lakeside(&cloud, &["cost", "--orders-per-day", "-1"]).await?.ended(2)?;
    let told = lakeside(&cloud, &["cost", "--lines"]).await?.ended(0)?.out;
    ensure!(told.contains("state transition") && told.contains("goal at most"), "{told}");
    Ok(())
}
