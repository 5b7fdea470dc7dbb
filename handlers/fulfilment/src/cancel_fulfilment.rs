//! Closes what the saga of an order has not begun, because the order's customer wants it cancelled.
//!
//! Consumes: OrderCancellationRequested.
//! Emits: nothing itself; the saga gives the order up at its next step, and says so.
//! Idempotency key: the order id. A payment, an order's labels and its approval are closed once and for good.
//! Retries: when the table is busy or does not answer, or when the saga cannot be answered.
//! Parks: what is no OrderCancellationRequested.
//!
//! What has begun goes on: a charge under way is captured and then refunded, a parcel that has its label keeps it until
//! the saga voids it. An order that has all of its labels is shipped, and the cancellation too late.

use lakeside_contracts::{
    Event, commands::ApprovalResult, envelope::DecodeError, events::OrderCancellationRequested,
};
use lakeside_domain::{ids::OrderId, label::Closing, payment::PaymentStatus, time::Timestamp};
use lakeside_kit::{
    clock::Clock,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{self, Failures, Message, each},
    task_token::{AnswerError, TaskTokens},
};

use crate::{effect::Written, label_record::ClosedRecord, payment_record::PaymentRecord};

/// The fulfilment squad's table, as far as cancelling needs it.
pub trait CancelStore {
    /// Records that there will be no payment, if there is none.
    async fn cancel_payment(&self, cancelled: &PaymentRecord) -> Result<Written, StoreError>;
    /// Records that no label of the order may be bought any more. Once is for good.
    async fn cancel_labels(&self, closed: &ClosedRecord) -> Result<(), StoreError>;
    /// Records that the order needs no approval any more, and answers the token of a saga that has asked for one.
    async fn cancel_approval(&self, order_id: OrderId, now: Timestamp) -> Result<Option<String>, StoreError>;
}

/// Why an order could not be cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The saga.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl Disposed for CancelError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
            Self::Answer(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(
    store: &impl CancelStore,
    tokens: &impl TaskTokens,
    clock: &impl Clock,
    messages: &[Message],
) -> Failures {
    each(messages, async |message| -> Result<(), CancelError> {
        let event = message.delivery()?.decode::<OrderCancellationRequested>()?;
        cancel(store, tokens, clock.now(), &event).await
    })
    .await
}

/// The payment first: whoever approves the order while this runs lets the saga go on to a payment that is closed.
async fn cancel(
    store: &impl CancelStore,
    tokens: &impl TaskTokens,
    now: Timestamp,
    event: &Event<OrderCancellationRequested>,
) -> Result<(), CancelError> {
    let OrderCancellationRequested { order_id, total } = event.data;
    let payment =
        PaymentRecord { order_id, amount: total, status: PaymentStatus::Cancelled, updated_at: now };
    let unpaid = store.cancel_payment(&payment).await?;
    store.cancel_labels(&ClosedRecord { order_id, closed_at: now, closing: Closing::Cancellation }).await?;
    if let Some(token) = store.cancel_approval(order_id, now).await? {
        tokens.succeed(&token, &ApprovalResult::Cancelled).await?;
    }
    tracing::info!(unpaid = unpaid == Written::Yes, "order closed for its cancellation");
    Ok(())
}

#[cfg(test)]
mod tests;
