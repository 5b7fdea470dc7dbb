//! What the squads' tables hold about one order.

use std::collections::BTreeMap;

use futures::try_join;
use lakeside_contracts::{Delivery, WireTime, api::OrderStatusView, api::TimelineEntry};
use lakeside_domain::{
    allocation::Allocation,
    ids::{OrderId, ReasonCode, ShipmentId},
    label::{Closing, LabelStatus},
    money::Money,
    order::{Order, OrderState},
    order_status::{KnownFact, status},
    payment::PaymentStatus,
    reservation::Reservation,
    time::Timestamp,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
};

/// The order, or what was refused under its id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderItem {
    /// Where it stands.
    pub state: OrderState,
    /// What was accepted.
    #[serde(default)]
    pub order: Option<Order>,
    /// When its customer asked to cancel it.
    #[serde(default)]
    pub cancellation_requested_at: Option<Timestamp>,
}

/// The payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The order's total.
    pub amount: Money,
    /// Where it stands.
    #[serde(flatten)]
    pub status: PaymentStatus,
    /// Since when.
    pub updated_at: Timestamp,
}

/// The label of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The parcel.
    pub shipment_id: ShipmentId,
    /// Where it stands.
    #[serde(flatten)]
    pub status: LabelStatus,
    /// Since when.
    pub updated_at: Timestamp,
}

/// No label may be asked for any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// Since when.
    pub closed_at: Timestamp,
    /// Why.
    #[serde(default)]
    pub closing: Closing,
}

/// The request for an approval.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// `PENDING` as long as nobody has cancelled the order, whatever was decided: the saga knows that.
    pub status: String,
    /// When the saga asked.
    #[serde(default)]
    pub requested_at: Option<String>,
    /// What the saga waits for: whoever has it can answer the saga.
    #[serde(default)]
    pub task_token: Option<String>,
}

impl std::fmt::Debug for Approval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, requested_at, task_token: _ } = self;
        f.debug_struct("Approval")
            .field("status", status)
            .field("requested_at", requested_at)
            .finish_non_exhaustive()
    }
}

/// An event that an item carries from its latest write.
#[derive(Debug, Clone)]
pub struct Said {
    /// The fact's identity.
    pub event_id: Uuid,
    /// When.
    pub at: WireTime,
    /// The event.
    pub event: Delivery,
}

/// A fact of the customer's view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The event's identity.
    pub event_id: Uuid,
    /// What.
    pub known: KnownFact,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// The order.
    pub order: Option<OrderItem>,
    /// Other submissions under the same id.
    pub conflicts: usize,
    /// Requests to cancel that came before the order.
    pub early_cancellations: usize,
    /// What the customer's view knows.
    pub facts: Vec<Fact>,
    /// The reservation.
    pub reservation: Option<Reservation>,
    /// The allocation.
    pub allocation: Option<Allocation>,
    /// The payment.
    pub payment: Option<Payment>,
    /// The labels.
    pub labels: Vec<Label>,
    /// What closes the labels.
    pub closed: Option<Closed>,
    /// The request for an approval.
    pub approval: Option<Approval>,
    /// What the items say on the buses.
    pub said: Vec<Said>,
}

impl Records {
    /// Reads everything about `order_id`.
    ///
    /// # Errors
    /// If a table refuses, or an item is not of its form.
    pub async fn read(cloud: &Cloud, order_id: OrderId) -> Result<Self> {
        let of = async |table: &str, kind: &str| cloud.partition(table, &format!("{kind}#{order_id}")).await;
        let (order, view, reservation, allocation, payment, labels, approval) = try_join!(
            of("orders", "ORDER"),
            of("order-status", "ORDER"),
            of("inventory", "RESERVATION"),
            of("inventory", "ALLOCATION"),
            of("fulfilment", "PAYMENT"),
            of("fulfilment", "LABEL"),
            of("fulfilment", "APPROVAL"),
        )?;
        let items = [order, reservation, allocation, payment, labels, approval]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        Self::of(&items, view.first())
    }

