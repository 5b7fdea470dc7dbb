//! Turns submissions into orders.
//!
//! Consumes: the command queue that API Gateway writes to; the body as the client sent it, order id and principal
//! as message attributes. A partner's has its channel there too, and not in its body.
//! Emits: OrderCreated or OrderRejected, through the outbox.
//! Idempotency key: the order id, forever. The same submission again is absorbed; another one under the same id is
//! recorded as a conflict and changes nothing. One that its customer has cancelled before it came is rejected.
//! Retries: when the table is busy or does not answer.
//! Parks: what is no submission at all (the door lets none through).

use std::collections::BTreeSet;

use lakeside_contracts::{
    api::{PlaceOrder, PlaceOrderLine, PlacePartnerOrder},
    events::{OrderCreated, OrderRejected},
};
use lakeside_domain::{
    ids::{CustomerId, IdError, OrderId, Sku},
    order::{Catalogue, Channel, Order, OrderState, Rejection, Submission, place},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    metrics::{INGESTION_LAG, Measure, Metric, Metrics, ORDERS_ACCEPTED, ORDERS_REJECTED},
    outbox::{Cause, Entry, entry},
    sqs::{DecodeError, Failures, Message, followed, followed_now},
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord};

/// The reason code of a submission whose order id is no UUID.
pub const INVALID_ORDER_ID: &str = "INVALID_ORDER_ID";

/// The orders squad's table, as far as ingestion needs it.
pub trait Orders {
    /// The prices of those of `skus` that are in the catalogue.
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError>;
    /// Writes `record` if it is the first under its id and, unless it is a refused one, its customer has not cancelled
    /// it before it came.
    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError>;
    /// Keeps a conflicting submission; writing it twice is writing it once.
    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError>;
    /// Keeps a submission that could not be recorded as an order.
    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError>;
}

