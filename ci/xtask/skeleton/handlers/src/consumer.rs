//! Keeps what each `<Event>` says.
//!
//! Consumes: <Event>.
//! Emits: nothing.
//! Idempotency key: the event's id. One item per event, forever; what is known already changes nothing.
//! Retries: when the table is busy or does not answer.
//! Parks: what is no <Event>.

use lakeside_contracts::{Delivery, WireTime, envelope::DecodeError, events::<Event>};
use lakeside_domain::events::EventId;
use lakeside_kit::{
    attempt::Written,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{self, Failures, Message, each},
};
use serde::{Deserialize, Serialize};

/// What was said, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// The same for every telling.
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: WireTime,
    /// What.
    pub data: <Event>,
}

/// The table, as far as this function needs it.
pub trait Facts {
    /// Keeps a fact unless it is known.
    async fn keep(&self, fact: &Fact) -> Result<Written, StoreError>;
}

/// Why an event could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is, or another one.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for HearError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(facts: &impl Facts, messages: &[Message]) -> Failures {
    each(messages, async |message| hear(facts, &message.delivery()?).await).await
}

async fn hear(facts: &impl Facts, delivery: &Delivery) -> Result<(), HearError> {
    let event = delivery.decode::<<Event>>()?;
    let metadata = event.metadata;
    let fact = Fact { event_id: metadata.event_id, occurred_at: metadata.occurred_at, data: event.data };
    let written = facts.keep(&fact).await?;
    tracing::info!(new = written == Written::Yes, "heard");
    Ok(())
}

#[cfg(test)]
mod tests;
