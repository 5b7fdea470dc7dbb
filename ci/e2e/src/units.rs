//! Counts what an order uses of each service, as AWS would bill it.
//!
//! The emulator writes down requests and what they consume ([`Meter`]); logs say how long functions ran; the saga's history,
//! how many steps it took. What no emulator knows is bounded instead, and said to be.

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use lakeside_cli::cost::{amounts::Decimal, data::Flow};
use serde::Deserialize;

use crate::{
    api::NewOrder,
    cloud::{Cloud, table},
    logs,
    poll::eventually,
    records,
    settings::env_file,
    shop::{PATIENCE, Shop},
};

/// Orders that are counted.
pub const ORDERS: usize = 10;
/// What runs by the clock is no order's.
const BY_THE_CLOCK: [&str; 3] = ["sweep-reservations", "reconcile-stock", "rotate-processor-key"];
/// What CloudWatch adds to each line of a log.
const BYTES_PER_LINE: usize = 26;
/// Firehose counts an event as so much at least.
const FIREHOSE_BYTES: i64 = 5 * 1024;
const GIGABYTE: i64 = 1_000_000_000;
/// A customer looks so often what became of an order.
const VIEWS: i64 = 2;
/// What the door writes about a request.
const ACCESS_LOG_BYTES: i64 = 500;
/// The edge's firewall and the door's.
const FIREWALLS: i64 = 2;
/// Looks in a row at which nothing may be written any more.
const RESTING_LOOKS: u32 = 15;

/// What the emulator writes down as long as the file is there.
#[derive(Debug)]
struct Meter(PathBuf);

/// One act that would be billed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Act {
    service: String,
    action: String,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    units: BTreeMap<String, f64>,
    #[serde(default)]
    refused: bool,
    #[serde(default)]
    items: i64,
    #[serde(default)]
    bytes: i64,
}

impl Meter {
    fn start() -> anyhow::Result<Self> {
        let path = env_file().parent().context("the environment file lies nowhere")?.join("run/meter.jsonl");
        fs::write(&path, "").with_context(|| format!("cannot write {}: is the cloud up?", path.display()))?;
        Ok(Self(path))
    }

    fn acts(&self) -> anyhow::Result<Vec<Act>> {
        let text = fs::read_to_string(&self.0).context("the meter cannot be read")?;
        text.lines().map(|line| serde_json::from_str(line).context("the meter is malformed")).collect()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // Nobody counts any more; if the file is gone already, the better.
        let _gone = fs::remove_file(&self.0);
    }
}

/// Counts over so many orders, one after the other, each of two lines that one warehouse has.
///
/// # Errors
/// If one is not fulfilled, or somebody else's are counted among them.
pub async fn count(orders: usize) -> anyhow::Result<BTreeMap<String, Flow>> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let (tent, stove) = (shop.goods(1_000).await?, shop.goods(1_000).await?);
    // The first order starts every function; it is no measure of the others.
    let placed = |_: usize| NewOrder::of(&[(&tent, 1), (&stove, 1)]);
    at_its_end(&shop, &placed(0), None).await?;
    let before = stored(cloud).await?;
    let began = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let meter = Meter::start()?;
    let mut counted = Counted::default();
    for number in 0..orders {
        let order = placed(number);
        let from = meter.acts()?.len();
        at_its_end(&shop, &order, Some(&meter)).await?;
        let acts = meter.acts()?;
        counted.add_acts(acts.get(from..).unwrap_or_default(), cloud);
        counted.transitions += transitions(cloud, &order).await?;
    }
    for (function, line) in logs::since(cloud, began).await? {
        counted.add_line(&function, &line)?;
    }
    counted.stored = i64::try_from(stored(cloud).await?)? - i64::try_from(before)?;
    counted.flows(i64::try_from(orders)?)
}

/// Places an order, waits until nothing comes of it any more, and has its customer look what became of it.
async fn at_its_end(shop: &Shop, order: &NewOrder, meter: Option<&Meter>) -> anyhow::Result<()> {
    let cloud = &shop.cloud;
    cloud.api.submit(&shop.customer, order).await?;
    let ended = shop.all_ended(std::slice::from_ref(order), PATIENCE).await?;
    ensure!(ended.values().all(|state| state == "FULFILLED"), "{ended:?}");
    cloud.quiet(PATIENCE).await?;
    if let Some(meter) = meter {
        let (mut length, mut looks) = (0, 0);
        eventually("rest at the meter", PATIENCE, async || {
            let now = meter.acts()?.len();
            looks = if now == length { looks + 1 } else { 0 };
            length = now;
            let rests = looks >= RESTING_LOOKS;
            Ok(if rests { ControlFlow::Break(()) } else { ControlFlow::Continue("it goes on".into()) })
        })
        .await?;
    }
    for _ in 0..VIEWS {
        cloud.api.view(&shop.customer, order.order_id).await?.context("its customer sees nothing")?;
    }
    Ok(())
}

