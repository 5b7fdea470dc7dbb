//! Takes customers' requests to cancel their orders.
//!
//! Consumes: the queue that API Gateway writes to; order id and principal as message attributes, nothing in the body.
//! Emits: OrderCancellationRequested, through the outbox.
//! Idempotency key: the order id; a request that is recorded is not recorded again. A request that comes before its order
//! is kept for it, so that ingestion rejects the order.
//! Retries: when the table is busy or does not answer, or others keep writing in between.
//! Parks: what names no principal (the door lets none through).
//!
//! Nothing is decided here: the saga gives the order up at its next step, or it is too late.

use lakeside_contracts::events::OrderCancellationRequested;
use lakeside_domain::{
    ids::{CustomerId, IdError, OrderId},
    order::request_cancellation,
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    metrics::{CANCELLATIONS_REQUESTED, Metrics},
    outbox::{Cause, Entry, entry},
    sqs::{Failures, Message, each},
};

use crate::{
    order_ingest::{INVALID_ORDER_ID, digest},
    order_record::{EarlyCancellation, OrderRecord, RefusedRecord, Saved},
};

/// Attempts at a write that others overtake.
const ATTEMPTS: usize = 5;

/// The orders squad's table, as far as this function needs it.
pub trait Cancellations {
    /// The order, read consistently.
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError>;
    /// Replaces the version before `record`'s.
    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError>;
    /// Keeps a request for an order that has not come, if it still has not; keeping it twice is keeping it once.
    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError>;
    /// Keeps a request that can be no order's.
    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError>;
}

/// Why a request could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// It does not say who sent it.
    #[error("the message names no principal")]
    Principal(#[source] Option<IdError>),
    /// An order that is under way, of which nothing is known.
    #[error("order {0} is under way and was never accepted")]
    NeverAccepted(OrderId),
    /// Others wrote in between, again and again.
    #[error("order {0} is contended")]
    Contended(OrderId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for CancelError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Principal(_) | Self::NeverAccepted(_) => Disposition::Park,
            Self::Contended(_) => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(
    orders: &impl Cancellations,
    clock: &impl Clock,
    metrics: &impl Metrics,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| -> Result<(), CancelError> {
        let Some((order_id, customer_id)) = read(orders, clock.now(), message).await? else { return Ok(()) };
        cancel(orders, clock.now(), metrics, message, order_id, customer_id).await
    })
    .await
}

/// Reads a message; `None` if its order id is no UUID, which is recorded and over.
async fn read(
    orders: &impl Cancellations,
    now: Timestamp,
    message: &Message,
) -> Result<Option<(OrderId, CustomerId)>, CancelError> {
    let principal = message.attributes.get("principal").ok_or(CancelError::Principal(None))?;
    let customer_id = CustomerId::parse(principal).map_err(|e| CancelError::Principal(Some(e)))?;
    let raw_id = message.attributes.get("orderId").map_or("", String::as_str);
    if let Ok(order_id) = OrderId::parse(raw_id) {
        return Ok(Some((order_id, customer_id)));
    }
    tracing::warn!(message_id = message.id, reason = INVALID_ORDER_ID, "cancellation refused");
    let refused = RefusedRecord {
        reason: INVALID_ORDER_ID.into(),
        order_id_digest: digest(raw_id.as_bytes()),
        received_at: now,
    };
    orders.keep_refused(&message.id, &refused).await?;
    Ok(None)
}

async fn cancel(
    orders: &impl Cancellations,
    now: Timestamp,
    metrics: &impl Metrics,
    message: &Message,
    order_id: OrderId,
    customer_id: CustomerId,
) -> Result<(), CancelError> {
    let early = EarlyCancellation { order_id, customer_id, requested_at: now };
    for _ in 0..ATTEMPTS {
        let Some(mut record) = orders.order(order_id).await? else {
            if orders.keep_early(&early).await? == Saved::Yes {
                tracing::info!("cancellation kept for an order that has not come");
                return Ok(());
            }
            continue;
        };
        let asked_before = record.cancellation_requested_at.is_some();
        if let Err(absorbed) =
            request_cancellation(&record.customer_id, &record.state, asked_before, &early.customer_id)
        {
            tracing::info!(because = %absorbed, "cancellation absorbed");
            return Ok(());
        }
        let Some(order) = &record.order else { return Err(CancelError::NeverAccepted(order_id)) };
        let requested = OrderCancellationRequested { order_id, total: order.total };
        let outbox = [entry(order_id, Cause::message(order_id, &message.id), now, requested)?];
        record.cancellation_requested_at = Some(now);
        record.version = record.version.saturating_add(1);
        if orders.request(&record, &outbox).await? == Saved::Yes {
            tracing::info!("cancellation requested");
            metrics.record(&[CANCELLATIONS_REQUESTED.of(1)]);
            return Ok(());
        }
    }
    Err(CancelError::Contended(order_id))
}

#[cfg(test)]
mod tests;
