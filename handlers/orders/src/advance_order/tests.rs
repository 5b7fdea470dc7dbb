use std::collections::HashMap;

use lakeside_contracts::WireTime;
use lakeside_domain::{
    ids::{AddressId, CustomerId, PaymentMethod, ReasonCode},
    money::{Currency, Money},
    order::{Channel, Order},
};
use lakeside_kit::memory::MemoryMetrics;
use serde_json::json;

use super::*;
use crate::memory::MemoryOrders;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(43_200_000)
    }
}

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

fn created() -> MemoryOrders {
    let record = OrderRecord {
        order_id: OrderId::parse(ORDER).unwrap(),
        customer_id: CustomerId::parse("customer-1").unwrap(),
        fingerprint: String::new(),
        state: OrderState::Created,
        order: Some(Order {
            order_id: OrderId::parse(ORDER).unwrap(),
            customer_id: CustomerId::parse("customer-1").unwrap(),
            channel: Channel::Web,
            lines: Vec::new(),
            total: Money::new(19_900, Currency::USD),
            payment_method: PaymentMethod::parse("pm_1").unwrap(),
            shipping_address_id: AddressId::parse("addr_1").unwrap(),
            placed_at: Timestamp::from_millis(43_195_000),
        }),
        cancellation_requested_at: None,
        parked_at: None,
        version: 1,
    };
    let table = MemoryOrders::default();
    table.records.borrow_mut().insert(record.order_id, record);
    table
}

fn message(source: &str, detail_type: &str, mut data: serde_json::Value) -> Message {
    data["orderId"] = ORDER.into();
    let body = json!({
        "id": "1", "source": source, "detail-type": detail_type,
        "detail": {
            "metadata": {
                "eventId": ORDER, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": ORDER,
                "causationId": ORDER, "schemaVersion": 1,
            },
            "data": data,
        },
    });
    Message {
        id: detail_type.into(),
        body: body.to_string(),
        attributes: HashMap::new(),
        ..Message::default()
    }
}

fn captured() -> Message {
    message("lakeside.fulfilment", "PaymentCaptured", json!({"amount": {"amount": 1, "currency": "USD"}}))
}

fn completed() -> Message {
    message("lakeside.fulfilment", "FulfilmentCompleted", json!({}))
}

fn at(moment: &str) -> Timestamp {
    WireTime::try_from(moment.to_owned()).unwrap().0
}

fn state(table: &MemoryOrders) -> OrderState {
    table.load(OrderId::parse(ORDER).unwrap()).unwrap().state
}

#[tokio::test]
async fn facts_delivered_three_times_and_out_of_order_end_in_the_same_state_and_events() {
    for batch in [
        vec![captured(), completed()],
        vec![completed(), captured()],
        vec![completed(), captured(), completed(), captured(), captured()],
    ] {
        let table = created();
        assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
        assert_eq!(state(&table), OrderState::Fulfilled);
        assert_eq!(table.outboxes.published(), ["OrderConfirmed", "OrderFulfilled"]);
    }
}

#[tokio::test]
async fn want_of_stock_rejects_the_order_once() {
    let table = created();
    let failed = json!({"reason": "OUT_OF_STOCK", "shortages": [{"sku": "TENT", "requested": 1}]});
    let batch = [
        message("lakeside.inventory", "StockReservationFailed", failed),
        message(
            "lakeside.fulfilment",
            "FulfilmentFailed",
            json!({"step": "ReserveStock", "reason": "OUT_OF_STOCK"}),
        ),
    ];
    assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
    assert_eq!(state(&table), OrderState::Rejected { reason: ReasonCode::parse("OUT_OF_STOCK").unwrap() });
    assert_eq!(table.outboxes.published(), ["OrderRejected"]);
}

#[tokio::test]
async fn a_write_that_was_overtaken_is_decided_again() {
    let table = created();
    table.trouble.overtaken.set(ATTEMPTS - 1);
    assert!(handle(&table, &Noon, &(), &[captured()]).await.ids().is_empty());
    table.trouble.overtaken.set(ATTEMPTS);
    assert_eq!(handle(&table, &Noon, &(), &[completed()]).await.ids(), ["FulfilmentCompleted"]);
    assert_eq!(state(&table), OrderState::Confirmed);
}

