//! Proves of one SKU after the other that pools and nodes agree (I1), while orders go on; and evens out the pools of hot
//! SKUs.
//!
//! Consumes: the schedule, every fifteen minutes; or, from operations, `{"skus": [..]}`, to look at these alone.
//! Emits: nothing. A difference is named in the log, which alarms; what it means is for people to find out.
//! Idempotency key: none is needed: it reads, and moves units between pools only as long as the pool that gets them is as
//! short as it was read.
//! Retries: the schedule, and the next run, which goes on where this one ended.
//! Parks: nothing. A SKU whose items cannot be read is named in the log and fails the run, which alarms.

use std::collections::BTreeMap;

use lakeside_domain::{
    ids::Sku,
    rebalancing::{Move, moves},
    reconciliation::{Difference, SkuStock, differences},
    stock::PoolId,
};
use lakeside_kit::{
    disposition::{Disposed, Disposition, chain},
    dynamo::StoreError,
    metrics::{Metrics, STOCK_DIFFERENCES},
};
use serde::{Deserialize, Serialize};

use crate::stock_error::Committed;

/// What the log says of a SKU whose counts differ; the alarm looks for it.
const STOCK_DIFFERS: &str = "STOCK_DIFFERS";
/// Pages of SKUs that one run looks at.
const PAGES: usize = 10;
/// Readings of a SKU in a row of which two must be the same.
const READINGS: usize = 6;

/// How far the walk over all SKUs has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The partition of the index.
    pub shard: u8,
    /// The last SKU of it that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Sku>,
}

/// Some SKUs, and where the next ones are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// SKUs that have stock, or had.
    pub skus: Vec<Sku>,
    /// The beginning again, after the last.
    pub next: Position,
}

/// The inventory squad's table, as far as reconciling needs it.
pub trait ReconcileStore {
    /// Where the last run ended.
    async fn position(&self) -> Result<Position, StoreError>;
    /// Remembers where this run has come to.
    async fn keep_position(&self, position: &Position) -> Result<(), StoreError>;
    /// The next SKUs. They are read from an index, which lags: a new one may be missing.
    async fn skus(&self, from: &Position) -> Result<Page, StoreError>;
    /// All items of a SKU, each read consistently, but one after the other.
    async fn stock_of(&self, sku: &Sku) -> Result<SkuStock, StoreError>;
    /// Moves units between two pools, if the one has them and the other has no more than was seen.
    async fn move_units(&self, sku: &Sku, step: Move) -> Result<Committed, StoreError>;
}

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Request {
    /// These alone; the next ones of all if there are none.
    #[serde(default)]
    pub skus: Vec<Sku>,
}

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// SKUs whose counts agree.
    pub agree: usize,
    /// SKUs whose counts do not, with what differs.
    pub different: BTreeMap<Sku, Vec<Difference>>,
    /// SKUs that changed too fast to be judged; the next round may.
    pub unsettled: usize,
    /// Moves between pools.
    pub moves: usize,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item of a SKU cannot be read; the others were looked at.
    #[error("the stock of `{0}` cannot be read")]
    Unreadable(Sku, #[source] StoreError),
}

impl Disposed for ReconcileError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Store(error) | Self::Unreadable(_, error) => error.disposition(),
        }
    }
}

/// Looks at the next SKUs, or at those that were asked for.
///
/// # Errors
/// [`ReconcileError`] of the last SKU that could not be looked at, after all the others were.
pub async fn handle(
    store: &impl ReconcileStore,
    metrics: &impl Metrics,
    request: Request,
) -> Result<Reconciled, ReconcileError> {
    let mut found = Reconciled::default();
    let mut failed = None;
    if request.skus.is_empty() {
        let begun = store.position().await?;
        let mut position = begun.clone();
        for _ in 0..PAGES {
            let page = store.skus(&position).await?;
            look_at_all(store, &page.skus, &mut found, &mut failed).await;
            position = page.next;
            if position == Position::default() {
                break;
            }
        }
        if position != begun {
            store.keep_position(&position).await?;
        }
    } else {
        look_at_all(store, &request.skus, &mut found, &mut failed).await;
    }
    metrics.record(&[STOCK_DIFFERENCES.of(found.different.len())]);
    let Reconciled { agree, different, unsettled, moves } = &found;
    tracing::info!(agree, different = different.len(), unsettled, moves, "stock reconciled");
    failed.map_or(Ok(found), Err)
}

async fn look_at_all(
    store: &impl ReconcileStore,
    skus: &[Sku],
    found: &mut Reconciled,
    failed: &mut Option<ReconcileError>,
) {
    for sku in skus {
        if let Err(error) = look_at(store, sku, found).await {
            let error = ReconcileError::Unreadable(sku.clone(), error);
            tracing::error!(error = chain(&error), "sku not reconciled");
            *failed = Some(error);
        }
    }
}

async fn look_at(store: &impl ReconcileStore, sku: &Sku, found: &mut Reconciled) -> Result<(), StoreError> {
    let mut stock = store.stock_of(sku).await?;
    for _ in 1..READINGS {
        let differences = differences(&stock);
        if differences.is_empty() {
            found.agree = found.agree.saturating_add(1);
            return even_out(store, sku, &stock, found).await;
        }
        // Others may have written between two items. What is the same twice was so at the moment in between.
        let again = store.stock_of(sku).await?;
        if again == stock {
            let said = differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            tracing::error!(%sku, outcome = STOCK_DIFFERS, differences = said, "pools and nodes disagree");
            found.different.insert(sku.clone(), differences);
            return Ok(());
        }
        stock = again;
    }
    tracing::info!(%sku, "changes too fast to be judged");
    found.unsettled = found.unsettled.saturating_add(1);
    Ok(())
}

async fn even_out(
    store: &impl ReconcileStore,
    sku: &Sku,
    stock: &SkuStock,
    found: &mut Reconciled,
) -> Result<(), StoreError> {
    let available: BTreeMap<PoolId, u64> =
        stock.pools.iter().map(|(pool, c)| (*pool, c.available.unsigned_abs())).collect();
    let pools = u8::try_from(stock.pools.len()).unwrap_or(u8::MAX);
    for step in moves(&available, stock.wanted_pools.unwrap_or(pools)) {
        if store.move_units(sku, step).await? == Committed::Stale {
            // The pools are not as they were read; the next run reads them again.
            break;
        }
        let Move { from, to, units, .. } = step;
        tracing::info!(%sku, from = from.0, to = to.0, units, "pools evened out");
        found.moves = found.moves.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
