//! Tells customers what became of their orders, each fact at most once.
//!
//! Consumes: OrderConfirmed, OrderFulfilled, OrderCancelled, OrderRejected; and OrderCreated, which says whose order it
//! is. In any order: a fact whose customer is not known yet waits.
//! Emits: CustomerNotified, through the outbox.
//! Idempotency key: the order id and what is told. One record of each forever, and a lease around the sending. What an
//! attempt may have sent that did not come back is never sent again and counts as uncertain.
//! Retries: when the directory or the table is busy or does not answer, when another attempt is under way, and when the
//! message was turned away or not begun for want of time.
//! Parks: what is none of these events, and messages that are refused until somebody has looked.

use std::time::Duration;

use lakeside_contracts::{
    Delivery,
    envelope::DecodeError,
    events::{CustomerNotified, OrderCancelled, OrderConfirmed, OrderCreated, OrderFulfilled, OrderRejected},
};
use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId},
    notice::{NoticeStatus, NoticeStep, What, begin},
    time::Timestamp,
};
use lakeside_kit::{
    attempt::{Attempt, READINGS, UnderWay, Written, under_lease},
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{CUSTOMERS_NOTIFIED, Measure, Metrics, NOTICES_UNCERTAIN},
    outbox::{Cause, Entry, entry},
    runtime::Invocation,
    sqs::{self, Failures, Message, each},
};

use crate::{
    contact::{Contacts, Recipient},
    notice_record::{NoticeRecord, status_name},
    post::{Letter, Post, SendError},
};

const FUNCTION: &str = "notify-customer";

/// A message that is cut off by the end of its invocation is uncertain for ever, so none is begun with less time left.
pub const SHORTEST_SENDING: Duration = Duration::from_secs(6);

/// The growth squad's table, as far as notices need it.
pub trait NoticeStore {
    /// Whose order it is, read consistently.
    async fn customer(&self, order_id: OrderId) -> Result<Option<CustomerId>, StoreError>;
    /// Keeps whose order it is; what is known already stays.
    async fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) -> Result<(), StoreError>;
    /// Where the telling of one fact stands, read consistently.
    async fn notice(&self, order_id: OrderId, what: What) -> Result<Option<NoticeRecord>, StoreError>;
    /// All that is known of what an order's customer was told, read consistently.
    async fn notices(&self, order_id: OrderId) -> Result<Vec<NoticeRecord>, StoreError>;
    /// Records that a fact waits to be told, unless it has a record.
    async fn wait(&self, waiting: &NoticeRecord) -> Result<(), StoreError>;
    /// Records that the message is about to be sent, if nothing was sent yet.
    async fn begin_sending(&self, sending: &NoticeRecord) -> Result<Written, StoreError>;
    /// Records that nothing was sent after all, if the record is still the one that its owner wrote to begin.
    async fn withdraw(&self, waiting: &NoticeRecord) -> Result<Written, StoreError>;
    /// Records how it ended and completes the lease, if the record stands at `from` and the lease is still the holder's.
    async fn settle(
        &self,
        notice: &NoticeRecord,
        from: Standing,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Where a record must stand to be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was sent: there is no record, or it waits.
    Untold,
    /// It is being sent.
    Sending,
}

/// Why a fact could not be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// Nothing here consumes such an event.
    #[error("nothing is known about `{0}` events")]
    Unknown(String),
    /// Another attempt has the lease.
    #[error(transparent)]
    UnderWay(#[from] UnderWay),
    /// Too little of the invocation is left to begin.
    #[error("no time is left for sending")]
    OutOfTime,
    /// Others wrote in between, again and again.
    #[error("what the customer of order {0} is told is contended")]
    Contended(OrderId),
    /// Nothing was sent.
    #[error(transparent)]
    Post(SendError),
    /// The table or the directory.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for NotifyError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) | Self::Unknown(_) => Disposition::Park,
            Self::UnderWay(_) | Self::OutOfTime | Self::Contended(_) => Disposition::Retry,
            Self::Post(error) => error.disposition(),
            Self::Store(error) => error.disposition(),
        }
    }
}

