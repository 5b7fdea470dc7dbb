use std::collections::HashMap;

use lakeside_domain::money::{Currency, Money};
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
    scripted::{ScriptedProcessor, invocation, lost, script},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
const KEY: &str = "00000000-0000-0000-0000-000000000001:refund";

fn command() -> Message {
    let body = json!({
        "command": "RefundPayment", "taskToken": "token", "orderId": ORDER,
        "amount": {"amount": 19_900, "currency": "USD"},
        "metadata": {"correlationId": ORDER, "causationId": ORDER},
    });
    Message { id: "m".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

struct World {
    table: MemoryFulfilment,
    processor: ScriptedProcessor,
    answers: Answers,
    clock: ManualClock,
    metrics: MemoryMetrics,
}

impl World {
    fn at(
        status: Option<PaymentStatus>,
        reversals: impl IntoIterator<Item = Result<Reply<Reversal>, OutsideError>>,
        look_ups: impl IntoIterator<Item = Result<Standing, OutsideError>>,
    ) -> Self {
        let table = MemoryFulfilment::default();
        if let Some(status) = status {
            let amount = Money::new(19_900, Currency::USD);
            let updated_at = Timestamp::from_millis(0);
            let payment = PaymentRecord { order_id: ORDER, amount, status, updated_at };
            table.payments.borrow_mut().insert(ORDER, payment);
        }
        let (reversals, look_ups) = (script(reversals), script(look_ups));
        let processor = ScriptedProcessor { reversals, look_ups, ..Default::default() };
        Self {
            table,
            processor,
            answers: Answers::default(),
            clock: ManualClock::default(),
            metrics: MemoryMetrics::default(),
        }
    }

    /// Delivers the command; answers whether it was done with.
    async fn deliver(&self) -> bool {
        let invocation = invocation(&self.clock, &format!("request-{}", self.clock.now().as_millis()));
        let batch = [command()];
        let failures = handle(
            &self.table,
            &self.processor,
            &self.answers,
            &self.clock,
            &self.metrics,
            &invocation,
            &batch,
        )
        .await;
        self.clock.advance(1);
        failures.ids().is_empty()
    }

    fn said(&self) -> Vec<Value> {
        self.answers.given.borrow().iter().map(|(_, answer)| answer.clone()).collect()
    }
}

const REFUNDED: Reply<Reversal> = Reply::Final(Reversal::Refunded);
const CANCELLED: Reply<Reversal> = Reply::Final(Reversal::Cancelled);

#[tokio::test]
async fn captured_money_goes_back_once() {
    let world = World::at(Some(PaymentStatus::Captured), [Ok(REFUNDED)], []);
    assert!(world.deliver().await);
    assert!(world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Refunded));
    assert_eq!(world.table.outboxes.published(), ["PaymentRefunded"]);
    assert_eq!(world.said(), [json!({"outcome": "REFUNDED"}), json!({"outcome": "REFUNDED"})]);
    assert_eq!(world.metrics.total(COMPENSATIONS), 1);
    assert_eq!(*world.processor.keys.borrow(), [KEY]);
}

#[tokio::test]
async fn without_a_payment_none_can_begin_any_more() {
    let world = World::at(None, [], []);
    assert!(world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Voided));
    assert_eq!(world.said(), [json!({"outcome": "NOTHING_TO_REFUND"})]);
    assert_eq!(world.metrics.total(COMPENSATIONS), 0);
    assert!(world.table.outboxes.published().is_empty());
}

#[tokio::test]
async fn a_charge_of_unknown_outcome_is_cancelled_at_the_processor() {
    let world = World::at(Some(PaymentStatus::Capturing), [Ok(CANCELLED)], []);
    assert!(world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Voided));
    assert!(world.table.outboxes.published().is_empty());
    assert_eq!(world.said(), [json!({"outcome": "NOTHING_TO_REFUND"})]);
    assert_eq!(world.metrics.total(COMPENSATIONS), 0);
}

#[tokio::test]
async fn a_declined_payment_needs_no_processor() {
    let reason = lakeside_domain::ids::ReasonCode::constant("CARD_DECLINED");
    let world = World::at(Some(PaymentStatus::Declined { reason }), [], []);
    assert!(world.deliver().await);
    assert_eq!(world.said(), [json!({"outcome": "NOTHING_TO_REFUND"})]);
    assert_eq!(world.metrics.total(COMPENSATIONS), 0);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_by_looking_it_up() {
    let standing = Ok(Standing::Reversed(Reversal::Refunded));
    let world = World::at(Some(PaymentStatus::Captured), [lost()], [standing]);
    assert!(world.deliver().await);
    assert_eq!(world.processor.keys.borrow().len(), 1);
    assert_eq!(world.said(), [json!({"outcome": "REFUNDED"})]);
}

#[tokio::test]
async fn a_payment_is_closed_before_the_processor_is_asked_and_stays_so() {
    let look_ups = [lost(), Ok(Standing::Captured)];
    let world = World::at(Some(PaymentStatus::Captured), [lost(), Ok(REFUNDED)], look_ups);
    assert!(!world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Reversing));
    assert!(world.said().is_empty());
    assert!(world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Refunded));
    assert_eq!(*world.processor.keys.borrow(), [KEY, KEY]);
}

#[tokio::test]
async fn a_key_that_opens_nothing_gives_no_money_back_until_it_is_right() {
    let reversals = [Err(OutsideError::Unauthorized), Ok(REFUNDED)];
    let world = World::at(Some(PaymentStatus::Captured), reversals, [Ok(Standing::Captured)]);
    assert!(!world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Reversing));
    assert!(world.said().is_empty());
    assert!(world.deliver().await);
    assert_eq!(world.said(), [json!({"outcome": "REFUNDED"})]);
}

#[tokio::test]
async fn a_pending_refund_is_not_said_to_be_done() {
    let world = World::at(Some(PaymentStatus::Captured), [Ok(Reply::Underway)], []);
    assert!(!world.deliver().await);
    assert!(world.said().is_empty());
}

#[tokio::test]
async fn a_charge_recorded_in_between_is_reversed_too() {
    let world = World::at(Some(PaymentStatus::Capturing), [Ok(REFUNDED)], []);
    world.table.before_write(1, |table| {
        table.payments.borrow_mut().get_mut(&ORDER).unwrap().status = PaymentStatus::Captured;
    });
    assert!(world.deliver().await);
    assert_eq!(world.table.payment_status(ORDER), Some(PaymentStatus::Refunded));
    assert_eq!(*world.processor.keys.borrow(), [KEY]);
}

#[tokio::test]
async fn a_saga_that_cannot_be_answered_is_answered_at_the_next_delivery() {
    let world = World::at(Some(PaymentStatus::Captured), [Ok(REFUNDED)], []);
    world.answers.down.set(true);
    assert!(!world.deliver().await);
    world.answers.down.set(false);
    assert!(world.deliver().await);
    assert_eq!(world.said(), [json!({"outcome": "REFUNDED"})]);
    assert_eq!(world.table.outboxes.published(), ["PaymentRefunded"]);
}
