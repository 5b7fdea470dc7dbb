//! Moves orders along on facts from inventory and fulfilment.
//!
//! Consumes: StockReservationFailed, PaymentCaptured, FulfilmentCompleted, FulfilmentFailed, FulfilmentParked.
//! Emits: OrderConfirmed, OrderFulfilled, OrderCancelled, OrderRejected, through the outbox.
//! Idempotency key: the order's state, and when its saga was last parked; a fact that is old news changes nothing.
//! Retries: when the table is busy or does not answer, or others keep writing in between.
//! Parks: what is none of these events, and facts about an order that does not exist.

use lakeside_contracts::{
    Delivery,
    envelope::{DecodeError, Metadata},
    events::{
        FulfilmentCompleted, FulfilmentFailed, FulfilmentParked, OrderCancelled, OrderConfirmed,
        OrderFulfilled, OrderRejected, PaymentCaptured, StockReservationFailed,
    },
};
use lakeside_domain::{
    events::EventId,
    ids::OrderId,
    order::{Fact, OrderEvent, OrderState, advance, evolve},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    metrics::{
        FULFILMENT_TIME, Measure, Metrics, ORDERS_CANCELLED, ORDERS_FULFILLED, ORDERS_REJECTED, SAGAS_PARKED,
    },
    outbox::{Cause, Entry, entry},
    sqs::{self, Failures, Message, each},
};

use crate::order_record::{OrderRecord, Saved};

/// Attempts at a write that others overtake.
const ATTEMPTS: usize = 5;

/// The orders squad's table, as far as this function needs it.
pub trait Orders {
    /// The order, read consistently.
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError>;
    /// Replaces the version before `record`'s.
    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError>;
}

/// Why a fact could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// Nothing here consumes such an event.
    #[error("nothing is known about `{0}` events")]
    Unknown(String),
    /// The order does not exist.
    #[error("order {0} does not exist")]
    NoOrder(OrderId),
    /// Others wrote in between, again and again.
    #[error("order {0} is contended")]
    Contended(OrderId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for AdvanceError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) | Self::Unknown(_) | Self::NoOrder(_) => Disposition::Park,
            Self::Contended(_) => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(
    orders: &impl Orders,
    clock: &impl Clock,
    metrics: &impl Metrics,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| apply(orders, clock.now(), metrics, &message.delivery()?).await).await
}

async fn apply(
    orders: &impl Orders,
    now: Timestamp,
    metrics: &impl Metrics,
    delivery: &Delivery,
) -> Result<(), AdvanceError> {
    let Heard { order_id, event_id, occurred_at, fact } = read(delivery)?;
    for _ in 0..ATTEMPTS {
        let Some(mut record) = orders.load(order_id).await? else {
            return Err(AdvanceError::NoOrder(order_id));
        };
        let events = advance(&record.state, &fact);
        let newly_parked = fact == Fact::FulfilmentParked && record.parked_at < Some(occurred_at);
        if events.is_empty() && !newly_parked {
            return Ok(());
        }
        let cause = Cause::of(order_id, event_id.as_uuid());
        let outbox: Vec<Entry> =
            events.iter().map(|event| announce(&record, event, cause, now)).collect::<Result<_, _>>()?;
        if let Some(last) = events.last() {
            record.state = evolve(last);
        }
        if newly_parked {
            record.parked_at = Some(occurred_at);
        }
        record.version = record.version.saturating_add(1);
        if orders.save(&record, &outbox).await? == Saved::Yes {
            if newly_parked {
                tracing::warn!(state = ?record.state, "saga parked");
                metrics.record(&[SAGAS_PARKED.of(1).at(occurred_at)]);
            } else {
                tracing::info!(state = ?record.state, "order advanced");
                metrics.record(&measures(&record, now));
            }
            return Ok(());
        }
    }
    Err(AdvanceError::Contended(order_id))
}

/// What is counted of an order that has come to this state.
fn measures(record: &OrderRecord, now: Timestamp) -> Vec<Measure> {
    match &record.state {
        OrderState::Fulfilled => {
            let placed_at = record.order.as_ref().map(|order| order.placed_at);
            let took = placed_at.map(|placed_at| FULFILMENT_TIME.between(placed_at, now));
            [ORDERS_FULFILLED.of(1)].into_iter().chain(took).collect()
        }
        OrderState::Cancelled { .. } => vec![ORDERS_CANCELLED.of(1)],
        OrderState::Rejected { .. } => vec![ORDERS_REJECTED.of(1)],
        OrderState::Created | OrderState::Confirmed => Vec::new(),
    }
}

/// A fact, of which order, and when somebody said it.
struct Heard {
    order_id: OrderId,
    event_id: EventId,
    occurred_at: Timestamp,
    fact: Fact,
}

impl Heard {
    fn of(metadata: &Metadata, order_id: OrderId, fact: Fact) -> Self {
        Self { order_id, event_id: metadata.event_id, occurred_at: metadata.occurred_at.0, fact }
    }
}

fn read(delivery: &Delivery) -> Result<Heard, AdvanceError> {
    Ok(if delivery.is::<StockReservationFailed>() {
        let event = delivery.decode::<StockReservationFailed>()?;
        let fact = Fact::StockReservationFailed { reason: event.data.reason };
        Heard::of(&event.metadata, event.data.order_id, fact)
    } else if delivery.is::<PaymentCaptured>() {
        let event = delivery.decode::<PaymentCaptured>()?;
        Heard::of(&event.metadata, event.data.order_id, Fact::PaymentCaptured)
    } else if delivery.is::<FulfilmentCompleted>() {
        let event = delivery.decode::<FulfilmentCompleted>()?;
        Heard::of(&event.metadata, event.data.order_id, Fact::FulfilmentCompleted)
    } else if delivery.is::<FulfilmentFailed>() {
        let event = delivery.decode::<FulfilmentFailed>()?;
        let fact = Fact::FulfilmentFailed { step: event.data.step, reason: event.data.reason };
        Heard::of(&event.metadata, event.data.order_id, fact)
    } else if delivery.is::<FulfilmentParked>() {
        let event = delivery.decode::<FulfilmentParked>()?;
        Heard::of(&event.metadata, event.data.order_id, Fact::FulfilmentParked)
    } else {
        return Err(AdvanceError::Unknown(delivery.detail_type.clone()));
    })
}

fn announce(
    record: &OrderRecord,
    event: &OrderEvent,
    cause: Cause,
    now: Timestamp,
) -> Result<Entry, StoreError> {
    let order_id = record.order_id;
    match event {
        OrderEvent::Confirmed => entry(order_id, cause, now, OrderConfirmed { order_id }),
        OrderEvent::Fulfilled => entry(order_id, cause, now, OrderFulfilled { order_id }),
        OrderEvent::Cancelled { reason } => {
            entry(order_id, cause, now, OrderCancelled { order_id, reason: reason.clone() })
        }
        OrderEvent::Rejected { reason } => {
            let customer_id = record.customer_id.clone();
            entry(order_id, cause, now, OrderRejected { order_id, customer_id, reason: reason.clone() })
        }
    }
}

#[cfg(test)]
mod tests;
