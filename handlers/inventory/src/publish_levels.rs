//! Tells how much there is of a SKU, and of it at a node, after that has changed.
//!
//! Consumes: the table's stream, filtered to the items of SKUs.
//! Emits: per batch one StockLevelChanged for each SKU and one NodeStockChanged for each SKU at each node whose numbers
//! changed; straight to the bus, because a writer of stock does not know what it leaves behind.
//! Idempotency key: SKU, node and version, of which the event id is made: a batch that is delivered again says the same
//! facts, or newer ones.
//! Retries: entries that the bus did not take are sent again; then the records from the first one that still fails on are
//! delivered again.
//! Parks: after the mapping's retries, in its failure destination.

use std::collections::BTreeMap;

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::KinesisEventResponse,
};
use lakeside_contracts::{
    EventData,
    events::{NodeStockChanged, StockLevelChanged},
};
use lakeside_domain::{
    ids::{IdError, NodeId, Sku},
    level::{Level, TooLarge, told},
};
use lakeside_kit::{
    bus::{self, Bus, answer, publish},
    clock::Pauses,
    disposition::{Disposed, Disposition, chain},
    dynamo::StoreError,
    metrics::{EVENTS_PUBLISHED, Metrics},
    outbox::{Cause, Entry, event_id, fact_entry},
};
use serde::{Deserialize, de::DeserializeOwned};

/// The inventory squad's table, as far as telling of levels needs it.
pub trait LevelStore {
    /// What each pool of `sku` has available; read consistently, or a level could miss the write that it tells of.
    async fn pools(&self, sku: &Sku) -> Result<Vec<Level>, StoreError>;
}

/// Why a level could not be told.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// The record's image is not that of an item of stock.
    #[error("the image is malformed")]
    Image(#[from] serde_dynamo::Error),
    /// The item's key is not one of stock.
    #[error("the key is malformed")]
    Key(#[from] IdError),
    /// No number holds it.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for LevelError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Image(_) | Self::Key(_) | Self::TooLarge(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// What a write changed the numbers of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Sku(Sku),
    Node(Sku, NodeId),
}

/// The last write in a batch that changed a subject's numbers.
struct Change<'a> {
    position: usize,
    record: &'a EventRecord,
    /// What a node has after it. What a SKU has is in several items.
    level: Level,
}

/// An item's key.
#[derive(Deserialize)]
struct ItemKey {
    pk: String,
    sk: String,
}

/// What a pool's item tells of its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PoolLevel {
    available: u64,
    #[serde(default)]
    version: u64,
}

impl From<PoolLevel> for Level {
    fn from(pool: PoolLevel) -> Self {
        Self { units: pool.available, version: pool.version }
    }
}

/// What a node's item tells of its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct NodeLevel {
    on_hand: u64,
    #[serde(default)]
    version: u64,
}

impl From<NodeLevel> for Level {
    fn from(node: NodeLevel) -> Self {
        Self { units: node.on_hand, version: node.version }
    }
}

/// Handles one batch of the stream.
pub async fn handle(
    store: &impl LevelStore,
    bus: &impl Bus,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    event: &Event,
) -> KinesisEventResponse {
    let records = &event.records;
    let (changes, unreadable) = changes(records);
    let mut entries = Vec::with_capacity(changes.len());
    let mut untold = None;
    for (subject, change) in &changes {
        match entry(store, clock, subject, change).await {
            Ok(entry) => entries.push((change.position, entry)),
            Err(error) => {
                report(change.record, &error);
                untold = Some(change.position);
                break;
            }
        }
    }
    let taken = |entries: &[Entry]| {
        bus::report(entries);
        metrics.record(&[EVENTS_PUBLISHED.of(entries.len())]);
    };
    let unpublished = publish(bus, clock, &entries, taken).await;
    answer(records, unpublished.or(untold).or(unreadable))
}

fn report(record: &EventRecord, error: &LevelError) {
    tracing::error!(event_id = record.event_id, error = chain(error), "a level cannot be told");
}

/// What the records changed, each with its last change and in the order of these, up to the first record that cannot be
/// read; and where that is.
fn changes(records: &[EventRecord]) -> (Vec<(Subject, Change<'_>)>, Option<usize>) {
    let mut last: BTreeMap<Subject, Change<'_>> = BTreeMap::new();
    let mut unreadable = None;
    for (position, record) in records.iter().enumerate() {
        match changed(record) {
            Ok(Some((subject, level))) => {
                last.insert(subject, Change { position, record, level });
            }
            Ok(None) => {}
            Err(error) => {
                report(record, &error);
                unreadable = Some(position);
                break;
            }
        }
    }
    let mut changes: Vec<_> = last.into_iter().collect();
    changes.sort_by_key(|(_, change)| change.position);
    (changes, unreadable)
}

/// What a record's write changed the numbers of, and what the written item has now.
fn changed(record: &EventRecord) -> Result<Option<(Subject, Level)>, LevelError> {
    let (old, new) = (&record.change.old_image, &record.change.new_image);
    if new.is_empty() {
        return Ok(None);
    }
    let key: ItemKey = read(new)?;
    let Some(sku) = key.pk.strip_prefix("SKU#") else { return Ok(None) };
    if key.sk.starts_with("POOL#") {
        let level = news::<PoolLevel>(old, new)?;
        return Ok(level
            .map(|level| Ok::<_, IdError>((Subject::Sku(Sku::parse(sku)?), level)))
            .transpose()?);
    }
    let Some(node) = key.sk.strip_prefix("NODE#") else { return Ok(None) };
    let Some(level) = news::<NodeLevel>(old, new)? else { return Ok(None) };
    Ok(Some((Subject::Node(Sku::parse(sku)?, NodeId::parse(node)?), level)))
}

fn read<T: DeserializeOwned>(image: &serde_dynamo::Item) -> Result<T, serde_dynamo::Error> {
    serde_dynamo::from_item(image.clone())
}

/// What the item has now, unless it had as many units before.
fn news<T: DeserializeOwned + Into<Level>>(
    old: &serde_dynamo::Item,
    new: &serde_dynamo::Item,
) -> Result<Option<Level>, serde_dynamo::Error> {
    let now: Level = read::<T>(new)?.into();
    let before: Option<Level> = read::<T>(old).ok().map(Into::into);
    Ok((before.map(|level| level.units) != Some(now.units)).then_some(now))
}

async fn entry(
    store: &impl LevelStore,
    clock: &impl Pauses,
    subject: &Subject,
    change: &Change<'_>,
) -> Result<Entry, LevelError> {
    match subject {
        Subject::Sku(sku) => {
            let Level { units, version } = told(store.pools(sku).await?)?;
            let data = StockLevelChanged { sku: sku.clone(), available: units, version };
            fact(sku.as_str(), version, change, clock, data)
        }
        Subject::Node(sku, node) => {
            let Level { units, version } = told([change.level])?;
            let data = NodeStockChanged { sku: sku.clone(), node: node.clone(), on_hand: units, version };
            fact(&format!("{sku}/{node}"), version, change, clock, data)
        }
    }
}

fn fact<T: EventData>(
    aggregate: &str,
    version: u64,
    change: &Change<'_>,
    clock: &impl Pauses,
    data: T,
) -> Result<Entry, LevelError> {
    let id = event_id::<T>(aggregate, version);
    Ok(fact_entry(id, Cause::record(id, &change.record.event_id), clock.now(), data)?)
}

#[cfg(test)]
mod tests;
