use std::collections::HashMap;

use lakeside_domain::idempotency::{Lease, Owner};
use lakeside_kit::{
    clock::Clock,
    memory::{Answers, ManualClock, MemoryMetrics},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    memory::MemoryFulfilment,
    outside::OutsideError,
    scripted::{ScriptedProcessor, invocation, lost, script, throttled},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
const KEY: &str = "00000000-0000-0000-0000-000000000001:capture";

fn message(body: &Value) -> Message {
    Message { id: "m".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

fn command() -> Message {
    message(&json!({
        "command": "CapturePayment", "taskToken": "token", "orderId": ORDER,
        "amount": {"amount": 19_900, "currency": "USD"}, "paymentMethod": "pm_1",
        "metadata": {"correlationId": ORDER, "causationId": ORDER},
    }))
}

const CAPTURED: Reply<Charge> = Reply::Final(Charge::Captured);

#[derive(Default)]
struct World {
    table: MemoryFulfilment,
    processor: ScriptedProcessor,
    answers: Answers,
    clock: ManualClock,
    metrics: MemoryMetrics,
}

impl World {
    fn charging(answers: impl IntoIterator<Item = Result<Reply<Charge>, OutsideError>>) -> Self {
        let processor = ScriptedProcessor { charges: script(answers), ..Default::default() };
        Self { processor, ..Default::default() }
    }

    fn looking_up(self, answers: impl IntoIterator<Item = Result<Standing, OutsideError>>) -> Self {
        let processor = ScriptedProcessor { look_ups: script(answers), ..self.processor };
        Self { processor, ..self }
    }

    /// Delivers the command; answers whether it was done with.
    async fn deliver(&self, message: &Message) -> bool {
        let invocation = invocation(&self.clock, &format!("request-{}", self.clock.now().as_millis()));
        let batch = std::slice::from_ref(message);
        let failures = handle(
            &self.table,
            &self.processor,
            &self.answers,
            &self.clock,
            &self.metrics,
            &invocation,
            batch,
        )
        .await;
        self.clock.advance(1);
        failures.ids().is_empty()
    }

    fn said(&self) -> Vec<Value> {
        self.answers.given.borrow().iter().map(|(_, answer)| answer.clone()).collect()
    }

    fn charges(&self) -> usize {
        self.processor.keys.borrow().len()
    }
}

#[tokio::test]
async fn a_charge_is_recorded_published_and_answered() {
    let world = World::charging([Ok(CAPTURED)]);
    assert!(world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Captured));
    assert_eq!(world.table.outboxes.published(), ["PaymentCaptured"]);
    assert_eq!(world.said(), [json!({"outcome": "CAPTURED"})]);
    assert_eq!(*world.processor.keys.borrow(), [KEY]);
}

#[tokio::test]
async fn a_declined_card_is_an_answer_and_no_failure() {
    let reason = ReasonCode::constant("CARD_DECLINED");
    let world = World::charging([Ok(Reply::Final(Charge::Declined { reason }))]);
    assert!(world.deliver(&command()).await);
    assert_eq!(world.table.outboxes.published(), ["PaymentDeclined"]);
    assert_eq!(world.said(), [json!({"outcome": "DECLINED", "reason": "CARD_DECLINED"})]);
    assert_eq!((world.metrics.total(PAYMENTS_CAPTURED), world.metrics.total(PAYMENTS_DECLINED)), (0, 1));
}

#[tokio::test]
async fn a_command_delivered_again_charges_nothing_and_is_answered_again() {
    let world = World::charging([Ok(CAPTURED)]);
    assert!(world.deliver(&command()).await);
    assert!(world.deliver(&command()).await);
    assert_eq!((world.charges(), world.said().len()), (1, 2));
    assert_eq!((world.metrics.total(PAYMENTS_CAPTURED), world.metrics.total(PAYMENTS_DECLINED)), (1, 0));
    assert_eq!(world.metrics.values(PAYMENT_LATENCY).len(), 1);
    assert_eq!(world.table.outboxes.published(), ["PaymentCaptured"]);
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_found_by_looking_it_up() {
    let world = World::charging([lost()]).looking_up([Ok(Standing::Captured)]);
    assert!(world.deliver(&command()).await);
    assert_eq!(world.charges(), 1);
    assert_eq!(world.said(), [json!({"outcome": "CAPTURED"})]);
}

#[tokio::test]
async fn an_unknown_outcome_is_neither_captured_nor_declined_and_looked_up_before_the_next_charge() {
    let world = World::charging([lost(), Ok(CAPTURED)]).looking_up([lost(), Ok(Standing::Absent)]);
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Capturing));
    assert!(world.said().is_empty());
    assert!(world.metrics.values(PAYMENT_LATENCY).is_empty(), "nothing is decided");
    assert!(world.deliver(&command()).await);
    assert_eq!(*world.processor.keys.borrow(), [KEY, KEY]);
    assert!(world.processor.look_ups.borrow().is_empty());
}

#[tokio::test]
async fn a_charge_that_landed_after_the_attempt_is_not_made_again() {
    let world = World::charging([lost()]).looking_up([Ok(Standing::Absent), Ok(Standing::Captured)]);
    assert!(!world.deliver(&command()).await);
    assert!(world.deliver(&command()).await);
    assert_eq!(world.charges(), 1);
    assert_eq!(world.said(), [json!({"outcome": "CAPTURED"})]);
}

#[tokio::test]
async fn what_the_processor_is_still_at_is_waited_for() {
    let world = World::charging([Ok(Reply::Underway)]).looking_up([Ok(Standing::Processing)]);
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Capturing));
}

