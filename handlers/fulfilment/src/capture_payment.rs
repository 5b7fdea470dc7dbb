//! Takes the money of an order.
//!
//! Consumes: the saga's command CapturePayment, with a task token.
//! Emits: PaymentCaptured or PaymentDeclined, through the outbox.
//! Idempotency key: the order id. One payment record per order forever, a lease around the charge, and one key at the
//! processor for every attempt.
//! Retries: when the processor turns us away, leaves the outcome open or is still at it, when another attempt is under
//! way, when the table or the secrets are not there, or when the saga cannot be answered.
//! Parks: what is no CapturePayment, charges the processor refuses to take as they stand, and keys that open nothing, which
//! may be put right before the deliveries run out.
//! Answers: that the customer cancelled the order, where that was recorded before the first attempt.

use lakeside_contracts::{
    commands::{CapturePayment, CapturePaymentResult, Command},
    events::{PaymentCaptured, PaymentDeclined},
};
use lakeside_domain::{
    ids::{OrderId, ReasonCode},
    payment::{CaptureStep, Charge, PAYMENT_CLOSED, PaymentStatus, begin_capture, record_charge},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Pauses,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{Metrics, PAYMENT_LATENCY, PAYMENTS_CAPTURED, PAYMENTS_DECLINED},
    outbox::{Cause, Entry, entry},
    runtime::Invocation,
    sqs::{Failures, Message, each},
    task_token::TaskTokens,
};

use crate::{
    effect::{Attempt, EffectError, READINGS, Written, report_key, under_lease},
    outside::{OutsideError, Reply, patiently},
    payment_record::PaymentRecord,
    processor::{ChargeRequest, PAYMENT_DECLINED, Processor, Standing},
};

const FUNCTION: &str = "capture-payment";

/// The fulfilment squad's table, as far as capturing needs it.
pub trait CaptureStore {
    /// The order's payment, read consistently.
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError>;
    /// Records that the processor is about to be asked, if there is no payment yet or it is at that.
    async fn begin_capture(&self, capturing: &PaymentRecord) -> Result<Written, StoreError>;
    /// Records what the processor said and completes the lease, if the payment still waits for that and the lease is
    /// still the holder's.
    async fn settle_capture(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Handles a batch, each message on its own.
pub async fn handle(
    store: &(impl CaptureStore + Leases),
    processor: &impl Processor,
    tokens: &impl TaskTokens,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    invocation: &Invocation,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| -> Result<(), EffectError> {
        let command = read(message)?;
        let attempt = Attempt::at_message(invocation, &message.id);
        let outcome = capture(store, processor, clock, metrics, &attempt, &command).await;
        let outcome = outcome.inspect_err(report_key)?;
        tracing::info!(?outcome, "payment decided");
        tokens.succeed(&command.task_token, &outcome).await?;
        Ok(())
    })
    .await
}

fn read(message: &Message) -> Result<CapturePayment, EffectError> {
    match message.command()? {
        Command::CapturePayment(command) => Ok(command),
        other => Err(EffectError::Unexpected(other.name())),
    }
}

/// What has become of the payment, recorded.
async fn capture(
    store: &(impl CaptureStore + Leases),
    processor: &impl Processor,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    attempt: &Attempt,
    command: &CapturePayment,
) -> Result<CapturePaymentResult, EffectError> {
    for _ in 0..READINGS {
        let current = store.payment(command.order_id).await?;
        match begin_capture(current.as_ref().map(|p| &p.status)) {
            CaptureStep::Charge => {}
            CaptureStep::Decided(charge) => return Ok(result(charge)),
            CaptureStep::Cancelled => return Ok(CapturePaymentResult::Cancelled),
        }
        let tried_before = current.is_some();
        let key = LeaseKey::new(FUNCTION, command.order_id.to_string());
        let decided = under_lease(store, clock, key, attempt, async |held| {
            let capturing = capturing(command, clock.now());
            if store.begin_capture(&capturing).await? == Written::Stale {
                return Ok(None);
            }
            let charge = charge(processor, clock, attempt.deadline, command, tried_before).await?;
            record(store, clock.now(), metrics, command, &capturing, held, charge).await
        })
        .await?;
        if let Some(charge) = decided {
            return Ok(result(charge));
        }
    }
    Err(EffectError::Contended)
}

fn capturing(command: &CapturePayment, now: Timestamp) -> PaymentRecord {
    PaymentRecord {
        order_id: command.order_id,
        amount: command.amount,
        status: PaymentStatus::Capturing,
        updated_at: now,
    }
}

/// Asks the processor. An attempt made before is looked up first, because the processor forgets keys after a day.
async fn charge(
    processor: &impl Processor,
    clock: &impl Pauses,
    deadline: Timestamp,
    command: &CapturePayment,
    tried_before: bool,
) -> Result<Charge, EffectError> {
    let look_up =
        async || patiently(clock, deadline, async |p| processor.look_up(command.order_id, p).await).await;
    if tried_before && let Some(charge) = decided(look_up().await?)? {
        return Ok(charge);
    }
    let request = ChargeRequest {
        order_id: command.order_id,
        amount: command.amount,
        payment_method: command.payment_method.clone(),
    };
    match patiently(clock, deadline, async |p| processor.charge(&request, p).await).await {
        Ok(Reply::Final(charge)) => Ok(charge),
        Ok(Reply::Underway) => decided(look_up().await?)?.ok_or(EffectError::Underway),
        Err(OutsideError::Unknown(cause)) => {
            decided(look_up().await?)?.ok_or(EffectError::Outside(OutsideError::Unknown(cause)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the processor's books say about the charge; `None` if they do not know of it.
fn decided(standing: Standing) -> Result<Option<Charge>, EffectError> {
    let declined = |code| Charge::Declined { reason: ReasonCode::constant(code) };
    match standing {
        Standing::Absent => Ok(None),
        Standing::Processing => Err(EffectError::Underway),
        Standing::Captured => Ok(Some(Charge::Captured)),
        Standing::Declined => Ok(Some(declined(PAYMENT_DECLINED))),
        Standing::Reversed(_) => Ok(Some(declined(PAYMENT_CLOSED))),
    }
}

async fn record(
    store: &impl CaptureStore,
    now: Timestamp,
    metrics: &impl Metrics,
    command: &CapturePayment,
    capturing: &PaymentRecord,
    held: &Held,
    charge: Charge,
) -> Result<Option<Charge>, EffectError> {
    let order_id = command.order_id;
    let Some(status) = record_charge(&capturing.status, &charge) else { return Ok(None) };
    let cause = Cause::of(order_id, command.metadata.causation_id);
    let fact = match &charge {
        Charge::Captured => {
            entry(order_id, cause, now, PaymentCaptured { order_id, amount: capturing.amount })?
        }
        Charge::Declined { reason } => {
            entry(order_id, cause, now, PaymentDeclined { order_id, reason: reason.clone() })?
        }
    };
    let written = store.settle_capture(&capturing.moved_to(status, now), &[fact], held).await?;
    if written == Written::Stale {
        return Ok(None);
    }
    let decision = match &charge {
        Charge::Captured => PAYMENTS_CAPTURED,
        Charge::Declined { .. } => PAYMENTS_DECLINED,
    };
    metrics.record(&[decision.of(1), PAYMENT_LATENCY.between(capturing.updated_at, now)]);
    Ok(Some(charge))
}

fn result(charge: Charge) -> CapturePaymentResult {
    match charge {
        Charge::Captured => CapturePaymentResult::Captured,
        Charge::Declined { reason } => CapturePaymentResult::Declined { reason },
    }
}

#[cfg(test)]
mod tests;