#[tokio::test]
async fn what_is_no_fact_about_an_order_fails_alone() {
    let table = created();
    let forged = message("somebody.else", "FulfilmentCompleted", json!({}));
    let mut malformed = captured();
    malformed.body = malformed.body.replace("USD", "US DOLLARS");
    let batch = [forged, malformed, completed()];
    assert_eq!(handle(&table, &Noon, &(), &batch).await.ids(), ["FulfilmentCompleted", "PaymentCaptured"]);
    assert_eq!(state(&table), OrderState::Fulfilled);

    table.records.borrow_mut().clear();
    assert_eq!(handle(&table, &Noon, &(), &[completed()]).await.ids(), ["FulfilmentCompleted"]);
}

#[tokio::test]
async fn how_an_order_ends_counts_once_and_how_long_it_took() {
    let out_of_stock = json!({"reason": "OUT_OF_STOCK", "shortages": [{"sku": "TENT", "requested": 1}]});
    let rejected = message("lakeside.inventory", "StockReservationFailed", out_of_stock);
    let declined = json!({"step": "CapturePayment", "reason": "PAYMENT_DECLINED"});
    let cancelled = message("lakeside.fulfilment", "FulfilmentFailed", declined);
    for (facts, counted, took) in [
        (vec![captured()], None, vec![]),
        (vec![captured(), completed()], Some(ORDERS_FULFILLED), vec![5_000]),
        (vec![rejected], Some(ORDERS_REJECTED), vec![]),
        (vec![cancelled], Some(ORDERS_CANCELLED), vec![]),
    ] {
        let (table, metrics) = (created(), MemoryMetrics::default());
        for _ in 0..3 {
            assert!(handle(&table, &Noon, &metrics, &facts).await.ids().is_empty());
        }
        for metric in [ORDERS_FULFILLED, ORDERS_REJECTED, ORDERS_CANCELLED] {
            assert_eq!(metrics.total(metric), u64::from(counted == Some(metric)), "{}", metric.name);
        }
        assert_eq!(metrics.values(FULFILMENT_TIME), took);
    }
}

/// A saga that gave up so many minutes after it began.
fn parked(minute: i64) -> Message {
    let mut parked = message(
        "lakeside.fulfilment",
        "FulfilmentParked",
        json!({"step": "RefundPayment", "reason": "LABEL_REFUSED"}),
    );
    parked.body = parked.body.replace("T09:01:00.000Z", &format!("T09:{minute:02}:00.000Z"));
    parked
}

#[tokio::test]
async fn a_saga_that_gives_up_is_counted_once_in_its_own_minute_and_decides_nothing() {
    let (table, metrics) = (created(), MemoryMetrics::default());
    for _ in 0..3 {
        assert!(handle(&table, &Noon, &metrics, &[captured(), parked(5)]).await.ids().is_empty());
    }
    assert_eq!(state(&table), OrderState::Confirmed);
    assert_eq!(table.outboxes.published(), ["OrderConfirmed"]);
    assert_eq!(metrics.moments(SAGAS_PARKED), [at("2026-11-27T09:05:00.000Z")]);

    // Its recovery gives up as well. What is heard of the first one after that is old news.
    assert!(handle(&table, &Noon, &metrics, &[parked(40), parked(5), parked(40)]).await.ids().is_empty());
    let both = ["2026-11-27T09:05:00.000Z", "2026-11-27T09:40:00.000Z"].map(at);
    assert_eq!(metrics.moments(SAGAS_PARKED), both);
}

#[tokio::test]
async fn what_an_order_came_to_before_its_saga_gave_up_is_not_counted_again() {
    let (table, metrics) = (created(), MemoryMetrics::default());
    assert!(handle(&table, &Noon, &metrics, &[completed(), parked(5)]).await.ids().is_empty());
    assert_eq!((metrics.total(ORDERS_FULFILLED), metrics.total(SAGAS_PARKED)), (1, 1));
    assert_eq!(metrics.values(FULFILMENT_TIME).len(), 1);
    assert_eq!(state(&table), OrderState::Fulfilled);
}

#[tokio::test]
async fn a_saga_that_gave_up_is_not_counted_before_that_is_written() {
    let (table, metrics) = (created(), MemoryMetrics::default());
    table.trouble.overtaken.set(ATTEMPTS);
    assert_eq!(handle(&table, &Noon, &metrics, &[parked(5)]).await.ids(), ["FulfilmentParked"]);
    assert_eq!(metrics.total(SAGAS_PARKED), 0);
    table.trouble.overtaken.set(ATTEMPTS - 1);
    assert!(handle(&table, &Noon, &metrics, &[parked(5)]).await.ids().is_empty());
    assert_eq!(metrics.total(SAGAS_PARKED), 1);
}
