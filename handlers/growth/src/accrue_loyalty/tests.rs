use std::collections::HashMap;

use lakeside_domain::{
    idempotency::Durations,
    ids::CustomerId,
    loyalty::{Award, Points},
    money::{Currency, Money},
};
use lakeside_kit::memory::ManualClock;
use serde_json::json;

use super::*;
use crate::memory::{Condition, MemoryGrowth};

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
const OTHER: &str = "0a57d004-2b97-4e7a-b45f-5387367791ff";

fn order() -> OrderId {
    OrderId::parse(ORDER).unwrap()
}

fn message(order: &str, detail_type: &str, mut data: serde_json::Value) -> Message {
    data["orderId"] = order.into();
    let body = json!({
        "id": "1", "source": "lakeside.orders", "detail-type": detail_type,
        "detail": {
            "metadata": {
                "eventId": order, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": order,
                "causationId": order, "schemaVersion": 1,
            },
            "data": data,
        },
    });
    Message {
        id: format!("{order} {detail_type}"),
        body: body.to_string(),
        attributes: HashMap::new(),
        ..Message::default()
    }
}

fn created_in(order: &str, currency: &str) -> Message {
    let price = json!({"amount": 36_800, "currency": currency});
    let data = json!({
        "customerId": "jane", "channel": "web", "total": price, "paymentMethod": "pm_1",
        "shippingAddressId": "addr_1", "lines": [{"sku": "TENT", "quantity": 1, "unitPrice": price}],
    });
    message(order, "OrderCreated", data)
}

fn created() -> Message {
    created_in(ORDER, "USD")
}

fn fulfilled() -> Message {
    message(ORDER, "OrderFulfilled", json!({}))
}

fn cancelled() -> Message {
    message(ORDER, "OrderCancelled", json!({"reason": "LABEL_REFUSED"}))
}

fn table() -> MemoryGrowth {
    MemoryGrowth::new(Durations { in_progress: 22, record: 3600 })
}

async fn hear(table: &MemoryGrowth, batch: &[Message]) -> Vec<String> {
    let rate = Rate::new(Money::new(100, Currency::USD)).unwrap();
    handle(table, &ManualClock::default(), rate, batch).await.ids().to_vec()
}

fn points(table: &MemoryGrowth) -> Option<i64> {
    table.accounts.borrow().get(&CustomerId::parse("jane").unwrap()).copied()
}

fn award(table: &MemoryGrowth) -> Award {
    table.points.borrow()[&order()].known.award
}

#[tokio::test]
async fn a_fulfilled_order_earns_its_points_once_in_whatever_order_the_facts_come() {
    for batch in [
        vec![created(), fulfilled()],
        vec![fulfilled(), created()],
        vec![created(), fulfilled(), created(), fulfilled(), fulfilled()],
    ] {
        let table = table();
        assert!(hear(&table, &batch).await.is_empty());
        assert_eq!(points(&table), Some(368));
        assert_eq!(table.announced(), ["LoyaltyPointsAccrued"]);
        let before = table.points.borrow().clone();
        assert!(hear(&table, &batch).await.is_empty());
        assert_eq!((points(&table), &*table.points.borrow()), (Some(368), &before), "a replay");
    }
}

#[tokio::test]
async fn an_undone_order_earns_nothing_in_whatever_order_the_facts_come() {
    let rejected =
        || message(ORDER, "OrderRejected", json!({"customerId": "jane", "reason": "OUT_OF_STOCK"}));
    for batch in [
        vec![created(), cancelled()],
        vec![cancelled(), created()],
        vec![rejected(), created(), fulfilled()],
        vec![rejected()],
    ] {
        let table = table();
        assert!(hear(&table, &batch).await.is_empty());
        assert_eq!((points(&table), table.announced()), (None, vec![]));
    }
}

#[tokio::test]
async fn points_of_an_order_that_is_undone_after_all_are_taken_back_once() {
    let table = table();
    assert!(hear(&table, &[created(), fulfilled(), cancelled(), cancelled(), fulfilled()]).await.is_empty());
    assert_eq!(points(&table), Some(0));
    assert_eq!(award(&table), Award::Reversed { points: Points::new(368) });
    assert_eq!(table.announced(), ["LoyaltyPointsAccrued", "LoyaltyPointsReversed"]);
}

#[tokio::test]
async fn an_account_has_the_points_of_all_its_fulfilled_orders() {
    let table = table();
    let other = message(OTHER, "OrderFulfilled", json!({}));
    assert!(hear(&table, &[created(), created_in(OTHER, "USD"), fulfilled(), other]).await.is_empty());
    assert_eq!(points(&table), Some(736));
}

#[tokio::test]
async fn an_order_that_earns_nothing_is_no_news() {
    let table = table();
    assert!(hear(&table, &[created_in(ORDER, "EUR"), fulfilled()]).await.is_empty());
    assert_eq!(award(&table), Award::Accrued { points: Points::new(0) });
    assert!(table.announced().is_empty());
}

#[tokio::test]
async fn a_write_that_was_overtaken_is_decided_again() {
    let table = table();
    assert!(hear(&table, &[created()]).await.is_empty());
    table.before_write(2, |table| {
        // Another attempt at the very same fact.
        let mut points = table.points.borrow_mut();
        let record = points.get_mut(&order()).unwrap();
        record.version += 1;
        record.known.fulfilled = true;
        record.known.award = Award::Accrued { points: Points::new(368) };
    });
    assert!(hear(&table, &[fulfilled()]).await.is_empty());
    assert_eq!((points(&table), table.announced()), (None, vec![]), "the other one has given them");
}

#[tokio::test]
async fn without_the_version_points_would_be_given_twice() {
    let table = table();
    table.lift(Condition::PointsAsRead);
    assert!(hear(&table, &[created()]).await.is_empty());
    table.before_write(2, |table| {
        let jane = CustomerId::parse("jane").unwrap();
        table.accounts.borrow_mut().insert(jane, 368);
        table.points.borrow_mut().get_mut(&order()).unwrap().version += 1;
    });
    assert!(hear(&table, &[fulfilled()]).await.is_empty());
    assert_eq!(points(&table), Some(736));
}

#[tokio::test]
async fn what_is_no_fact_about_an_order_fails_alone() {
    let table = table();
    let mut forged = fulfilled();
    forged.body = forged.body.replace("lakeside.orders", "somebody.else");
    forged.id = "forged".into();
    let mut malformed = created();
    malformed.body = malformed.body.replace("USD", "US DOLLARS");
    malformed.id = "malformed".into();
    assert_eq!(hear(&table, &[forged, malformed, created(), fulfilled()]).await, ["forged", "malformed"]);
    assert_eq!(points(&table), Some(368));
}
