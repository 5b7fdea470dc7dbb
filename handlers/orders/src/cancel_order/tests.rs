use lakeside_domain::{
    ids::{AddressId, PaymentMethod, ReasonCode},
    money::{Currency, Money},
    order::{Channel, Order, OrderState},
};
use lakeside_kit::memory::MemoryMetrics;
use serde_json::Value;

use super::*;
use crate::{memory::MemoryOrders, order_record::Creation, orders_table::order_key};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(43_200_000)
    }
}

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

fn order_id() -> OrderId {
    OrderId::parse(ORDER).unwrap()
}

fn customer(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

fn record(state: OrderState) -> OrderRecord {
    let order = Order {
        order_id: order_id(),
        customer_id: customer("me"),
        channel: Channel::Web,
        lines: Vec::new(),
        total: Money::new(19_900, Currency::USD),
        payment_method: PaymentMethod::parse("pm_1").unwrap(),
        shipping_address_id: AddressId::parse("addr_1").unwrap(),
        placed_at: Timestamp::from_millis(1),
    };
    OrderRecord {
        order_id: order_id(),
        customer_id: customer("me"),
        fingerprint: String::new(),
        state,
        order: Some(order),
        cancellation_requested_at: None,
        parked_at: None,
        version: 1,
    }
}

/// A table with my order in this state.
fn at(state: OrderState) -> MemoryOrders {
    let table = MemoryOrders::default();
    assert_eq!(table.create(&record(state), &[]), Creation::Created);
    table
}

fn message(id: &str, order_id: &str, principal: &str) -> Message {
    let attributes = [("orderId", order_id), ("principal", principal)];
    Message {
        id: id.into(),
        body: "{}".into(),
        attributes: attributes.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ..Message::default()
    }
}

async fn ask(table: &MemoryOrders, principal: &str) {
    let failures = handle(table, &Noon, &(), &[message("m1", ORDER, principal)]).await;
    assert!(failures.ids().is_empty());
}

#[tokio::test]
async fn a_request_and_its_event_are_one_write_and_the_order_goes_on_until_the_saga_gives_it_up() {
    for state in [OrderState::Created, OrderState::Confirmed] {
        let table = at(state.clone());
        ask(&table, "me").await;
        let after = table.load(order_id()).unwrap();
        assert_eq!(after.cancellation_requested_at, Some(Noon.now()));
        assert_eq!((after.state, after.version), (state, 2));
        let outbox = table.outboxes.of(&order_key(order_id()));
        assert_eq!(outbox[0].detail_type, "OrderCancellationRequested");
        let detail: Value = serde_json::from_str(&outbox[0].detail).unwrap();
        assert_eq!(detail["data"]["total"]["amount"], 19_900);
    }
}

#[tokio::test]
async fn asking_twice_is_asking_once() {
    let table = at(OrderState::Created);
    ask(&table, "me").await;
    ask(&table, "me").await;
    assert_eq!(table.load(order_id()).unwrap().version, 2);
    assert_eq!(table.outboxes.published(), ["OrderCancellationRequested"]);
}

#[tokio::test]
async fn somebody_else_s_order_and_one_that_has_ended_stay_as_they_are() {
    let reason = ReasonCode::constant("OUT_OF_STOCK");
    for (state, who) in [
        (OrderState::Created, "you"),
        (OrderState::Fulfilled, "me"),
        (OrderState::Cancelled { reason: reason.clone() }, "me"),
        (OrderState::Rejected { reason }, "me"),
    ] {
        let table = at(state.clone());
        ask(&table, who).await;
        assert_eq!(table.load(order_id()), Some(record(state)));
        assert!(table.early.borrow().is_empty());
        assert!(table.outboxes.published().is_empty());
    }
}

#[tokio::test]
async fn a_request_that_overtakes_its_order_is_kept_for_it() {
    let table = MemoryOrders::default();
    ask(&table, "me").await;
    ask(&table, "me").await;
    assert_eq!(table.early.borrow().len(), 1);
    assert_eq!(table.create(&record(OrderState::Created), &[]), Creation::CancelledFirst);
}

/// A table into which my order comes just before anything is kept for it.
struct Overtaken(MemoryOrders);

impl Cancellations for Overtaken {
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.0.order(order_id).await
    }

    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.0.request(record, outbox).await
    }

    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError> {
        self.0.create(&record(OrderState::Created), &[]);
        Cancellations::keep_early(&self.0, cancellation).await
    }

    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.0.keep_refused(message_id, refused).await
    }
}

#[tokio::test]
async fn an_order_that_comes_just_before_the_request_is_kept_is_asked_about_instead() {
    let table = Overtaken(MemoryOrders::default());
    assert!(handle(&table, &Noon, &(), &[message("m1", ORDER, "me")]).await.ids().is_empty());
    assert!(table.0.early.borrow().is_empty());
    assert_eq!(table.0.outboxes.published(), ["OrderCancellationRequested"]);
}

#[tokio::test]
async fn a_write_that_was_overtaken_is_decided_again() {
    let table = at(OrderState::Created);
    table.trouble.overtaken.set(ATTEMPTS - 1);
    ask(&table, "me").await;
    let table = at(OrderState::Created);
    table.trouble.overtaken.set(ATTEMPTS);
    assert_eq!(handle(&table, &Noon, &(), &[message("m1", ORDER, "me")]).await.ids(), ["m1"]);
}

#[tokio::test]
async fn an_order_id_that_is_no_uuid_is_refused_with_a_reason_and_not_kept() {
    let long = "a".repeat(256);
    for bad in ["", "42", "\",\"principal\":\"x", long.as_str()] {
        let table = MemoryOrders::default();
        assert!(handle(&table, &Noon, &(), &[message("m1", bad, "me")]).await.ids().is_empty());
        let refused = table.refused.borrow()["m1"].clone();
        assert_eq!(refused.reason, INVALID_ORDER_ID);
        assert!(bad.is_empty() || !serde_json::to_string(&refused).unwrap().contains(bad));
        assert!(table.early.borrow().is_empty());
    }
}

#[tokio::test]
async fn a_message_without_a_principal_fails_alone() {
    let table = at(OrderState::Created);
    let mut nobodys = message("m1", ORDER, "me");
    nobodys.attributes.remove("principal");
    let batch = [nobodys, message("m2", ORDER, "not a principal"), message("m3", ORDER, "me")];
    assert_eq!(handle(&table, &Noon, &(), &batch).await.ids(), ["m1", "m2"]);
    assert!(table.load(order_id()).unwrap().cancellation_requested_at.is_some());
}

#[tokio::test]
async fn a_request_counts_once_and_one_that_is_absorbed_does_not() {
    let (table, metrics) = (at(OrderState::Created), MemoryMetrics::default());
    for who in ["you", "me", "me"] {
        assert!(handle(&table, &Noon, &metrics, &[message("m1", ORDER, who)]).await.ids().is_empty());
    }
    assert_eq!(metrics.total(CANCELLATIONS_REQUESTED), 1);
}
