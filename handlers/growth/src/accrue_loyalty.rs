//! Gives a customer the points of an order that is fulfilled, and takes them back if it is undone.
//!
//! Consumes: OrderCreated, OrderFulfilled, OrderCancelled, OrderRejected, in any order.
//! Emits: LoyaltyPointsAccrued, LoyaltyPointsReversed, through the outbox.
//! Idempotency key: the order id. One record per order forever says what was heard and given; a fact that is old news
//! changes nothing.
//! Retries: when the table is busy or does not answer, or others keep writing in between.
//! Parks: what is none of these events, and totals that earn no number of points.

use lakeside_contracts::{
    Delivery,
    envelope::DecodeError,
    events::{
        LoyaltyPointsAccrued, LoyaltyPointsReversed, OrderCancelled, OrderCreated, OrderFulfilled,
        OrderRejected,
    },
};
use lakeside_domain::{
    events::EventId,
    ids::OrderId,
    loyalty::{Earning, Fact, LoyaltyError, LoyaltyEvent, OrderPoints, Rate, hear},
    time::Timestamp,
};
use lakeside_kit::{
    attempt::{READINGS, Written},
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    outbox::{Cause, Entry, entry},
    sqs::{self, Failures, Message, each},
};

use crate::loyalty_record::{AccountChange, LoyaltyRecord};

/// The growth squad's table, as far as loyalty needs it.
pub trait LoyaltyStore {
    /// What is known of the order, read consistently.
    async fn order_points(&self, order_id: OrderId) -> Result<Option<LoyaltyRecord>, StoreError>;
    /// Replaces the version before `record`'s, and changes the account, both or neither.
    async fn save(
        &self,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Result<Written, StoreError>;
}

/// Why a fact could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum AccrualError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// Nothing here consumes such an event.
    #[error("nothing is known about `{0}` events")]
    Unknown(String),
    /// The total earns no number of points.
    #[error(transparent)]
    Points(#[from] LoyaltyError),
    /// More points than an account holds.
    #[error("the points of order {0} do not fit an account")]
    TooMany(OrderId),
    /// Others wrote in between, again and again.
    #[error("the points of order {0} are contended")]
    Contended(OrderId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for AccrualError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) | Self::Unknown(_) | Self::Points(_) | Self::TooMany(_) => {
                Disposition::Park
            }
            Self::Contended(_) => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(
    store: &impl LoyaltyStore,
    clock: &impl Clock,
    rate: Rate,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| count(store, clock.now(), rate, &message.delivery()?).await).await
}

async fn count(
    store: &impl LoyaltyStore,
    now: Timestamp,
    rate: Rate,
    delivery: &Delivery,
) -> Result<(), AccrualError> {
    let (order_id, event_id, fact) = read(delivery)?;
    for _ in 0..READINGS {
        let stored = store.order_points(order_id).await?;
        let version = stored.as_ref().map_or(0, |record| record.version);
        let before = stored.map_or_else(OrderPoints::default, |record| record.known);
        let (known, event) = hear(&before, &fact, rate)?;
        if known == before {
            return Ok(());
        }
        let change = event.as_ref().map(|event| change(order_id, event)).transpose()?;
        let outbox = announce(order_id, Cause::of(order_id, event_id.as_uuid()), now, event)?;
        let record = LoyaltyRecord { order_id, known, version: version.saturating_add(1) };
        if store.save(&record, change.as_ref(), &outbox).await? == Written::Yes {
            tracing::info!(award = ?record.known.award, "loyalty counted");
            return Ok(());
        }
    }
    Err(AccrualError::Contended(order_id))
}

fn read(delivery: &Delivery) -> Result<(OrderId, EventId, Fact), AccrualError> {
    Ok(if delivery.is::<OrderCreated>() {
        let event = delivery.decode::<OrderCreated>()?;
        let fact = Fact::Created { customer_id: event.data.customer_id, total: event.data.total };
        (event.data.order_id, event.metadata.event_id, fact)
    } else if delivery.is::<OrderFulfilled>() {
        let event = delivery.decode::<OrderFulfilled>()?;
        (event.data.order_id, event.metadata.event_id, Fact::Fulfilled)
    } else if delivery.is::<OrderCancelled>() {
        let event = delivery.decode::<OrderCancelled>()?;
        (event.data.order_id, event.metadata.event_id, Fact::Undone)
    } else if delivery.is::<OrderRejected>() {
        let event = delivery.decode::<OrderRejected>()?;
        (event.data.order_id, event.metadata.event_id, Fact::Undone)
    } else {
        return Err(AccrualError::Unknown(delivery.detail_type.clone()));
    })
}

fn change(order_id: OrderId, event: &LoyaltyEvent) -> Result<AccountChange, AccrualError> {
    let count = |earning: &Earning| {
        i64::try_from(earning.points.count()).map_err(|_| AccrualError::TooMany(order_id))
    };
    Ok(match event {
        LoyaltyEvent::Accrued(earning) => {
            AccountChange { customer_id: earning.customer_id.clone(), points: count(earning)? }
        }
        LoyaltyEvent::Reversed(earning) => AccountChange {
            customer_id: earning.customer_id.clone(),
            points: count(earning)?.checked_neg().ok_or(AccrualError::TooMany(order_id))?,
        },
    })
}

/// An order that earns nothing is no news to anybody.
fn announce(
    order_id: OrderId,
    cause: Cause,
    now: Timestamp,
    event: Option<LoyaltyEvent>,
) -> Result<Vec<Entry>, StoreError> {
    Ok(match event {
        Some(LoyaltyEvent::Accrued(Earning { customer_id, points })) if points.count() > 0 => {
            vec![entry(order_id, cause, now, LoyaltyPointsAccrued { order_id, customer_id, points })?]
        }
        Some(LoyaltyEvent::Reversed(Earning { customer_id, points })) if points.count() > 0 => {
            vec![entry(order_id, cause, now, LoyaltyPointsReversed { order_id, customer_id, points })?]
        }
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests;
