//! Chooses the nodes that a paid order leaves from, and turns its hold into a sale.
//!
//! Consumes: the saga's command AllocateStock, synchronously.
//! Emits: StockCommitted and WarehouseAllocated, through the outbox.
//! Idempotency key: the order id: one allocation record per order, forever.
//! Retries: the saga, while the error type says so.
//! Refuses: an order whose hold has ended or was released, and one that the nodes cannot cover.

use std::collections::BTreeSet;

use lakeside_contracts::{
    commands::{AllocateStockResult, Command},
    events::{StockCommitted, WarehouseAllocated},
};
use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, NODES_SHORT, OnHand, Shipment, allocate},
    ids::{OrderId, ReasonCode, Sku},
    reservation::{Line, Reservation},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    dynamo::StoreError,
    outbox::{Cause, Entry, entry},
};

use crate::stock_error::{ATTEMPTS, Committed, StockError};

/// The reason code of an order that has no live hold.
pub const HOLD_ENDED: &str = "HOLD_ENDED";
/// The reason code of an order whose allocation was released before it was made.
pub const ALLOCATION_CLOSED: &str = "ALLOCATION_CLOSED";

/// What one allocation writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAllocation {
    /// The record.
    pub allocation: Allocation,
    /// The hold that becomes a sale.
    pub reservation: Reservation,
    /// The events of the allocation's record.
    pub allocation_outbox: Vec<Entry>,
    /// The events of the reservation's record.
    pub reservation_outbox: Vec<Entry>,
}

/// The inventory squad's table, as far as allocating needs it.
pub trait AllocationStore {
    /// The order's allocation, read consistently.
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError>;
    /// The order's reservation, read consistently.
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError>;
    /// What the nodes have of `skus`, read consistently.
    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError>;
    /// Takes the nodes' units and turns held into sold, if the hold is live at `now`, the nodes still have the
    /// units, and there is no allocation yet.
    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError>;
}

/// Handles one command.
///
/// # Errors
/// [`StockError`]; nothing is half allocated.
pub async fn handle(
    store: &impl AllocationStore,
    clock: &impl Clock,
    command: Command,
) -> Result<AllocateStockResult, StockError> {
    let command = match command {
        Command::AllocateStock(command) => command,
        other => return Err(StockError::Unexpected(other.name())),
    };
    let order_id = command.order_id;
    let cause = Cause::of(order_id, command.metadata.causation_id);
    for _ in 0..ATTEMPTS {
        match store.allocation(order_id).await? {
            Some(allocation) if allocation.status == AllocationStatus::Allocated => {
                return Ok(allocated(&allocation.shipments));
            }
            Some(_) => return Ok(refused(ALLOCATION_CLOSED)),
            None => {}
        }
        let now = clock.now();
        let reservation = store.reservation(order_id).await?;
        let Some(reservation) = reservation.filter(|r| r.is_live(now)) else {
            return Ok(refused(HOLD_ENDED));
        };
        let lines = reservation.lines().map_err(|e| StockError::Damaged(order_id, e))?;
        let on_hand = store.on_hand(&lines.iter().map(|line| &line.sku).collect()).await?;
        let shipments = match allocate(order_id, &lines, &on_hand) {
            Ok(shipments) => shipments,
            Err(error) => {
                tracing::error!(%error, "pools and nodes disagree");
                return Ok(refused(NODES_SHORT));
            }
        };
        let new = record(order_id, shipments, reservation, &lines, cause, now)?;
        // The hold may end between the reading and this.
        if store.allocate(&new, clock.now()).await? == Committed::Yes {
            tracing::info!(shipments = new.allocation.shipments.len(), "allocated");
            return Ok(allocated(&new.allocation.shipments));
        }
    }
    Err(StockError::Contended(order_id))
}

fn record(
    order_id: OrderId,
    shipments: Vec<Shipment>,
    reservation: Reservation,
    lines: &[Line],
    cause: Cause,
    now: Timestamp,
) -> Result<NewAllocation, StoreError> {
    let committed = StockCommitted { order_id, lines: lines.iter().map(Into::into).collect() };
    let allocated = WarehouseAllocated { order_id, shipments: shipments.iter().map(Into::into).collect() };
    Ok(NewAllocation {
        allocation: Allocation { order_id, status: AllocationStatus::Allocated, shipments },
        reservation,
        allocation_outbox: vec![entry(order_id, cause, now, allocated)?],
        reservation_outbox: vec![entry(order_id, cause, now, committed)?],
    })
}

fn allocated(shipments: &[Shipment]) -> AllocateStockResult {
    AllocateStockResult::Allocated { shipments: shipments.iter().map(Into::into).collect() }
}

fn refused(code: &'static str) -> AllocateStockResult {
    AllocateStockResult::Refused { reason: ReasonCode::constant(code) }
}

#[cfg(test)]
mod tests;
