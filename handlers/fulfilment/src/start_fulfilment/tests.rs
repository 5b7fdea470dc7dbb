use std::collections::HashMap;

use lakeside_domain::{
    ids::OrderId,
    money::{Currency, Money},
    payment::PaymentStatus,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    executions::Execution,
    memory::MemoryFulfilment,
    payment_record::PaymentRecord,
    scripted::{MemoryExecutions, RUNNING},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
const EVENT: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
const SETTINGS: Settings = Settings { approval_threshold: 100_000 };

fn message(body: &Value) -> Message {
    Message { id: "m".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

fn created(total: i64) -> Message {
    let usd = json!({"amount": total, "currency": "USD"});
    message(&json!({
        "source": "lakeside.orders", "detail-type": "OrderCreated",
        "detail": {
            "metadata": {
                "eventId": EVENT, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": ORDER,
                "causationId": EVENT, "schemaVersion": 1,
            },
            "data": {
                "orderId": ORDER, "customerId": "c", "channel": "web",
                "lines": [{"sku": "TENT", "quantity": 1, "unitPrice": usd}], "total": usd,
                "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
            },
        },
    }))
}

async fn deliver(executions: &MemoryExecutions, message: Message) -> bool {
    deliver_beside(&MemoryFulfilment::default(), executions, message).await
}

async fn deliver_beside(
    payments: &MemoryFulfilment,
    executions: &MemoryExecutions,
    message: Message,
) -> bool {
    handle(executions, payments, SETTINGS, &[message]).await.ids().is_empty()
}

fn paid() -> MemoryFulfilment {
    let table = MemoryFulfilment::default();
    let (amount, updated_at) = (Money::new(100_001, Currency::USD), Timestamp::from_millis(0));
    let payment = PaymentRecord { order_id: ORDER, amount, status: PaymentStatus::Captured, updated_at };
    table.payments.borrow_mut().insert(ORDER, payment);
    table
}

fn input(executions: &MemoryExecutions) -> FulfilOrder {
    let started = executions.started.borrow();
    serde_json::from_str(&started[&ORDER.to_string()].input).unwrap()
}

#[tokio::test]
async fn an_order_has_one_saga_under_its_own_id_however_often_it_is_announced() {
    let executions = MemoryExecutions::default();
    assert!(deliver(&executions, created(100)).await);
    assert!(deliver(&executions, created(100)).await);
    assert_eq!(executions.started.borrow().len(), 1);
    assert_eq!(input(&executions).metadata.causation_id.to_string(), EVENT);
}

#[tokio::test]
async fn above_the_threshold_a_person_must_approve() {
    for (total, requires_approval) in [(100_000, false), (100_001, true)] {
        let executions = MemoryExecutions::default();
        assert!(deliver(&executions, created(total)).await);
        assert_eq!(input(&executions).requires_approval, requires_approval);
    }
}

#[tokio::test]
async fn nobody_is_asked_again_about_an_order_with_a_payment() {
    let executions = MemoryExecutions::default();
    assert!(deliver_beside(&paid(), &executions, created(100_001)).await);
    assert!(!input(&executions).requires_approval);
}

#[tokio::test]
async fn an_order_that_has_been_paid_meanwhile_is_still_the_same() {
    let executions = MemoryExecutions::default();
    assert!(deliver(&executions, created(100_001)).await);
    assert!(deliver_beside(&paid(), &executions, created(100_001)).await);
    assert!(input(&executions).requires_approval);
}

#[tokio::test]
async fn the_events_that_end_a_saga_have_their_ids_before_it_begins() {
    let executions = [MemoryExecutions::default(), MemoryExecutions::default()];
    for each in &executions {
        assert!(deliver(each, created(100)).await);
    }
    let ids = input(&executions[0]).event_ids;
    assert_eq!(ids, input(&executions[1]).event_ids);
    assert!(ids.completed != ids.failed && ids.failed != ids.parked);
}

#[tokio::test]
async fn a_name_that_belongs_to_another_order_is_not_taken_for_this_one() {
    let executions = MemoryExecutions::default();
    for earlier in ["{}".to_owned(), {
        let other = MemoryExecutions::default();
        assert!(deliver(&other, created(7)).await);
        serde_json::to_string(&input(&other)).unwrap()
    }] {
        let earlier = Execution { input: earlier, status: RUNNING, error: None };
        executions.started.borrow_mut().insert(ORDER.to_string(), earlier);
        assert!(!deliver(&executions, created(100)).await);
    }
}

#[tokio::test]
async fn what_is_no_order_created_goes_to_the_dead_letter_queue() {
    let executions = MemoryExecutions::default();
    assert!(!deliver(&executions, message(&json!({"detail-type": "OrderCreated"}))).await);
    let mut renamed: Value = serde_json::from_str(&created(100).body).unwrap();
    renamed["detail-type"] = "OrderRejected".into();
    assert!(!deliver(&executions, message(&renamed)).await);
    assert!(executions.started.borrow().is_empty());
}
