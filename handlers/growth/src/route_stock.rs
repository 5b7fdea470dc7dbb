//! Gives each marketplace's queue the levels of stock, those of one SKU in the order of their arrival.
//!
//! Consumes: StockLevelChanged, in any order.
//! Emits: the command PublishStock to the FIFO queue of each marketplace, one message group per marketplace and SKU.
//! Idempotency key: the event id and the marketplace, by which the queue knows a message again for five minutes. Later
//! than that `publish-stock` knows the version.
//! Retries: when a queue does not take a message. The other marketplaces' queues get theirs all the same.
//! Parks: what is no StockLevelChanged, and messages that a queue refuses.

use std::error::Error as StdError;

use lakeside_contracts::{
    commands::{CommandMetadata, PublishStock, PublishStockName},
    envelope::DecodeError,
    events::StockLevelChanged,
};
use lakeside_domain::ids::MarketplaceId;
use lakeside_kit::{
    disposition::{Disposed, Disposition, chain},
    sqs::{self, Failures, Message, each},
};

/// A command on its way to a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// What is to be done.
    pub command: PublishStock,
    /// Whatever is in it is delivered one after the other.
    pub group: String,
    /// What is sent twice under it within five minutes arrives once.
    pub deduplication_id: String,
}

/// The queues of the marketplaces.
pub trait MarketplaceQueues {
    /// Who has one.
    fn marketplaces(&self) -> Vec<MarketplaceId>;
    /// Sends to the queue of the command's marketplace.
    async fn send(&self, routed: &Routed) -> Result<(), QueueError>;
}

/// Why a queue does not take a message.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No answer, or turned away. The message may be there, and is known again.
    #[error("the queue does not answer")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It will not take it as it is: a bug, a missing grant, a missing queue.
    #[error("the queue refuses the message")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
}

impl Disposed for QueueError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Unavailable(_) => Disposition::Retry,
            Self::Refused(_) => Disposition::Park,
        }
    }
}

/// Why a level could not be handed on.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is, or another.
    #[error(transparent)]
    Event(#[from] DecodeError),
    /// A queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Disposed for RouteError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) => Disposition::Park,
            Self::Queue(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(queues: &impl MarketplaceQueues, messages: &[Message]) -> Failures {
    each(messages, async |message| -> Result<(), RouteError> {
        let event = message.delivery()?.decode::<StockLevelChanged>()?;
        let correlation_id = event.metadata.correlation_id;
        let mut failed = None;
        for marketplace in queues.marketplaces() {
            let routed = Routed {
                group: format!("{marketplace}#{}", event.data.sku),
                deduplication_id: format!("{}#{marketplace}", event.metadata.event_id),
                command: PublishStock {
                    command: PublishStockName::PublishStock,
                    sku: event.data.sku.clone(),
                    available: event.data.available,
                    version: event.data.version,
                    metadata: CommandMetadata {
                        correlation_id,
                        causation_id: event.metadata.event_id.as_uuid(),
                    },
                    marketplace,
                },
            };
            if let Err(error) = queues.send(&routed).await {
                let marketplace = routed.command.marketplace;
                tracing::warn!(%marketplace, error = chain(&error), "not handed on");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    })
    .await
}

#[cfg(test)]
mod tests;
