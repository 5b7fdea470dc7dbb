//! Keeps the newest level of every SKU, for Summit Outfitters to read.
//!
//! Consumes: StockLevelChanged.
//! Emits: nothing. The marketplace reads the table, so there is nothing to send twice and nobody to wait for.
//! Idempotency key: the SKU and the level's version. A level that is not newer than the one kept changes nothing, unless it
//! was told before: the same level may be told twice, at two times, and which of these comes first here is chance.
//! Retries: when the table is busy or does not answer.
//! Parks: what is no StockLevelChanged.

use lakeside_contracts::{Delivery, WireTime, envelope::DecodeError, events::StockLevelChanged};
use lakeside_domain::ids::Sku;
use lakeside_kit::{
    attempt::Written,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{self, Failures, Message, each},
};
use serde::{Deserialize, Serialize};

/// What may be sold of a SKU, as the marketplace reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// What.
    pub sku: Sku,
    /// Units that may still be promised.
    pub available: u64,
    /// Higher than that of every level before.
    pub version: u64,
    /// When it was first told.
    pub as_of: WireTime,
}

/// The table, as far as this function needs it.
pub trait Levels {
    /// Keeps a level if it is newer than the one that is kept, or the same and told before.
    async fn keep(&self, level: &Level) -> Result<Written, StoreError>;
}

/// Why an event could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
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

impl Disposed for FeedError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(levels: &impl Levels, messages: &[Message]) -> Failures {
    each(messages, async |message| feed(levels, &message.delivery()?).await).await
}

async fn feed(levels: &impl Levels, delivery: &Delivery) -> Result<(), FeedError> {
    let event = delivery.decode::<StockLevelChanged>()?;
    let StockLevelChanged { sku, available, version } = event.data;
    let level = Level { sku, available, version, as_of: event.metadata.occurred_at };
    let written = levels.keep(&level).await?;
    tracing::info!(sku = %level.sku, version, new = written == Written::Yes, "level heard");
    Ok(())
}

#[cfg(test)]
mod tests;
