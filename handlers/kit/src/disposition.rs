//! The one question an error answers: what becomes of the message?

use std::error::Error;

/// What becomes of a message that could not be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It failed for a passing reason: deliver it again.
    Retry,
    /// It will fail again until somebody has looked: let it run out of deliveries into the dead-letter queue.
    Park,
}

impl Disposition {
    /// As Lambda and Step Functions see it, and whoever looks at spans.
    pub const fn error_type(self) -> &'static str {
        match self {
            Self::Retry => "Lakeside.Retry",
            Self::Park => "Lakeside.Park",
        }
    }
}

/// An error of a handler.
pub trait Disposed: Error {
    /// What becomes of the message.
    fn disposition(&self) -> Disposition;
}

/// An error with all its causes on one line, for the one place where it is logged.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
