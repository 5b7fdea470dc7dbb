use std::collections::HashMap;

use lakeside_domain::money::{Currency, Money};
use lakeside_kit::memory::{Answers, ManualClock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::memory::MemoryFulfilment;

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));

fn event(detail_type: &str) -> Message {
    let body = json!({
        "source": "lakeside.orders", "detail-type": detail_type,
        "detail": {
            "metadata": {
                "eventId": ORDER, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": ORDER,
                "causationId": ORDER, "schemaVersion": 1,
            },
            "data": {"orderId": ORDER, "total": {"amount": 19_900, "currency": "USD"}},
        },
    });
    Message { id: "m".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

#[derive(Default)]
struct World {
    table: MemoryFulfilment,
    answers: Answers,
    clock: ManualClock,
}

impl World {
    /// Delivers the request; answers whether it was done with.
    async fn deliver(&self) -> bool {
        self.clock.advance(1);
        let request = [event("OrderCancellationRequested")];
        handle(&self.table, &self.answers, &self.clock, &request).await.ids().is_empty()
    }

    fn said(&self) -> Vec<(String, Value)> {
        self.answers.given.borrow().clone()
    }
}

fn payment(status: PaymentStatus) -> PaymentRecord {
    let amount = Money::new(19_900, Currency::USD);
    PaymentRecord { order_id: ORDER, amount, status, updated_at: Timestamp::from_millis(0) }
}

#[tokio::test]
async fn what_has_not_begun_is_closed_for_good() {
    let world = World::default();
    assert!(world.deliver().await);
    let cancelled = world.table.payment(ORDER).unwrap();
    assert_eq!((cancelled.status, cancelled.amount.amount()), (PaymentStatus::Cancelled, 19_900));
    assert_eq!(world.table.labels_closed(ORDER), Some(Closing::Cancellation));
    assert!(!world.table.request_approval(ORDER, "token"), "the saga may not ask any more");
    assert!(world.said().is_empty());
}

#[tokio::test]
async fn a_saga_that_waits_for_an_approval_goes_on_at_once() {
    let world = World::default();
    assert!(world.table.request_approval(ORDER, "first"));
    assert!(world.table.request_approval(ORDER, "second"), "a retry asks again");
    assert!(world.deliver().await);
    assert_eq!(world.said(), [("second".to_owned(), json!({"decision": "CANCELLED"}))]);
}

#[tokio::test]
async fn a_payment_that_has_begun_stays_as_it_is() {
    for status in [PaymentStatus::Capturing, PaymentStatus::Captured, PaymentStatus::Voided] {
        let world = World::default();
        world.table.payments.borrow_mut().insert(ORDER, payment(status.clone()));
        assert!(world.deliver().await);
        assert_eq!(world.table.payment(ORDER), Some(payment(status)));
        assert_eq!(world.table.labels_closed(ORDER), Some(Closing::Cancellation));
    }
}

#[tokio::test]
async fn labels_that_are_closed_because_the_order_is_undone_stay_so() {
    let world = World::default();
    let closed_at = Timestamp::from_millis(0);
    world.table.close_labels(&ClosedRecord { order_id: ORDER, closed_at, closing: Closing::Compensation });
    assert!(world.deliver().await);
    assert_eq!(world.table.labels_closed(ORDER), Some(Closing::Compensation));
}

#[tokio::test]
async fn a_request_delivered_again_changes_nothing() {
    let world = World::default();
    assert!(world.table.request_approval(ORDER, "token"));
    assert!(world.deliver().await);
    let of = |table: &MemoryFulfilment| {
        let (closed, approvals) = (table.closed.borrow().clone(), table.approvals.borrow().clone());
        (table.payment(ORDER), closed, approvals)
    };
    let before = of(&world.table);
    assert!(world.deliver().await);
    assert_eq!(of(&world.table), before);
}

#[tokio::test]
async fn a_saga_that_cannot_be_answered_is_answered_at_the_next_delivery() {
    let world = World::default();
    assert!(world.table.request_approval(ORDER, "token"));
    world.answers.down.set(true);
    assert!(!world.deliver().await);
    world.answers.down.set(false);
    assert!(world.deliver().await);
    assert_eq!(world.said().len(), 1);
}

#[tokio::test]
async fn what_is_no_request_goes_to_the_dead_letter_queue() {
    let world = World::default();
    let mut torn = event("OrderCancellationRequested");
    torn.body.truncate(20);
    let mut forged = event("OrderCancellationRequested");
    forged.body = forged.body.replace("lakeside.orders", "somebody.else");
    for message in [torn, forged, event("OrderCancelled")] {
        assert!(!handle(&world.table, &world.answers, &world.clock, &[message]).await.ids().is_empty());
    }
    assert_eq!(world.table.payment(ORDER), None);
    assert_eq!(world.table.labels_closed(ORDER), None);
}
