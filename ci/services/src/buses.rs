//! Buses: what is taken, who gets it, and what they get.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use lakeside_domain::events::EventId;
use lakeside_kit::{bus::Bus, outbox::Entry};
use serde_json::{Value, json};

/// A bus with a queue behind each of its rules.
pub trait Listened {
    /// Through which it is published to.
    type Bus: Bus;
    /// The bus.
    fn bus(&self) -> &Self::Bus;
    /// What has arrived behind the rule at this position: waits for `count` events, and takes more if there are.
    async fn delivered(&self, rule: usize, count: usize) -> anyhow::Result<Vec<Value>>;
}

/// Makes buses.
pub trait Buses {
    /// What it makes.
    type Listened: Listened;
    /// A new bus with these rules, which is removed by its maker.
    async fn bus(&self, patterns: &[Value]) -> anyhow::Result<Self::Listened>;
}

fn entry(detail_type: &str, detail: &str) -> Entry {
    Entry {
        event_id: EventId::derive("lakeside.orders", "a", detail_type, 1),
        source: "lakeside.orders".into(),
        detail_type: detail_type.into(),
        detail: detail.into(),
        trace_header: None,
    }
}

fn kinds(events: &[Value]) -> BTreeSet<&str> {
    events.iter().filter_map(|event| event.get("detail-type")?.as_str()).collect()
}

async fn put(bus: &impl Bus, entries: &[Entry]) -> anyhow::Result<Vec<usize>> {
    bus.put(entries).await.context("the bus does not answer")
}

pub async fn an_event_goes_to_exactly_the_queues_whose_rules_match(buses: &impl Buses) -> anyhow::Result<()> {
    let patterns = [
        json!({"source": ["lakeside.orders"], "detail-type": ["A", "B"]}),
        json!({"source": ["lakeside.orders"], "detail-type": ["B", "C"]}),
        json!({"source": ["lakeside.inventory"]}),
    ];
    let bus = buses.bus(&patterns).await?;
    let refused = put(bus.bus(), &["A", "B", "C", "D"].map(|kind| entry(kind, "{}"))).await?;
    ensure!(refused.is_empty(), "{refused:?}");
    for (rule, expected) in [["A", "B"], ["B", "C"]].iter().enumerate() {
        let delivered = bus.delivered(rule, expected.len()).await?;
        ensure!(kinds(&delivered) == expected.iter().copied().collect(), "rule {rule}: {delivered:?}");
    }
    let nothing = bus.delivered(2, 0).await?;
    ensure!(nothing.is_empty(), "{nothing:?}");
    Ok(())
}

pub async fn exactly_the_entries_that_cannot_be_taken_are_reported(buses: &impl Buses) -> anyhow::Result<()> {
    let bus = buses.bus(&[json!({"source": ["lakeside.orders"]})]).await?;
    let entries = [entry("A", "{}"), entry("B", "{\"no\": json"), entry("C", "{}"), entry("D", "[]")];
    let refused = put(bus.bus(), &entries).await?;
    // A detail is a JSON object.
    ensure!(refused == [1, 3], "{refused:?} were refused");
    let delivered = bus.delivered(0, 2).await?;
    ensure!(kinds(&delivered) == BTreeSet::from(["A", "C"]), "{delivered:?}");
    Ok(())
}

pub async fn a_delivery_is_the_whole_event(buses: &impl Buses) -> anyhow::Result<()> {
    let bus = buses.bus(&[json!({"source": ["lakeside.orders"]})]).await?;
    put(bus.bus(), &[entry("A", "{\"data\":{\"n\":1}}")]).await?;
    let delivered = bus.delivered(0, 1).await?;
    let event = delivered.first().and_then(Value::as_object).context("no event")?;
    for member in ["version", "id", "detail-type", "source", "account", "time", "region", "resources"] {
        ensure!(event.contains_key(member), "no {member} in {event:?}");
    }
    ensure!(event.get("detail") == Some(&json!({"data": {"n": 1}})), "{event:?}");
    ensure!(!event.contains_key("replay-name"), "{event:?} is no replay");
    Ok(())
}
