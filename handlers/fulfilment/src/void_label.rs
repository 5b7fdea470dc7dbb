//! Gives back every label of an order, and sees to it that none is bought any more.
//!
//! Consumes: the saga's command VoidLabels, synchronously.
//! Emits: nothing.
//! Idempotency key: the order id. The order's labels close before the carrier is asked, so that no purchase begins any
//! more; per label a lease, and one key at the carrier for every attempt.
//! Retries: the saga, whatever the error.

use lakeside_contracts::commands::{Command, VoidLabelsResult};
use lakeside_domain::{
    ids::OrderId,
    label::{Closing, LabelStatus, needs_voiding},
};
use lakeside_kit::{
    clock::Pauses,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    metrics::{COMPENSATIONS, Metrics},
    runtime::Invocation,
};

use crate::{
    carrier::Carrier,
    effect::{Attempt, EffectError, READINGS, Written, under_lease},
    label_record::{ClosedRecord, LabelRecord},
    outside::patiently,
};

const FUNCTION: &str = "void-label";

/// The fulfilment squad's table, as far as voiding labels needs it.
pub trait VoidStore {
    /// Records that no label of the order may be bought any more. Once is for good.
    async fn close_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError>;
    /// All labels of the order, read consistently.
    async fn labels(&self, order_id: OrderId) -> Result<Vec<LabelRecord>, StoreError>;
    /// Records that the label is void and completes the lease, if the label still stands at `from` and the lease is
    /// still the holder's.
    async fn settle_void(
        &self,
        voided: &LabelRecord,
        from: &LabelStatus,
        held: &Held,
    ) -> Result<Written, StoreError>;
}

/// Handles one command.
///
/// # Errors
/// [`EffectError`]; labels that are not void yet are on record as such.
pub async fn handle(
    store: &(impl VoidStore + Leases),
    carrier: &impl Carrier,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    invocation: &Invocation,
    command: Command,
) -> Result<VoidLabelsResult, EffectError> {
    let command = match command {
        Command::VoidLabels(command) => command,
        other => return Err(EffectError::Unexpected(other.name())),
    };
    let order_id = command.order_id;
    let closed = ClosedRecord { order_id, closed_at: clock.now(), closing: Closing::Compensation };
    store.close_labels(&closed).await?;
    for _ in 0..READINGS {
        let labels = store.labels(order_id).await?;
        let mut left = labels.into_iter().filter(|label| needs_voiding(&label.status)).peekable();
        if left.peek().is_none() {
            tracing::info!("labels voided");
            return Ok(VoidLabelsResult::Voided);
        }
        for label in left {
            if void(store, carrier, clock, &Attempt::of(invocation), &label).await? {
                metrics.record(&[COMPENSATIONS.of(1)]);
            }
        }
    }
    Err(EffectError::Contended)
}

/// Closes the label's reference at the carrier, whether it was bought or not, and records that if nobody else wrote in
/// between; answers whether it did.
async fn void(
    store: &(impl VoidStore + Leases),
    carrier: &impl Carrier,
    clock: &impl Pauses,
    attempt: &Attempt,
    label: &LabelRecord,
) -> Result<bool, EffectError> {
    let key = LeaseKey::new(FUNCTION, label.shipment_id.to_string());
    let voided = under_lease(store, clock, key, attempt, async |held| -> Result<Option<()>, EffectError> {
        patiently(clock, attempt.deadline, async |p| carrier.void(label.shipment_id, p).await).await?;
        let voided = label.moved_to(LabelStatus::Voided, clock.now());
        let written = store.settle_void(&voided, &label.status, held).await?;
        Ok((written == Written::Yes).then_some(()))
    })
    .await?;
    Ok(voided.is_some())
}

#[cfg(test)]
mod tests;
