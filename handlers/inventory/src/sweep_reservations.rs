//! Puts stock back that is held for an order which nobody will sell it to: its saga never ran, or died for good.
//!
//! Consumes: the schedule, every minute; the input does not matter.
//! Emits: StockReleased, through the outbox.
//! Idempotency key: the order id; a hold is released once, and only as it was read: one that was renewed or sold in
//! between stays.
//! Retries: the schedule, and the next minute.
//! Parks: nothing. A hold that cannot be released is named in the log and fails the run, which alarms.

use lakeside_contracts::events::StockReleased;
use lakeside_domain::{ids::OrderId, reservation::Reservation, time::Timestamp};
use lakeside_kit::{
    clock::Clock,
    disposition::chain,
    dynamo::StoreError,
    outbox::{Cause, Entry, entry},
};
use serde::Serialize;

use crate::stock_error::{Committed, StockError};

/// The inventory squad's table, as far as sweeping needs it.
pub trait SweepStore {
    /// Orders whose hold ended by `ended_by`, some hundreds at most. It is read from an index, which lags: a hold may
    /// be named that is over, and one may be missing.
    async fn ended_holds(&self, ended_by: Timestamp) -> Result<Vec<OrderId>, StoreError>;
    /// The order's reservation, read consistently.
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError>;
    /// held to available, if the reservation is still held, and until no other time.
    async fn release_ended(&self, held: &Reservation, outbox: &[Entry]) -> Result<Committed, StoreError>;
}

/// How the function is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long after its end a hold is left alone, in seconds. The hold outlasts the saga; this outlasts its repair.
    pub grace_seconds: u32,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Holds whose units are on sale again.
    pub released: usize,
    /// Holds that were renewed, sold or released since the index was written.
    pub passed_over: usize,
}

/// Releases every hold that is forsaken.
///
/// # Errors
/// [`StockError`] of the last hold that could not be released, after all the others were.
pub async fn handle(
    store: &impl SweepStore,
    clock: &impl Clock,
    settings: Settings,
) -> Result<Swept, StockError> {
    let mut swept = Swept::default();
    let mut failed = None;
    let ended_by = clock.now().minus_seconds(settings.grace_seconds);
    for order_id in store.ended_holds(ended_by).await? {
        match sweep(store, clock.now(), ended_by, order_id).await {
            Ok(Committed::Yes) => swept.released = swept.released.saturating_add(1),
            Ok(Committed::Stale) => swept.passed_over = swept.passed_over.saturating_add(1),
            Err(error) => {
                tracing::error!(correlation_id = %order_id, error = chain(&error), "hold not released");
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

async fn sweep(
    store: &impl SweepStore,
    now: Timestamp,
    ended_by: Timestamp,
    order_id: OrderId,
) -> Result<Committed, StockError> {
    let current = store.reservation(order_id).await?;
    let Some(held) = current.filter(|r| r.is_forsaken(ended_by)) else {
        return Ok(Committed::Stale);
    };
    let lines = held.lines().map_err(|e| StockError::Damaged(order_id, e))?;
    let released = StockReleased { order_id, lines: lines.iter().map(Into::into).collect() };
    let cause = Cause::of(order_id, order_id.as_uuid());
    let committed = store.release_ended(&held, &[entry(order_id, cause, now, released)?]).await?;
    if committed == Committed::Yes {
        tracing::warn!(correlation_id = %order_id, "forsaken hold released");
    }
    Ok(committed)
}
