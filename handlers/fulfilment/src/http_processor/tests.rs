use std::time::Duration;

use lakeside_domain::{ids::PaymentMethod, money::Currency};
use lakeside_sandbox::Options;
use uuid::Uuid;

use super::*;
use crate::{
    outbound::Timeouts,
    real_sandbox::{Sandbox, quick},
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
/// Long for an answer over loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// Short against the sandbox's hanging.
const IMPATIENCE: Duration = Duration::from_millis(200);

fn request(payment_method: &str) -> ChargeRequest {
    let payment_method = PaymentMethod::parse(payment_method).unwrap();
    ChargeRequest { order_id: ORDER, amount: Money::new(19_900, Currency::USD), payment_method }
}

async fn processor(options: Options) -> (HttpProcessor, Sandbox) {
    let sandbox = Sandbox::start(options).await;
    (HttpProcessor::new(sandbox.server()), sandbox)
}

#[tokio::test]
async fn a_charge_repeated_is_the_same_charge_and_can_be_given_back() {
    let (processor, _sandbox) = processor(quick()).await;
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Absent);
    for _ in 0..2 {
        let reply = processor.charge(&request("pm_card"), PATIENCE).await.unwrap();
        assert_eq!(reply, Reply::Final(Charge::Captured));
    }
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Captured);
    for _ in 0..2 {
        let reply = processor.reverse(ORDER, PATIENCE).await.unwrap();
        assert_eq!(reply, Reply::Final(Reversal::Refunded));
    }
    let refunded = Standing::Reversed(Reversal::Refunded);
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), refunded);
}

#[tokio::test]
async fn declines_come_with_a_reason_of_ours() {
    for (method, code) in
        [("pm_sandbox_declined", "CARD_DECLINED"), ("pm_sandbox_insufficient_funds", "INSUFFICIENT_FUNDS")]
    {
        let (processor, _sandbox) = processor(quick()).await;
        let reply = processor.charge(&request(method), PATIENCE).await.unwrap();
        assert_eq!(reply, Reply::Final(Charge::Declined { reason: ReasonCode::constant(code) }));
        assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Declined);
    }
}

#[tokio::test]
async fn nothing_is_captured_after_a_reversal() {
    let (processor, _sandbox) = processor(quick()).await;
    assert_eq!(processor.reverse(ORDER, PATIENCE).await.unwrap(), Reply::Final(Reversal::Cancelled));
    let closed = Charge::Declined { reason: ReasonCode::constant(PAYMENT_CLOSED) };
    assert_eq!(processor.charge(&request("pm_card"), PATIENCE).await.unwrap(), Reply::Final(closed));
    let cancelled = Standing::Reversed(Reversal::Cancelled);
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), cancelled);
}

#[tokio::test]
async fn no_answer_is_an_unknown_outcome() {
    let (processor, _sandbox) = processor(quick()).await;
    let error = processor.charge(&request("pm_sandbox_timeout_lands"), IMPATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unknown(_)), "{error}");
    let standing = processor.look_up(ORDER, PATIENCE).await.unwrap();
    assert!(matches!(standing, Standing::Processing | Standing::Captured), "{standing:?}");
}

#[tokio::test]
async fn a_failure_over_there_is_an_unknown_outcome() {
    let (processor, _sandbox) = processor(quick()).await;
    let error = processor.charge(&request("pm_sandbox_error_after_charge"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unknown(_)), "{error}");
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Captured);
}

#[tokio::test]
async fn a_refund_that_is_pending_is_under_way() {
    let (processor, _sandbox) =
        processor(Options { landing_delay: Duration::from_mins(10), ..quick() }).await;
    processor.charge(&request("pm_sandbox_refund_pending"), PATIENCE).await.unwrap();
    assert_eq!(processor.reverse(ORDER, PATIENCE).await.unwrap(), Reply::Underway);
}

#[tokio::test]
async fn turned_away_it_is_told_for_how_long() {
    let (processor, _sandbox) = processor(Options { rate: 1, ..quick() }).await;
    processor.charge(&request("pm_card"), PATIENCE).await.unwrap();
    let error = processor.charge(&request("pm_card"), PATIENCE).await.unwrap_err();
    let OutsideError::Throttled { retry_after } = error else { panic!("{error}") };
    assert_eq!(retry_after, Duration::from_secs(1));
}

#[tokio::test]
async fn the_same_key_for_another_charge_is_refused() {
    let (processor, _sandbox) = processor(quick()).await;
    processor.charge(&request("pm_card"), PATIENCE).await.unwrap();
    let error = processor.charge(&request("pm_other"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Refused { status: 422 }), "{error}");
}

#[tokio::test]
async fn a_processor_that_is_gone_leaves_the_outcome_unknown() {
    let (_, sandbox) = processor(quick()).await;
    let timeouts = Timeouts { connect: PATIENCE, total: PATIENCE };
    let gone = HttpProcessor::new(Server::new(sandbox.stop().await, timeouts).unwrap());
    let error = gone.charge(&request("pm_card"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unknown(_)), "{error}");
}
