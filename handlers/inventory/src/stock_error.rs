//! Why stock could not be moved.

use lakeside_domain::{ids::OrderId, quantity::QuantityError};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
};

/// Why a command about an order's stock could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The command is for another function.
    #[error("`{0}` is no command for this function")]
    Unexpected(&'static str),
    /// Stock that is sold cannot be released; the saga releases the allocation first.
    #[error("the stock of order {0} is sold, its allocation must be released first")]
    Sold(OrderId),
    /// There is an allocation without a reservation: the records contradict each other.
    #[error("order {0} has an allocation but no committed reservation")]
    Contradiction(OrderId),
    /// The reservation's units are no order's.
    #[error("the reservation of order {0} is damaged")]
    Damaged(OrderId, #[source] QuantityError),
    /// Others wrote in between, again and again.
    #[error("the stock of order {0} is contended")]
    Contended(OrderId),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for StockError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Unexpected(_) | Self::Sold(_) | Self::Contradiction(_) | Self::Damaged(..) => {
                Disposition::Park
            }
            Self::Contended(_) => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// All of it was written.
    Yes,
    /// Something it relied on has changed, and nothing was written: read and decide again.
    Stale,
}

/// Attempts at a decision that others overtake.
pub const ATTEMPTS: usize = 8;