#[tokio::test]
async fn turned_away_it_stays_away_as_long_as_told_and_tries_again() {
    let world = World::charging([throttled(2), throttled(1), Ok(CAPTURED)]);
    assert!(world.deliver(&command()).await);
    assert!(world.clock.now().as_millis() >= 3000);
    assert_eq!(*world.processor.keys.borrow(), [KEY, KEY, KEY]);
}

#[tokio::test]
async fn turned_away_for_longer_than_the_invocation_lasts_the_queue_waits_instead() {
    let world = World::charging([throttled(30)]);
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.clock.now().as_millis(), 1);
}

#[tokio::test]
async fn a_key_that_opens_nothing_is_no_decline_and_the_charge_is_made_once_it_is_right() {
    let world =
        World::charging([Err(OutsideError::Unauthorized), Ok(CAPTURED)]).looking_up([Ok(Standing::Absent)]);
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Capturing));
    assert!(world.said().is_empty() && world.table.outboxes.published().is_empty());
    assert!(world.deliver(&command()).await);
    assert_eq!(world.said(), [json!({"outcome": "CAPTURED"})]);
}

#[tokio::test]
async fn two_attempts_at_once_ask_the_processor_once() {
    let world = World::charging([]);
    let key = LeaseKey::new(FUNCTION, ORDER.to_string());
    let other = Owner("other".into());
    world.table.leases.take(&key, &other, world.clock.now());
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.charges(), 0);
    assert!(matches!(world.table.leases.get(&key), Some(Lease::InProgress { owner, .. }) if owner == other));
}

#[tokio::test]
async fn a_failed_attempt_gives_its_lease_up() {
    let world = World::charging([lost()]).looking_up([lost()]);
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.table.leases.get(&LeaseKey::new(FUNCTION, ORDER.to_string())), None);
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_records_nothing() {
    let world = World::charging([Ok(CAPTURED), Ok(CAPTURED)]).looking_up([Ok(Standing::Captured)]);
    world.table.before_write(2, |table| {
        let key = LeaseKey::new(FUNCTION, ORDER.to_string());
        table.leases.take(&key, &Owner("other".into()), Timestamp::from_millis(60_000));
    });
    assert!(!world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Capturing));
    assert!(world.table.outboxes.published().is_empty());
}

#[tokio::test]
async fn a_payment_that_was_closed_is_declined_without_a_charge() {
    let world = World::charging([]);
    let status = PaymentStatus::Voided;
    let amount = read(&command()).unwrap().amount;
    let updated_at = world.clock.now();
    let voided = PaymentRecord { order_id: ORDER, amount, status, updated_at };
    world.table.payments.borrow_mut().insert(ORDER, voided);
    assert!(world.deliver(&command()).await);
    assert_eq!(world.said(), [json!({"outcome": "DECLINED", "reason": "PAYMENT_CLOSED"})]);
}

/// The payment of the order, cancelled before any attempt.
fn cancelled() -> PaymentRecord {
    let amount = read(&command()).unwrap().amount;
    let updated_at = Timestamp::from_millis(0);
    PaymentRecord { order_id: ORDER, amount, status: PaymentStatus::Cancelled, updated_at }
}

#[tokio::test]
async fn an_order_that_its_customer_cancelled_is_not_charged_and_the_saga_hears_why() {
    let world = World::charging([]);
    world.table.close_payment(&cancelled());
    assert!(world.deliver(&command()).await);
    assert_eq!(world.said(), [json!({"outcome": "CANCELLED"})]);
    assert!(world.table.outboxes.published().is_empty());
}

#[tokio::test]
async fn a_cancellation_just_before_the_charge_prevents_it() {
    let world = World::charging([]);
    world.table.before_write(1, |table| {
        table.close_payment(&cancelled());
    });
    assert!(world.deliver(&command()).await);
    assert_eq!(world.charges(), 0);
    assert_eq!(world.said(), [json!({"outcome": "CANCELLED"})]);
}

#[tokio::test]
async fn a_cancellation_after_the_charge_began_does_not_stop_it() {
    let world = World::charging([Ok(CAPTURED)]);
    world.table.before_write(2, |table| {
        table.close_payment(&cancelled());
    });
    assert!(world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Captured));
    assert_eq!(world.said(), [json!({"outcome": "CAPTURED"})]);
}

#[tokio::test]
async fn a_refund_that_comes_between_the_charge_and_its_record_wins() {
    let world = World::charging([Ok(CAPTURED)]);
    world.table.before_write(2, |table| {
        let mut payments = table.payments.borrow_mut();
        let payment = payments.get_mut(&ORDER).unwrap();
        *payment = payment.moved_to(PaymentStatus::Reversing, payment.updated_at);
    });
    assert!(world.deliver(&command()).await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Reversing));
    assert!(world.table.outboxes.published().is_empty());
    assert_eq!(world.said(), [json!({"outcome": "DECLINED", "reason": "PAYMENT_CLOSED"})]);
}

#[tokio::test]
async fn a_saga_that_cannot_be_answered_is_answered_at_the_next_delivery() {
    let world = World::charging([Ok(CAPTURED)]);
    world.answers.down.set(true);
    assert!(!world.deliver(&command()).await);
    world.answers.down.set(false);
    assert!(world.deliver(&command()).await);
    assert_eq!((world.charges(), world.said().len()), (1, 1));
}

#[tokio::test]
async fn what_is_no_capture_goes_to_the_dead_letter_queue() {
    let world = World::charging([]);
    let other = json!({
        "command": "VoidLabels", "orderId": ORDER, "metadata": {"correlationId": ORDER, "causationId": ORDER},
    });
    for body in [json!({}), json!("x"), other] {
        assert!(!world.deliver(&message(&body)).await, "{body}");
    }
    assert_eq!(world.table.payment_status(ORDER), None);
}