/// What an event says.
enum Heard {
    /// Whose order it is.
    Customer(OrderId, CustomerId),
    /// What its customer is to be told, and who that is, if the event says so.
    News(NoticeRecord, Option<CustomerId>),
}

/// Handles a batch, each message on its own.
pub async fn handle(
    store: &(impl NoticeStore + Leases),
    contacts: &impl Contacts,
    post: &impl Post,
    clock: &impl Clock,
    metrics: &impl Metrics,
    invocation: &Invocation,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| -> Result<(), NotifyError> {
        let attempt = Attempt::at_message(invocation, &message.id);
        match read(&message.delivery()?, clock.now())? {
            Heard::Customer(order_id, customer_id) => {
                store.remember_customer(order_id, &customer_id).await?;
                // Facts that came first wait for this one; of one that is being sent nobody else may ever hear again.
                for notice in store.notices(order_id).await? {
                    if !matches!(begin(Some(notice.status)), NoticeStep::Decided(_)) {
                        let told =
                            tell(store, contacts, post, clock, &attempt, &customer_id, &notice).await?;
                        metrics.record(&measures(told));
                    }
                }
                Ok(())
            }
            Heard::News(notice, customer_id) => {
                if let Some(customer_id) = known(store, &notice, customer_id).await? {
                    let told = tell(store, contacts, post, clock, &attempt, &customer_id, &notice).await?;
                    metrics.record(&measures(told));
                }
                Ok(())
            }
        }
    })
    .await
}

/// Whose order the notice is about. If nobody knows yet, the notice is left for whoever hears of that: it is recorded
/// first and looked for again after, as the other side does it the other way round, so one of both sees it.
async fn known(
    store: &impl NoticeStore,
    notice: &NoticeRecord,
    said: Option<CustomerId>,
) -> Result<Option<CustomerId>, StoreError> {
    if said.is_some() {
        return Ok(said);
    }
    if let Some(customer_id) = store.customer(notice.order_id).await? {
        return Ok(Some(customer_id));
    }
    store.wait(notice).await?;
    store.customer(notice.order_id).await
}

fn read(delivery: &Delivery, now: Timestamp) -> Result<Heard, NotifyError> {
    let news = |order_id, what, cause: EventId, customer_id| {
        Heard::News(NoticeRecord::waiting(order_id, what, cause.as_uuid(), now), customer_id)
    };
    Ok(if delivery.is::<OrderCreated>() {
        let data = delivery.decode::<OrderCreated>()?.data;
        Heard::Customer(data.order_id, data.customer_id)
    } else if delivery.is::<OrderConfirmed>() {
        let event = delivery.decode::<OrderConfirmed>()?;
        news(event.data.order_id, What::Confirmed, event.metadata.event_id, None)
    } else if delivery.is::<OrderFulfilled>() {
        let event = delivery.decode::<OrderFulfilled>()?;
        news(event.data.order_id, What::Fulfilled, event.metadata.event_id, None)
    } else if delivery.is::<OrderCancelled>() {
        let event = delivery.decode::<OrderCancelled>()?;
        news(event.data.order_id, What::Cancelled, event.metadata.event_id, None)
    } else if delivery.is::<OrderRejected>() {
        let event = delivery.decode::<OrderRejected>()?;
        let customer_id = Some(event.data.customer_id);
        news(event.data.order_id, What::Rejected, event.metadata.event_id, customer_id)
    } else {
        return Err(NotifyError::Unknown(delivery.detail_type.clone()));
    })
}

