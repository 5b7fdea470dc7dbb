//! Answering the saga, which waits for a task token.

use std::error::Error as StdError;

use aws_sdk_sfn::{Client, error::ProvideErrorMetadata};
use serde::Serialize;

use crate::disposition::{Disposed, Disposition};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The saga goes on.
    Delivered,
    /// The saga does not wait for it any more: it was answered before, timed out, or ended.
    NotAwaited,
}

/// The answer may not have arrived.
#[derive(Debug, thiserror::Error)]
#[error("the saga could not be answered")]
pub struct AnswerError(#[source] pub Box<dyn StdError + Send + Sync>);

impl Disposed for AnswerError {
    fn disposition(&self) -> Disposition {
        Disposition::Retry
    }
}

/// Where answers go.
pub trait TaskTokens {
    /// Tells the saga what came of the task behind `token`.
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError>;
}

/// Answers through Step Functions.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
}

impl StepFunctions {
    /// Answers through `client`.
    pub const fn new(client: Client) -> Self {
        Self { client }
    }
}

impl TaskTokens for StepFunctions {
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError> {
        let output = serde_json::to_string(result).map_err(|e| AnswerError(e.into()))?;
        let sent = self.client.send_task_success().task_token(token).output(output).send().await;
        match sent {
            Ok(_) => Ok(Answered::Delivered),
            Err(error) => {
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
                if matches!(code, Some("TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken")) {
                    tracing::info!("the saga does not wait for this answer any more");
                    Ok(Answered::NotAwaited)
                } else {
                    Err(AnswerError(error.into()))
                }
            }
        }
    }
}