    /// Makes sense of the squads' items, and of the customer's view.
    fn of(items: &[Value], view: Option<&Value>) -> Result<Self> {
        let mut records = Self { facts: view.map(facts).transpose()?.unwrap_or_default(), ..Self::default() };
        for item in items {
            let part = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
            let kind = part("pk").split('#').next().unwrap_or_default();
            match (kind, part("sk")) {
                ("ORDER", "ORDER") => records.order = Some(typed(item)?),
                ("ORDER", sk) if sk.starts_with("CONFLICT#") => records.conflicts += 1,
                ("ORDER", sk) if sk.starts_with("CANCELLATION#") => records.early_cancellations += 1,
                ("RESERVATION", _) => records.reservation = Some(typed(item)?),
                ("ALLOCATION", _) => records.allocation = Some(typed(item)?),
                ("PAYMENT", _) => records.payment = Some(typed(item)?),
                ("LABEL", "CLOSED") => records.closed = Some(typed(item)?),
                ("LABEL", _) => records.labels.push(typed(item)?),
                ("APPROVAL", _) => records.approval = Some(typed(item)?),
                _ => {}
            }
            records.said.extend(said(item));
        }
        Ok(records)
    }

    /// Whether nobody knows anything of the order.
    pub fn is_empty(&self) -> bool {
        let Self { order, conflicts, early_cancellations, facts, reservation, allocation, .. } = self;
        let Self { payment, labels, closed, approval, .. } = self;
        order.is_none()
            && *conflicts == 0
            && *early_cancellations == 0
            && facts.is_empty()
            && reservation.is_none()
            && allocation.is_none()
            && payment.is_none()
            && labels.is_empty()
            && closed.is_none()
            && approval.is_none()
    }

    /// The order as its customer sees it.
    pub fn view(&self, order_id: OrderId) -> Option<OrderStatusView> {
        let mut known: Vec<KnownFact> = self.facts.iter().map(|fact| fact.known.clone()).collect();
        let (status, reason) = status(&known)?;
        known.sort_by(|a, b| (a.occurred_at, &a.event).cmp(&(b.occurred_at, &b.event)));
        let timeline = known
            .into_iter()
            .map(|fact| TimelineEntry { event: fact.event, occurred_at: WireTime(fact.occurred_at) })
            .collect();
        Some(OrderStatusView { order_id, status, reason, timeline })
    }
}

/// The order's state as it is written.
pub const fn state_name(state: &OrderState) -> &'static str {
    match state {
        OrderState::Created => "CREATED",
        OrderState::Confirmed => "CONFIRMED",
        OrderState::Fulfilled => "FULFILLED",
        OrderState::Cancelled { .. } => "CANCELLED",
        OrderState::Rejected { .. } => "REJECTED",
    }
}

/// Whether an order in this state will not change any more.
pub const fn is_final(state: &OrderState) -> bool {
    matches!(state, OrderState::Fulfilled | OrderState::Cancelled { .. } | OrderState::Rejected { .. })
}

/// Why an order ended as it did.
pub const fn reason(state: &OrderState) -> Option<&ReasonCode> {
    match state {
        OrderState::Cancelled { reason } | OrderState::Rejected { reason } => Some(reason),
        OrderState::Created | OrderState::Confirmed | OrderState::Fulfilled => None,
    }
}

fn typed<T: DeserializeOwned>(item: &Value) -> Result<T> {
    serde_json::from_value(item.clone()).map_err(|error| {
        let key = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
        Failure::wrong(format!("the item {} {} is not of its form: {error}", key("pk"), key("sk")))
    })
}