/// Tells one fact, unless that was done or tried before; answers how it ended if it did so here.
async fn tell(
    store: &(impl NoticeStore + Leases),
    contacts: &impl Contacts,
    post: &impl Post,
    clock: &impl Clock,
    attempt: &Attempt,
    customer_id: &CustomerId,
    heard: &NoticeRecord,
) -> Result<Option<NoticeStatus>, NotifyError> {
    let (order_id, what) = (heard.order_id, heard.what);
    let notice = NoticeRecord { owner: Some(attempt.owner.clone()), ..heard.clone() };
    for _ in 0..READINGS {
        let current = store.notice(order_id, what).await?;
        let step = begin(current.map(|notice| notice.status));
        if let NoticeStep::Decided(_) = step {
            return Ok(None);
        }
        let key = LeaseKey::new(FUNCTION, part(order_id, what));
        let settled = under_lease(store, clock, key, attempt, async |held| match step {
            NoticeStep::GiveUp(channel) => {
                let uncertain = notice.moved_to(NoticeStatus::Uncertain { channel }, clock.now());
                settle(store, &uncertain, Standing::Sending, held).await
            }
            NoticeStep::Tell | NoticeStep::Decided(_) => {
                let contact = contacts.contact(customer_id).await?;
                match contact.map_or(Err(NoticeStatus::NoContact), |contact| contact.recipient()) {
                    Ok(recipient) => send(store, post, clock, attempt, &notice, &recipient, held).await,
                    Err(status) => {
                        settle(store, &notice.moved_to(status, clock.now()), Standing::Untold, held).await
                    }
                }
            }
        })
        .await?;
        if let Some(status) = settled {
            report(what, status);
            return Ok(Some(status));
        }
    }
    Err(NotifyError::Contended(order_id))
}

/// Sends one message: recorded before, so that no other attempt sends it, and after.
async fn send(
    store: &impl NoticeStore,
    post: &impl Post,
    clock: &impl Clock,
    attempt: &Attempt,
    notice: &NoticeRecord,
    recipient: &Recipient,
    held: &Held,
) -> Result<Option<NoticeStatus>, NotifyError> {
    let left = attempt.deadline.as_millis().saturating_sub(clock.now().as_millis());
    if u128::try_from(left).unwrap_or_default() < SHORTEST_SENDING.as_millis() {
        return Err(NotifyError::OutOfTime);
    }
    let channel = recipient.channel();
    let sending = notice.moved_to(NoticeStatus::Sending { channel }, clock.now());
    if store.begin_sending(&sending).await? == Written::Stale {
        return Ok(None);
    }
    let status = match post.send(recipient, &Letter::about(notice.order_id, notice.what)).await {
        Ok(()) => NoticeStatus::Sent { channel },
        Err(SendError::Undeliverable) => NoticeStatus::Undeliverable { channel },
        Err(SendError::Unknown) => NoticeStatus::Uncertain { channel },
        Err(error @ (SendError::Throttled | SendError::Refused(_))) => {
            // If this is not recorded either, the next attempt takes the message for sent.
            store.withdraw(&notice.moved_to(NoticeStatus::Waiting, clock.now())).await?;
            return Err(NotifyError::Post(error));
        }
    };
    settle(store, &notice.moved_to(status, clock.now()), Standing::Sending, held).await
}

async fn settle(
    store: &impl NoticeStore,
    notice: &NoticeRecord,
    from: Standing,
    held: &Held,
) -> Result<Option<NoticeStatus>, NotifyError> {
    let outbox = match notice.status {
        NoticeStatus::Sent { channel } => {
            let (order_id, what) = (notice.order_id, notice.what);
            let told = CustomerNotified { order_id, what, channel };
            let part = part(order_id, what);
            vec![entry(&part, Cause::of(order_id, notice.cause), notice.updated_at, told)?]
        }
        _ => Vec::new(),
    };
    let written = store.settle(notice, from, &outbox, held).await?;
    Ok((written == Written::Yes).then_some(notice.status))
}

/// What leases and events call one fact about an order.
fn part(order_id: OrderId, what: What) -> String {
    format!("{order_id}#{}", what.name())
}

/// The alarm on uncertain messages counts these lines.
fn report(what: What, status: NoticeStatus) {
    let what = what.name();
    let outcome = status_name(&status);
    match status {
        NoticeStatus::Uncertain { .. } | NoticeStatus::Undeliverable { .. } => {
            tracing::warn!(what, outcome, "the customer may not have been told");
        }
        _ => tracing::info!(what, outcome, "notice decided"),
    }
}

/// What is counted of a notice that ended like this.
fn measures(told: Option<NoticeStatus>) -> Vec<Measure> {
    match told {
        Some(NoticeStatus::Sent { .. }) => vec![CUSTOMERS_NOTIFIED.of(1)],
        Some(NoticeStatus::Uncertain { .. } | NoticeStatus::Undeliverable { .. }) => {
            vec![NOTICES_UNCERTAIN.of(1)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
