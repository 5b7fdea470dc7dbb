//! The companies that bring messages to people, as a port.

use lakeside_domain::{ids::OrderId, notice::What};
use lakeside_kit::disposition::{Disposed, Disposition};

use crate::contact::Recipient;

/// Who brings messages to people. Neither mail nor phone companies take a key by which they would know a message again,
/// nor can they be asked whether they have sent one.
pub trait Post {
    /// Sends `letter`, in one attempt.
    async fn send(&self, to: &Recipient, letter: &Letter) -> Result<(), SendError>;
}

/// Why a message is not on its way, or may not be. Never with words of the other side, which like to quote the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Turned away before anything happened.
    #[error("turned away for sending too many messages")]
    Throttled,
    /// Nothing was sent, and nothing will be until somebody has looked: a missing grant, a paused account, a bug.
    #[error("messages are refused with `{0}`")]
    Refused(&'static str),
    /// There is nobody at that address.
    #[error("the address takes no messages")]
    Undeliverable,
    /// No answer. The message may be on its way.
    #[error("whether the message was sent is unknown")]
    Unknown,
}

impl Disposed for SendError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Throttled | Self::Unknown => Disposition::Retry,
            Self::Refused(_) | Self::Undeliverable => Disposition::Park,
        }
    }
}

/// A message to a customer. It says nothing about them but what became of their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line, for a mail.
    pub subject: String,
    /// The message.
    pub text: String,
}

impl Letter {
    /// Tells what became of an order.
    pub fn about(order_id: OrderId, what: What) -> Self {
        let (subject, says) = match what {
            What::Confirmed => ("Your order is confirmed", "is paid and confirmed. We are packing it."),
            What::Fulfilled => ("Your order is on its way", "is on its way to you."),
            What::Cancelled => ("Your order was cancelled", "was cancelled. What you paid, you get back."),
            What::Rejected => ("We could not take your order", "could not be taken. You were not charged."),
        };
        Self { subject: subject.to_owned(), text: format!("Your order {order_id} {says}") }
    }
}
