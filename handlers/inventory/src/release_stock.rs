//! Puts stock back when a saga gives up.
//!
//! Consumes: the saga's commands ReleaseAllocation and ReleaseStock, synchronously.
//! Emits: StockReleased, through the outbox.
//! Idempotency key: the order id; what is released stays released, and a release that comes before what it
//! releases closes it for good, so that a late reservation cannot strand.
//! Retries: the saga, while the error type says so.
//! Parks: the saga, when records contradict each other.

use lakeside_contracts::{
    commands::{Command, ReleaseResult},
    events::StockReleased,
};
use lakeside_domain::{
    allocation::{self, Allocation},
    ids::OrderId,
    reservation::{self, Reservation, ReservationStatus},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    dynamo::StoreError,
    metrics::{COMPENSATIONS, Metrics},
    outbox::{Cause, Entry, entry},
};

use crate::stock_error::{ATTEMPTS, Committed, StockError};

/// The inventory squad's table, as far as releasing needs it.
pub trait ReleaseStore {
    /// The order's reservation, read consistently.
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError>;
    /// The order's allocation, read consistently.
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError>;
    /// held to available, if the reservation is still held.
    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError>;
    /// Records that there may be no reservation, if there is none.
    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError>;
    /// Nodes' units back and sold to held, if the allocation still stands.
    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError>;
    /// Records that there may be no allocation, if there is none.
    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError>;
}

/// Handles one command.
///
/// # Errors
/// [`StockError`]; nothing is half released.
pub async fn handle(
    store: &impl ReleaseStore,
    clock: &impl Clock,
    metrics: &impl Metrics,
    command: Command,
) -> Result<ReleaseResult, StockError> {
    let undone = match &command {
        Command::ReleaseAllocation(command) => release_allocation(store, command.order_id).await?,
        Command::ReleaseStock(command) => {
            let cause = Cause::of(command.order_id, command.metadata.causation_id);
            release_stock(store, clock.now(), command.order_id, cause).await?
        }
        other => return Err(StockError::Unexpected(other.name())),
    };
    if undone == Undone::Something {
        metrics.record(&[COMPENSATIONS.of(1)]);
    }
    tracing::info!(command = command.name(), ?undone, "released");
    Ok(ReleaseResult::Released)
}

/// What a release found to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undone {
    Something,
    /// It was undone before, or is closed to what may still come.
    Nothing,
}

async fn release_stock(
    store: &impl ReleaseStore,
    now: Timestamp,
    order_id: OrderId,
    cause: Cause,
) -> Result<Undone, StockError> {
    for _ in 0..ATTEMPTS {
        let current = store.reservation(order_id).await?;
        let (written, undone) = match (reservation::begin_release(current.as_ref()), &current) {
            (reservation::ReleaseStep::Done, _) => return Ok(Undone::Nothing),
            (reservation::ReleaseStep::AllocationFirst, _) => return Err(StockError::Sold(order_id)),
            (reservation::ReleaseStep::Release, Some(held)) => {
                let lines = held.lines().map_err(|e| StockError::Damaged(order_id, e))?;
                let released = StockReleased { order_id, lines: lines.iter().map(Into::into).collect() };
                let outbox = [entry(order_id, cause, now, released)?];
                (store.release_reservation(held, &outbox).await?, Undone::Something)
            }
            (reservation::ReleaseStep::Close | reservation::ReleaseStep::Release, _) => {
                (store.close_reservation(order_id, now).await?, Undone::Nothing)
            }
        };
        if written == Committed::Yes {
            return Ok(undone);
        }
    }
    Err(StockError::Contended(order_id))
}

async fn release_allocation(store: &impl ReleaseStore, order_id: OrderId) -> Result<Undone, StockError> {
    for _ in 0..ATTEMPTS {
        let current = store.allocation(order_id).await?;
        let (written, undone) = match (allocation::begin_release(current.as_ref()), &current) {
            (allocation::ReleaseStep::Done, _) => return Ok(Undone::Nothing),
            (allocation::ReleaseStep::Release, Some(allocated)) => {
                let committed = store
                    .reservation(order_id)
                    .await?
                    .filter(|r| r.status == ReservationStatus::Committed)
                    .ok_or(StockError::Contradiction(order_id))?;
                (store.release_allocation(allocated, &committed).await?, Undone::Something)
            }
            (allocation::ReleaseStep::Close | allocation::ReleaseStep::Release, _) => {
                (store.close_allocation(order_id).await?, Undone::Nothing)
            }
        };
        if written == Committed::Yes {
            return Ok(undone);
        }
    }
    Err(StockError::Contended(order_id))
}

#[cfg(test)]
mod tests;
