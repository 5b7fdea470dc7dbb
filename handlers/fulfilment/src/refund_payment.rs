//! Gives an order's money back, or sees to it that none is ever taken.
//!
//! Consumes: the saga's command RefundPayment, with a task token.
//! Emits: PaymentRefunded, through the outbox, if there was money.
//! Idempotency key: the order id. The payment record closes before the processor is asked, so that no capture begins
//! any more; a lease around the reversal; one key at the processor for every attempt.
//! Retries: when the processor turns us away, leaves the outcome open or is still at it, when another attempt is under
//! way, when the table or the secrets are not there, or when the saga cannot be answered.
//! Parks: what is no RefundPayment, reversals the processor refuses to take as they stand, and keys that open nothing, which
//! may be put right before the deliveries run out.

use lakeside_contracts::{
    commands::{Command, RefundPayment, RefundPaymentResult},
    events::PaymentRefunded,
};
use lakeside_domain::{
    ids::OrderId,
    payment::{PaymentStatus, Reversal, ReversalStep, begin_reversal, record_reversal},
    time::Timestamp,
};
use lakeside_kit::{
    clock::Pauses,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{COMPENSATIONS, Metrics},
    outbox::{Cause, Entry, entry},
    runtime::Invocation,
    sqs::{Failures, Message, each},
    task_token::TaskTokens,
};

use crate::{
    effect::{Attempt, EffectError, READINGS, Written, report_key, under_lease},
    outside::{OutsideError, Reply, patiently},
    payment_record::PaymentRecord,
    processor::{Processor, Standing},
};

const FUNCTION: &str = "refund-payment";

/// The fulfilment squad's table, as far as refunding needs it.
pub trait RefundStore {
    /// The order's payment, read consistently.
    async fn payment(&self, order_id: OrderId) -> Result<Option<PaymentRecord>, StoreError>;
    /// Records that there may be no payment, if there is none.
    async fn close_payment(&self, voided: &PaymentRecord) -> Result<Written, StoreError>;
    /// Records that the processor is about to be asked, if the payment still stands at `from`.
    async fn begin_reversal(
        &self,
        reversing: &PaymentRecord,
        from: &PaymentStatus,
    ) -> Result<Written, StoreError>;
    /// Records what the processor said and completes the lease, if the payment still waits for that and the lease is
    /// still the holder's.
    async fn settle_reversal(
        &self,
        payment: &PaymentRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Handles a batch, each message on its own.
pub async fn handle(
    store: &(impl RefundStore + Leases),
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
        let reversal = refund(store, processor, clock, metrics, &attempt, &command).await;
        let reversal = reversal.inspect_err(report_key)?;
        tracing::info!(outcome = ?reversal, "payment reversed");
        tokens.succeed(&command.task_token, &result(reversal)).await?;
        Ok(())
    })
    .await
}

fn read(message: &Message) -> Result<RefundPayment, EffectError> {
    match message.command()? {
        Command::RefundPayment(command) => Ok(command),
        other => Err(EffectError::Unexpected(other.name())),
    }
}

/// What has become of the money, recorded.
async fn refund(
    store: &(impl RefundStore + Leases),
    processor: &impl Processor,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    attempt: &Attempt,
    command: &RefundPayment,
) -> Result<Reversal, EffectError> {
    for _ in 0..READINGS {
        let current = store.payment(command.order_id).await?;
        let payment = match (begin_reversal(current.as_ref().map(|p| &p.status)), current) {
            (ReversalStep::Done(reversal), _) => return Ok(reversal),
            (ReversalStep::Reverse, Some(payment)) => payment,
            (ReversalStep::Void | ReversalStep::Reverse, _) => {
                if store.close_payment(&voided(command, clock.now())).await? == Written::Yes {
                    return Ok(Reversal::Cancelled);
                }
                continue;
            }
        };
        let key = LeaseKey::new(FUNCTION, command.order_id.to_string());
        let decided = under_lease(store, clock, key, attempt, async |held| {
            let reversing = payment.moved_to(PaymentStatus::Reversing, clock.now());
            if store.begin_reversal(&reversing, &payment.status).await? == Written::Stale {
                return Ok(None);
            }
            let tried_before = payment.status == PaymentStatus::Reversing;
            let reversal =
                reverse(processor, clock, attempt.deadline, command.order_id, tried_before).await?;
            record(store, clock.now(), metrics, command, &reversing, held, reversal).await
        })
        .await?;
        if let Some(reversal) = decided {
            return Ok(reversal);
        }
    }
    Err(EffectError::Contended)
}

fn voided(command: &RefundPayment, now: Timestamp) -> PaymentRecord {
    PaymentRecord {
        order_id: command.order_id,
        amount: command.amount,
        status: record_reversal(Reversal::Cancelled),
        updated_at: now,
    }
}

/// Asks the processor. An attempt made before is looked up first, because the processor forgets keys after a day.
async fn reverse(
    processor: &impl Processor,
    clock: &impl Pauses,
    deadline: Timestamp,
    order_id: OrderId,
    tried_before: bool,
) -> Result<Reversal, EffectError> {
    let look_up = async || patiently(clock, deadline, async |p| processor.look_up(order_id, p).await).await;
    if tried_before && let Standing::Reversed(reversal) = look_up().await? {
        return Ok(reversal);
    }
    match patiently(clock, deadline, async |p| processor.reverse(order_id, p).await).await {
        Ok(Reply::Final(reversal)) => Ok(reversal),
        Ok(Reply::Underway) => Err(EffectError::Underway),
        Err(OutsideError::Unknown(cause)) => match look_up().await? {
            Standing::Reversed(reversal) => Ok(reversal),
            _ => Err(OutsideError::Unknown(cause).into()),
        },
        Err(error) => Err(error.into()),
    }
}

async fn record(
    store: &impl RefundStore,
    now: Timestamp,
    metrics: &impl Metrics,
    command: &RefundPayment,
    reversing: &PaymentRecord,
    held: &Held,
    reversal: Reversal,
) -> Result<Option<Reversal>, EffectError> {
    let order_id = command.order_id;
    let cause = Cause::of(order_id, command.metadata.causation_id);
    let outbox = match reversal {
        Reversal::Refunded => {
            vec![entry(order_id, cause, now, PaymentRefunded { order_id, amount: reversing.amount })?]
        }
        Reversal::Cancelled => Vec::new(),
    };
    let payment = reversing.moved_to(record_reversal(reversal), now);
    let written = store.settle_reversal(&payment, &outbox, held).await?;
    if written == Written::Stale {
        return Ok(None);
    }
    if reversal == Reversal::Refunded {
        metrics.record(&[COMPENSATIONS.of(1)]);
    }
    Ok(Some(reversal))
}

const fn result(reversal: Reversal) -> RefundPaymentResult {
    match reversal {
        Reversal::Refunded => RefundPaymentResult::Refunded,
        Reversal::Cancelled => RefundPaymentResult::NothingToRefund,
    }
}

#[cfg(test)]
mod tests;
