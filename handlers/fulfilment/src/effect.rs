//! Why a command with an effect outside could not be carried out.

pub use lakeside_kit::attempt::{Attempt, READINGS, Written, durations, under_lease};
use lakeside_kit::{
    attempt::UnderWay,
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::DecodeError,
    task_token::AnswerError,
};

use crate::outside::OutsideError;

/// Why a command with an effect outside could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// The message is no command.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// The command is for another function.
    #[error("`{0}` is no command for this function")]
    Unexpected(&'static str),
    /// Another attempt has the lease.
    #[error("another attempt is under way")]
    InProgress,
    /// The other side has not finished.
    #[error("the outcome is not decided yet")]
    Underway,
    /// Others wrote in between, again and again.
    #[error("the record is contended")]
    Contended,
    /// The other side.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The saga.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl From<UnderWay> for EffectError {
    fn from(_: UnderWay) -> Self {
        Self::InProgress
    }
}

impl Disposed for EffectError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Unexpected(_) => Disposition::Park,
            Self::InProgress | Self::Underway | Self::Contended => Disposition::Retry,
            Self::Outside(error) => error.disposition(),
            Self::Store(error) => error.disposition(),
            Self::Answer(error) => error.disposition(),
        }
    }
}

/// Says so where the processor does not take our key: the alarm counts these lines.
pub fn report_key(error: &EffectError) {
    if matches!(error, EffectError::Outside(OutsideError::Unauthorized)) {
        tracing::warn!(outcome = "UNAUTHORIZED", "the processor does not take our key");
    }
}
