use std::{rc::Rc, time::Duration};

use lakeside_domain::{ids::PaymentMethod, money::Currency};
use lakeside_kit::memory::MemorySecrets;
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

const SECRET: &str = "processor";

type Opened = HttpProcessor<Rc<MemorySecrets>>;

fn opened_with(server: Server, key: &str) -> (Opened, Rc<MemorySecrets>) {
    let secrets = Rc::new(MemorySecrets::default());
    secrets.put(SECRET, key);
    (HttpProcessor::new(server, SECRET, SecretCache::new(Rc::clone(&secrets), 300)), secrets)
}

async fn processor(options: Options) -> (Opened, Sandbox) {
    let sandbox = Sandbox::start(options).await;
    let (_, key) = sandbox.issue_key("tests/first").await;
    (opened_with(sandbox.server(), &key).0, sandbox)
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
    let (gone, _) = opened_with(Server::new(sandbox.stop().await, timeouts).unwrap(), "key");
    let error = gone.charge(&request("pm_card"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn a_key_is_read_once_and_again_when_it_is_turned_down() {
    let sandbox = Sandbox::start(quick()).await;
    let (id, old) = sandbox.issue_key("tests/old").await;
    let (processor, secrets) = opened_with(sandbox.server(), &old);
    for _ in 0..2 {
        assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Absent);
    }
    assert_eq!(secrets.reads(), 1);

    secrets.put(SECRET, &sandbox.issue_key("tests/new").await.1);
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Absent);
    assert_eq!(secrets.reads(), 1, "the old one still opens");
    sandbox.revoke_key(&id).await;
    let reply = processor.charge(&request("pm_card"), PATIENCE).await.unwrap();
    assert_eq!((reply, secrets.reads()), (Reply::Final(Charge::Captured), 2));
}

#[tokio::test]
async fn a_key_that_opens_nothing_is_no_decline_and_charges_nothing() {
    let sandbox = Sandbox::start(quick()).await;
    let (processor, secrets) = opened_with(sandbox.server(), "sk_wrong");
    let error = processor.charge(&request("pm_sandbox_declined"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unauthorized), "{error}");
    assert!(!format!("{error:?} {error}").contains("sk_wrong"));
    assert!(matches!(processor.reverse(ORDER, PATIENCE).await, Err(OutsideError::Unauthorized)));
    assert!(matches!(processor.look_up(ORDER, PATIENCE).await, Err(OutsideError::Unauthorized)));

    secrets.put(SECRET, &sandbox.issue_key("tests/right").await.1);
    assert_eq!(processor.look_up(ORDER, PATIENCE).await.unwrap(), Standing::Absent);
}

#[tokio::test]
async fn nobody_is_asked_without_a_key() {
    let (processor, secrets) = opened_with(Sandbox::start(quick()).await.server(), "key");
    secrets.down.set(true);
    let error = processor.charge(&request("pm_card"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Secret(_)), "{error}");
}