/// Why a message could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It is no submission.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It does not say who sent it.
    #[error("the message names no principal")]
    Principal(#[source] Option<IdError>),
    /// It says that a partner sent it, and not what kind of.
    #[error("the message names no channel of partners")]
    Channel,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for IngestError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Decode(_) | Self::Principal(_) | Self::Channel => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// A submission that was read but not yet judged.
struct Received {
    order_id: OrderId,
    customer_id: CustomerId,
    fingerprint: String,
    body: Body,
}

/// What was sent, by whom.
enum Body {
    Customer(PlaceOrder),
    Partner(Channel, PlacePartnerOrder),
}

impl Body {
    fn lines(&self) -> &[PlaceOrderLine] {
        match self {
            Self::Customer(order) => &order.lines,
            Self::Partner(_, order) => &order.lines,
        }
    }

    fn into_submission(self, order_id: OrderId, customer_id: CustomerId) -> Result<Submission, Rejection> {
        match self {
            Self::Customer(order) => order.into_submission(order_id, customer_id),
            Self::Partner(channel, order) => order.into_submission(order_id, customer_id, channel),
        }
    }

    /// SHA-256 of the parsed body, so that white space and the order of fields do not make another submission.
    fn fingerprint(&self) -> Result<String, DecodeError> {
        let canonical = match self {
            Self::Customer(order) => serde_json::to_vec(order),
            Self::Partner(_, order) => serde_json::to_vec(order),
        };
        Ok(digest(&canonical.map_err(|source| DecodeError { expected: "order", source })?))
    }
}

/// Handles a batch: reads the prices of all its SKUs at once, then writes each order on its own.
pub async fn handle(
    orders: &impl Orders,
    clock: &impl Clock,
    metrics: &impl Metrics,
    messages: &[Message],
) -> Failures {
    let mut failures = Failures::default();
    let mut received = Vec::with_capacity(messages.len());
    for message in messages {
        match followed(message, receive(orders, clock.now(), message)).await {
            Ok(Some(submission)) => received.push((message, submission)),
            Ok(None) => {}
            Err(error) => followed_now(message, || failures.push(&message.id, &error)),
        }
    }
    let skus: BTreeSet<Sku> = received
        .iter()
        .flat_map(|(_, r)| r.body.lines())
        .filter_map(|line| Sku::parse(&line.sku).ok())
        .collect();
    let skus: Vec<Sku> = skus.into_iter().collect();
    let catalogue = match orders.prices(&skus).await {
        Ok(catalogue) => catalogue,
        Err(error) => {
            for (message, _) in &received {
                followed_now(message, || failures.push(&message.id, &error));
            }
            return failures;
        }
    };
    for (message, submission) in received {
        followed(message, async {
            match ingest(orders, &catalogue, clock.now(), message, submission).await {
                Ok(Some(decision)) => {
                    let lag = message.sent_at.map(|sent_at| INGESTION_LAG.between(sent_at, clock.now()));
                    let measures: Vec<Measure> = [decision.of(1)].into_iter().chain(lag).collect();
                    metrics.record(&measures);
                }
                Ok(None) => {}
                Err(error) => failures.push(&message.id, &error),
            }
        })
        .await;
    }
    failures
}

/// Reads a message; `None` if its order id is no UUID, which is recorded and over.
async fn receive(
    orders: &impl Orders,
    now: Timestamp,
    message: &Message,
) -> Result<Option<Received>, IngestError> {
    let principal = message.attributes.get("principal").ok_or(IngestError::Principal(None))?;
    let customer_id = CustomerId::parse(principal).map_err(|e| IngestError::Principal(Some(e)))?;
    let raw_id = message.attributes.get("orderId").map_or("", String::as_str);
    let Ok(order_id) = OrderId::parse(raw_id) else {
        tracing::warn!(message_id = message.id, reason = INVALID_ORDER_ID, "submission refused");
        let refused = RefusedRecord {
            reason: INVALID_ORDER_ID.into(),
            order_id_digest: digest(raw_id.as_bytes()),
            received_at: now,
        };
        orders.record_refused(&message.id, &refused).await?;
        return Ok(None);
    };
    let body = match message.attributes.get("channel") {
        None => Body::Customer(read(message)?),
        Some(name) => {
            let channel = Channel::PARTNERS.into_iter().find(|channel| channel.name() == name);
            Body::Partner(channel.ok_or(IngestError::Channel)?, read(message)?)
        }
    };
    Ok(Some(Received { order_id, customer_id, fingerprint: body.fingerprint()?, body }))
}

/// Reads the body as the door did: of a field that is written twice, the last one counts.
fn read<T: DeserializeOwned>(message: &Message) -> Result<T, DecodeError> {
    let body: serde_json::Value = message.json("order")?;
    serde_json::from_value(body).map_err(|source| DecodeError { expected: "order", source })
}

/// Decides on a submission; answers what was decided as it is counted, or nothing where it had been before.
async fn ingest(
    orders: &impl Orders,
    catalogue: &Catalogue,
    now: Timestamp,
    message: &Message,
    received: Received,
) -> Result<Option<Metric>, IngestError> {
    let Received { order_id, customer_id, fingerprint, body } = received;
    let cause = Cause::message(order_id, &message.id);
    let placed = body
        .into_submission(order_id, customer_id.clone())
        .and_then(|submission| place(&submission, catalogue, now));
    // A refused order is recorded whether it was cancelled or not, so there is no third try.
    for placed in [placed, Err(Rejection::CancelledFirst)] {
        let outbox = [announcement(&placed, order_id, &customer_id, cause, now)?];
        let (state, order) = match placed {
            Ok(order) => (OrderState::Created, Some(order)),
            Err(rejection) => (OrderState::Rejected { reason: rejection.code() }, None),
        };
        let record = OrderRecord {
            order_id,
            customer_id: customer_id.clone(),
            fingerprint: fingerprint.clone(),
            state,
            order,
            cancellation_requested_at: None,
            parked_at: None,
            version: 1,
        };
        let created = orders.create(&record, &outbox).await?;
        if created != Creation::CancelledFirst {
            return settle(orders, now, record, created).await;
        }
    }
    Err(StoreError::Busy.into())
}

async fn settle(
    orders: &impl Orders,
    now: Timestamp,
    record: OrderRecord,
    created: Creation,
) -> Result<Option<Metric>, IngestError> {
    let OrderRecord { order_id, customer_id, fingerprint, state, .. } = record;
    match created {
        Creation::Exists(first) if first.customer_id == customer_id && first.fingerprint == fingerprint => {
            tracing::info!("the same submission again");
            Ok(None)
        }
        Creation::Exists(_) => {
            tracing::warn!("conflicting submission recorded");
            let conflict = ConflictRecord { order_id, customer_id, fingerprint, received_at: now };
            orders.record_conflict(&conflict).await?;
            Ok(None)
        }
        Creation::Created | Creation::CancelledFirst => {
            tracing::info!(?state, "order recorded");
            Ok(Some(if state == OrderState::Created { ORDERS_ACCEPTED } else { ORDERS_REJECTED }))
        }
    }
}

fn announcement(
    placed: &Result<Order, Rejection>,
    order_id: OrderId,
    customer_id: &CustomerId,
    cause: Cause,
    now: Timestamp,
) -> Result<Entry, StoreError> {
    match placed {
        Ok(order) => {
            let created = OrderCreated {
                order_id,
                customer_id: customer_id.clone(),
                channel: order.channel,
                lines: order.lines.iter().map(Into::into).collect(),
                total: order.total,
                payment_method: order.payment_method.clone(),
                shipping_address_id: order.shipping_address_id.clone(),
            };
            entry(order_id, cause, now, created)
        }
        Err(rejection) => {
            let rejected =
                OrderRejected { order_id, customer_id: customer_id.clone(), reason: rejection.code() };
            entry(order_id, cause, now, rejected)
        }
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
