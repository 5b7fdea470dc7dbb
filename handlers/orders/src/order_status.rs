//! Keeps what customers see of their orders: the set of facts that are known about each.
//!
//! Consumes: the facts of all domains about orders.
//! Emits: nothing.
//! Idempotency key: the event id, under which a fact is kept, so duplicates, replays and any order of arrival end in
//! the same view.
//! Retries: when the table is busy or does not answer.
//! Parks: what is no event about an order.

use lakeside_contracts::{Delivery, Domain, Event, EventData, WireTime, events::OrderCreated};
use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId, ReasonCode},
    order_status::KnownFact,
};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{DecodeError, Failures, Message, each},
};
use serde::{Deserialize, Serialize};

/// The part of an event's data that the view keeps; every event about an order has this shape.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutAnOrder {
    order_id: OrderId,
    customer_id: Option<CustomerId>,
    reason: Option<ReasonCode>,
}

/// What the view keeps of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// The event's detail-type.
    pub event: String,
    /// When it happened.
    pub occurred_at: WireTime,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
}

impl From<Known> for KnownFact {
    fn from(known: Known) -> Self {
        Self { event: known.event, occurred_at: known.occurred_at.0, reason: known.reason }
    }
}

/// One fact for the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFact {
    /// About which order.
    pub order_id: OrderId,
    /// The fact's identity.
    pub event_id: EventId,
    /// Whose order it is, if the event says so.
    pub customer_id: Option<CustomerId>,
    /// What is kept.
    pub known: Known,
}

impl ViewFact {
    /// Whether this says when the order was placed. A rejection says so too, where nothing else does.
    pub fn is_creation(&self) -> bool {
        self.known.event == OrderCreated::DETAIL_TYPE
    }
}

/// The view's table.
pub trait StatusView {
    /// Adds a fact, unless it is there.
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError>;
}

/// Why a fact could not be added.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// The event comes from nobody this view listens to.
    #[error("events of `{0}` do not belong into this view")]
    Source(String),
    /// The event is not about an order.
    #[error("the event is not about an order")]
    Event(#[source] serde_json::Error),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for ProjectionError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Source(_) | Self::Event(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(view: &impl StatusView, messages: &[Message]) -> Failures {
    each(messages, async |message| Ok::<_, ProjectionError>(view.record(&read(&message.delivery()?)?).await?))
        .await
}

fn read(delivery: &Delivery) -> Result<ViewFact, ProjectionError> {
    let sources = [Domain::Orders, Domain::Inventory, Domain::Fulfilment].map(Domain::source);
    if !sources.contains(&delivery.source.as_str()) {
        return Err(ProjectionError::Source(delivery.source.clone()));
    }
    let event = Event::<AboutAnOrder>::deserialize(&delivery.detail).map_err(ProjectionError::Event)?;
    Ok(ViewFact {
        order_id: event.data.order_id,
        event_id: event.metadata.event_id,
        customer_id: event.data.customer_id,
        known: Known {
            event: delivery.detail_type.clone(),
            occurred_at: event.metadata.occurred_at,
            reason: event.data.reason,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use lakeside_contracts::generate::documents;
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::MemoryStatus;

    fn facts(view: &MemoryStatus) -> usize {
        view.facts.borrow().values().map(BTreeMap::len).sum()
    }

    fn message(id: &str, source: &str, detail_type: &str, detail: &Value) -> Message {
        let body = json!({"source": source, "detail-type": detail_type, "detail": detail});
        Message { id: id.into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
    }

    #[tokio::test]
    async fn every_event_about_an_order_has_the_shape_that_the_view_reads() {
        let view = MemoryStatus::default();
        let mut messages = Vec::new();
        for document in documents().unwrap() {
            let Some(folder) = document.path.strip_suffix("/examples/v1.json") else { continue };
            let Some((domain, event)) = folder.strip_prefix("events/").and_then(|f| f.split_once('/')) else {
                continue;
            };
            // What growth does for a customer, and what becomes of stock that no order changed, happens to no order.
            let others =
                ["stock-level-changed", "node-stock-changed", "stock-adjusted", "stock-adjustment-refused"];
            if domain == Domain::Growth.name() || others.contains(&event) {
                continue;
            }
            let detail = serde_json::from_str(&document.text).unwrap();
            messages.push(message(event, &format!("lakeside.{domain}"), event, &detail));
        }
        assert!(messages.len() > 10);
        assert!(handle(&view, &messages).await.ids().is_empty());
        assert!(handle(&view, &messages).await.ids().is_empty(), "again");
        assert_eq!(facts(&view), messages.len());
    }

    #[tokio::test]
    async fn every_parcel_of_an_order_is_a_fact_of_its_own() {
        let view = MemoryStatus::default();
        let id = |n: u32| format!("00000000-0000-4000-8000-{n:012}");
        let labelled = |event| {
            let metadata = json!({
                "eventId": id(event), "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": id(9),
                "causationId": id(9), "schemaVersion": 1,
            });
            let detail = json!({"metadata": metadata, "data": {"orderId": id(9)}});
            message("m", "lakeside.fulfilment", "ShipmentLabelled", &detail)
        };
        assert!(handle(&view, &[labelled(1), labelled(2), labelled(1)]).await.ids().is_empty());
        assert_eq!(facts(&view), 2);
    }

    #[tokio::test]
    async fn what_is_not_about_an_order_fails_alone() {
        let view = MemoryStatus::default();
        let messages = [
            message("m1", "lakeside.orders", "OrderConfirmed", &json!({})),
            message("m2", "aws.states", "OrderConfirmed", &json!({})),
        ];
        assert_eq!(handle(&view, &messages).await.ids(), ["m1", "m2"]);
        assert_eq!(facts(&view), 0);
    }
}