async fn transitions(cloud: &Cloud, order: &NewOrder) -> anyhow::Result<i64> {
    let mut pages = cloud
        .sfn
        .get_execution_history()
        .execution_arn(cloud.execution_arn(order.order_id))
        .into_paginator()
        .items()
        .send();
    // The start is one, and each step and each repeated attempt of one.
    let mut count = 1;
    while let Some(event) = pages.next().await {
        let event = event.context("cannot read a history")?;
        count += i64::from(event.r#type().as_str().ends_with("StateEntered"));
    }
    Ok(count)
}

/// Bytes in all tables, as JSON, which is a little more than DynamoDB counts.
async fn stored(cloud: &Cloud) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for table in table::ALL {
        bytes += records::all(cloud, table).await?.values().map(|item| item.to_string().len()).sum::<usize>();
    }
    Ok(bytes)
}

/// What was counted over all orders.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    order: BTreeMap<&'static str, i64>,
    intake: BTreeMap<&'static str, i64>,
    transitions: i64,
    event_bytes: i64,
    /// By function: requests, milliseconds times megabytes, and bytes of log.
    functions: BTreeMap<String, (i64, i64, i64)>,
    stored: i64,
}

/// Half units of capacity, of which reads have some.
fn halves(units: &BTreeMap<String, f64>, table: Option<&str>) -> i64 {
    let counted = units.iter().filter(|(name, _)| table.is_none_or(|table| table == *name));
    #[expect(clippy::cast_possible_truncation, reason = "capacity is a small number of halves")]
    counted.map(|(_, units)| (units * 2.0).round() as i64).sum()
}

impl Counted {
    fn add_acts(&mut self, acts: &[Act], cloud: &Cloud) {
        let orders = cloud.name(table::ORDERS);
        let ours = |act: &&Act| act.by.as_deref() != Some(cloud.access_key_id());
        let mut taken_in = false;
        for act in acts.iter().filter(ours) {
            match act.service.as_str() {
                "dynamodb" => {
                    let unit = if act.kind == "write" { "dynamodb-write" } else { "dynamodb-read" };
                    // A condition that does not hold is written for all the same: a unit, or two in a transaction.
                    let refused = if act.action == "TransactWriteItems" { act.items * 4 } else { 2 };
                    let half = if act.refused { refused } else { halves(&act.units, None) };
                    *self.order.entry(unit).or_default() += half;
                    if !taken_in && act.units.contains_key(&orders) {
                        *self.intake.entry(unit).or_default() += halves(&act.units, Some(&orders));
                        taken_in = act.kind == "write";
                    }
                }
                "sqs" => *self.order.entry("sqs-request").or_default() += 1,
                "events" => {
                    *self.order.entry("event").or_default() += 1;
                    self.event_bytes += act.bytes;
                }
                "ses" if act.action.contains("outbound-emails") => {
                    *self.order.entry("email").or_default() += 1;
                }
                "secretsmanager" => *self.order.entry("secret-request").or_default() += 1,
                _ => {}
            }
        }
    }

    fn add_line(&mut self, function: &str, line: &str) -> anyhow::Result<()> {
        if BY_THE_CLOCK.contains(&function) {
            return Ok(());
        }
        let (requests, work, bytes) = self.functions.entry(function.to_owned()).or_default();
        *bytes += i64::try_from(line.len() + BYTES_PER_LINE)?;
        if line.starts_with("REPORT RequestId:") {
            *requests += 1;
            *work += field(line, "Billed Duration: ")? * field(line, "Memory Size: ")?;
        }
        Ok(())
    }