/// Each fact is an attribute of its own, named by its event.
fn facts(view: &Value) -> Result<Vec<Fact>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Known {
        event: String,
        occurred_at: WireTime,
        #[serde(default)]
        reason: Option<ReasonCode>,
    }
    let named: BTreeMap<&String, &Value> = view.as_object().into_iter().flatten().collect();
    let facts = named.into_iter().filter_map(|(name, value)| {
        let event_id = name.strip_prefix("fact_")?.parse().ok()?;
        Some(typed::<Known>(value).map(|known| Fact {
            event_id,
            known: KnownFact { event: known.event, occurred_at: known.occurred_at.0, reason: known.reason },
        }))
    });
    facts.collect()
}

/// The events of an item's latest write; what is no event there is somebody else's business.
fn said(item: &Value) -> Vec<Said> {
    let outbox = item.get("outbox").and_then(Value::as_array).into_iter().flatten();
    outbox
        .filter_map(|entry| {
            let text = |name| entry.get(name)?.as_str();
            let detail: Value = serde_json::from_str(text("detail")?).ok()?;
            let at = detail.pointer("/metadata/occurredAt")?.as_str()?.to_owned();
            Some(Said {
                event_id: text("eventId")?.parse().ok()?,
                at: WireTime::try_from(at).ok()?,
                event: Delivery {
                    id: String::new(),
                    source: text("source")?.to_owned(),
                    detail_type: text("detailType")?.to_owned(),
                    detail,
                    replay_name: None,
                },
            })
        })
        .collect()
}

impl Approval {
    /// When the saga asked, if it is written as times are.
    pub fn requested(&self) -> Option<WireTime> {
        self.requested_at.clone().and_then(|at| WireTime::try_from(at).ok())
    }
}

impl Payment {
    /// Since when it stands where it stands.
    pub const fn since(&self) -> WireTime {
        clock::of_millis(self.updated_at.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::order_status::Status;
    use serde_json::json;

    use super::*;

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    #[test]
    fn every_item_of_an_order_finds_its_place() {
        let event = json!({ "metadata": { "occurredAt": "2026-11-27T09:01:00.000Z" }, "data": {} });
        let said = json!([{ "eventId": ID, "source": "lakeside.orders", "detailType": "OrderFulfilled", "detail": event.to_string() }]);
        let amount = json!({ "amount": 100, "currency": "USD" });
        let key = |kind: &str| format!("{kind}#{ID}");
        let items = [
            json!({ "pk": key("ORDER"), "sk": "ORDER", "state": { "state": "FULFILLED" }, "outbox": said }),
            json!({ "pk": key("ORDER"), "sk": "CONFLICT#1" }),
            json!({ "pk": key("PAYMENT"), "sk": "PAYMENT", "status": "CAPTURED", "amount": amount, "updatedAt": 5 }),
            json!({ "pk": key("LABEL"), "sk": "CLOSED", "closedAt": 6 }),
            json!({ "pk": key("APPROVAL"), "sk": "APPROVAL", "status": "PENDING", "taskToken": "secret" }),
        ];
        let view = json!({ "pk": key("ORDER"), format!("fact_{ID}"): { "event": "OrderCreated", "occurredAt": "2026-11-27T09:00:00.000Z" } });
        let records = Records::of(&items, Some(&view)).unwrap();
        assert_eq!(records.order.as_ref().map(|order| state_name(&order.state)), Some("FULFILLED"));
        assert_eq!(records.conflicts, 1);
        assert_eq!(records.payment.as_ref().unwrap().status, PaymentStatus::Captured);
        assert!(records.closed.is_some());
        assert_eq!(records.said.first().unwrap().event.detail_type, "OrderFulfilled");
        let view = records.view(OrderId::parse(ID).unwrap()).unwrap();
        assert_eq!((view.status, view.timeline.len()), (Status::Accepted, 1));
    }

    #[test]
    fn an_approval_never_prints_its_token() {
        let approval =
            Approval { status: "PENDING".into(), requested_at: None, task_token: Some("secret".into()) };
        assert!(!format!("{approval:?}").contains("secret"));
    }
}
