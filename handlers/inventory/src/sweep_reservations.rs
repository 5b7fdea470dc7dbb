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
    correlation::Correlation,
    disposition::chain,
    dynamo::StoreError,
    metrics::{HOLDS_FORSAKEN, Metrics},
    outbox::{Cause, Entry, entry},
};
use serde::Serialize;
use tracing::Instrument;

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
    metrics: &impl Metrics,
    settings: Settings,
) -> Result<Swept, StockError> {
    let mut swept = Swept::default();
    let mut failed = None;
    let ended_by = clock.now().minus_seconds(settings.grace_seconds);
    for order_id in store.ended_holds(ended_by).await? {
        // No event has led to it: the order itself is the cause.
        let cause = Cause::of(order_id, order_id.as_uuid());
        let span = Correlation::of_order(order_id, cause).span();
        match sweep(store, clock.now(), ended_by, order_id, cause).instrument(span.clone()).await {
            Ok(Committed::Yes) => {
                metrics.record(&[HOLDS_FORSAKEN.of(1)]);
                swept.released = swept.released.saturating_add(1);
            }
            Ok(Committed::Stale) => swept.passed_over = swept.passed_over.saturating_add(1),
            Err(error) => {
                span.in_scope(|| tracing::error!(error = chain(&error), "hold not released"));
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
    cause: Cause,
) -> Result<Committed, StockError> {
    let current = store.reservation(order_id).await?;
    let Some(held) = current.filter(|r| r.is_forsaken(ended_by)) else {
        return Ok(Committed::Stale);
    };
    let lines = held.lines().map_err(|e| StockError::Damaged(order_id, e))?;
    let released = StockReleased { order_id, lines: lines.iter().map(Into::into).collect() };
    let committed = store.release_ended(&held, &[entry(order_id, cause, now, released)?]).await?;
    if committed == Committed::Yes {
        tracing::warn!("forsaken hold released");
    }
    Ok(committed)
}

#[cfg(test)]
mod tests {
    use lakeside_domain::{
        reservation::{ReservationStatus, Take},
        stock::PoolId,
    };
    use lakeside_kit::memory::{Log, ManualClock, MemoryMetrics};
    use uuid::Uuid;

    use super::*;
    use crate::goods::{hold, sku, stocked};

    #[tokio::test]
    async fn a_forsaken_hold_counts_once_and_is_told_with_its_order() {
        let (table, metrics, log) =
            (stocked(&[("TENT", "wh-east", 3)]), MemoryMetrics::default(), Log::default());
        hold(&table, "TENT", 1);
        let order_id = OrderId::from_uuid(Uuid::from_u128(1));
        let takes = vec![Take { sku: sku("TENT"), pool: PoolId(0), units: 1 }];
        let expires_at = Timestamp::from_millis(1_000);
        let held = Reservation { order_id, status: ReservationStatus::Held, takes, expires_at };
        table.reservations.borrow_mut().insert(order_id, held);
        for now in [60_000, 70_000, 80_000] {
            let settings = Settings { grace_seconds: 60 };
            log.of(handle(&table, &ManualClock::at(now), &metrics, settings)).await.unwrap();
        }
        assert_eq!(metrics.values(HOLDS_FORSAKEN), [1]);
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for field in ["correlation_id", "causation_id", "order_id"] {
            assert_eq!(lines[0][field], order_id.to_string(), "{field}");
        }
    }
}