    /// Per order, by flow.
    fn flows(&self, orders: i64) -> anyhow::Result<BTreeMap<String, Flow>> {
        let one = |part: i64| Decimal::share(part, orders);
        let sum = |of: &dyn Fn(&str) -> bool| {
            let chosen = self.functions.iter().filter(|(name, _)| of(name)).map(|(_, counts)| *counts);
            chosen.fold((0, 0, 0), |(a, b, c), (x, y, z)| (a + x, b + y, c + z))
        };
        let (requests, work, bytes) = sum(&|_| true);
        let (piped, _, _) = sum(&|name| name.ends_with("-publish-outbox"));
        ensure!(requests > 0 && piped > 0, "no function has reported");
        let gb_seconds = |work: i64| Decimal::share(work, orders * 1024 * 1000);
        let gigabytes = |bytes: i64| Decimal::share(bytes, orders * GIGABYTE);
        let halves = |units: &BTreeMap<&'static str, i64>, unit: &str| {
            Decimal::share(units.get(unit).copied().unwrap_or_default(), orders * 2)
        };
        let count = |unit: &str| one(self.order.get(unit).copied().unwrap_or_default());
        let asked = 1 + VIEWS;
        let events = self.order.get("event").copied().unwrap_or_default();
        let counted = [
            ("api-request", Decimal::whole(asked)),
            ("edge-request", Decimal::whole(asked)),
            ("firewall-request", Decimal::whole(asked * FIREWALLS)),
            ("lambda-request", one(requests)),
            ("lambda-gb-second", gb_seconds(work)),
            ("dynamodb-write", halves(&self.order, "dynamodb-write")),
            ("dynamodb-read", halves(&self.order, "dynamodb-read")),
            ("table-gb-month", gigabytes(self.stored)),
            ("sqs-request", count("sqs-request")),
            ("event", count("event")),
            ("archived-gb", gigabytes(self.event_bytes)),
            ("pipe-request", one(piped)),
            ("firehose-gb", gigabytes(events * FIREHOSE_BYTES)),
            ("state-transition", one(self.transitions)),
            ("log-gb", gigabytes(bytes)),
            ("email", count("email")),
        ];
        let named = |units: Vec<(&str, Decimal)>| {
            units.into_iter().map(|(unit, count)| (unit.to_owned(), count)).collect::<BTreeMap<_, _>>()
        };
        let order = Flow {
            about:
                "an order of two lines that one warehouse has, fulfilled, and looked at twice by its customer"
                    .into(),
            counted: named(counted.into()),
            at_most: named(vec![
                ("kms-request", count("event")),
                ("trace", Decimal::whole(asked)),
                ("log-gb", Decimal::share(asked * ACCESS_LOG_BYTES, GIGABYTE)),
            ]),
        };
        let ingest = |name: &str| name == "order-ingest";
        let publish = |name: &str| name == "orders-publish-outbox";
        let (_, ingested, logged) = sum(&ingest);
        let (published, publishing, told) = sum(&publish);
        let average = |part: i64| part.checked_div(published).unwrap_or_default() * orders;
        let intake = Flow {
            about: "an order from the door to its record and the event that says so: one request, one queue, one function, one write, one event".into(),
            counted: named(vec![
                ("api-request", Decimal::whole(1)),
                ("sqs-request", Decimal::whole(3)),
                ("lambda-request", Decimal::whole(2)),
                ("lambda-gb-second", gb_seconds(ingested + average(publishing))),
                ("dynamodb-write", halves(&self.intake, "dynamodb-write")),
                ("dynamodb-read", halves(&self.intake, "dynamodb-read")),
                ("event", Decimal::whole(1)),
                ("pipe-request", Decimal::whole(1)),
                ("log-gb", gigabytes(logged + average(told))),
            ]),
            at_most: named(vec![
                ("kms-request", Decimal::whole(1)),
                ("log-gb", Decimal::share(ACCESS_LOG_BYTES, GIGABYTE)),
            ]),
        };
        Ok([("order".to_owned(), order), ("intake".to_owned(), intake)].into())
    }
}

/// The whole number after `name` in a line of Lambda's report.
fn field(line: &str, name: &str) -> anyhow::Result<i64> {
    let rest = line.split_once(name).with_context(|| format!("`{line}` does not say `{name}`"))?.1;
    let number = rest.split_whitespace().next().unwrap_or_default();
    number.parse().with_context(|| format!("`{line}` says no whole number after `{name}`"))
}

/// What was counted, as the data file has it.
///
/// # Errors
/// If it has no JSON form.
pub fn as_file(flows: &BTreeMap<String, Flow>, orders: usize, day: &str) -> anyhow::Result<String> {
    let how = format!(
        "Counted over {orders} orders, one after the other, on the local cloud: `lakeside-demo --count-units DAY`. Durations are those of functions that are built without optimisations, on the machine that counted. What is under `atMost` is bounded, or taken for that, for no emulator knows it."
    );
    let file = serde_json::json!({ "countedOn": day, "how": how, "flows": flows });
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}
