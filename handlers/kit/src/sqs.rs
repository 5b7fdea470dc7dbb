//! Answering a batch from a queue: each message is handled on its own, and exactly the failed ones are reported.

use std::collections::HashMap;

use aws_lambda_events::{
    event::sqs::SqsEvent,
    sqs::{BatchItemFailure, SqsBatchResponse},
};
use lakeside_contracts::{Delivery, commands::Command};
use serde::de::DeserializeOwned;

use crate::disposition::{Disposed, Disposition, chain};

/// One message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS message id: unique in the batch, the same at every redelivery.
    pub id: String,
    /// The text.
    pub body: String,
    /// String message attributes.
    pub attributes: HashMap<String, String>,
}

/// The batch cannot be told apart, so all of it is delivered again.
#[derive(Debug, thiserror::Error)]
#[error("a message of the batch has no id")]
pub struct BatchError;

impl Disposed for BatchError {
    fn disposition(&self) -> Disposition {
        Disposition::Retry
    }
}

/// The text of a message is not what its queue carries.
#[derive(Debug, thiserror::Error)]
#[error("the message is no {expected}")]
pub struct DecodeError {
    /// What the queue carries.
    pub expected: &'static str,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

impl Message {
    /// Reads the body as an event that EventBridge delivered.
    ///
    /// # Errors
    /// [`DecodeError`] if it is none.
    pub fn delivery(&self) -> Result<Delivery, DecodeError> {
        self.json("event")
    }

    /// Reads the body as a command of the saga.
    ///
    /// # Errors
    /// [`DecodeError`] if it is none.
    pub fn command(&self) -> Result<Command, DecodeError> {
        self.json("command")
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if it does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, DecodeError> {
        serde_json::from_str(&self.body).map_err(|source| DecodeError { expected, source })
    }
}

/// The messages of an event, in the order of their arrival.
///
/// # Errors
/// [`BatchError`] if a message has no id: it could not be reported, and would be deleted.
pub fn messages(event: SqsEvent) -> Result<Vec<Message>, BatchError> {
    event
        .records
        .into_iter()
        .map(|record| {
            let attributes = record
                .message_attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.string_value?)))
                .collect();
            Ok(Message {
                id: record.message_id.filter(|id| !id.is_empty()).ok_or(BatchError)?,
                body: record.body.unwrap_or_default(),
                attributes,
            })
        })
        .collect()
}

/// The failed messages of a batch.
#[derive(Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Records that `message` failed with `error`, and logs it once with all its causes.
    pub fn push<E: Disposed>(&mut self, message_id: &str, error: &E) {
        let error_chain = chain(error);
        match error.disposition() {
            Disposition::Retry => {
                tracing::warn!(message_id, error = error_chain, "will be delivered again");
            }
            Disposition::Park => {
                tracing::error!(message_id, error = error_chain, "goes to the dead-letter queue");
            }
        }
        self.0.push(message_id.to_owned());
    }

    /// The ids of the failed messages.
    pub fn ids(&self) -> &[String] {
        &self.0
    }

    /// The partial batch response: SQS deletes all the others.
    pub fn into_response(self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = self
            .0
            .into_iter()
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        response
    }
}

/// Handles each message of a batch on its own, one after the other.
pub async fn each<E: Disposed>(
    messages: &[Message],
    handle: impl AsyncFn(&Message) -> Result<(), E>,
) -> Failures {
    let mut failures = Failures::default();
    for message in messages {
        if let Err(error) = handle(message).await {
            failures.push(&message.id, &error);
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    impl Disposed for No {
        fn disposition(&self) -> Disposition {
            Disposition::Park
        }
    }

    fn message(id: &str) -> Message {
        Message { id: id.into(), body: String::new(), attributes: HashMap::new() }
    }

    #[tokio::test]
    async fn exactly_the_failed_messages_are_reported() {
        let batch = [message("1"), message("2"), message("3")];
        let failures = each(&batch, async |m| if m.id == "2" { Err(No) } else { Ok(()) }).await;
        let response = serde_json::to_value(failures.into_response()).unwrap();
        assert_eq!(response, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
    }

    #[test]
    fn a_message_without_an_id_fails_the_batch() {
        for id in [serde_json::Value::Null, "".into()] {
            let event = serde_json::json!({"Records": [{"messageId": id, "body": "{}"}]});
            assert!(messages(serde_json::from_value(event).unwrap()).is_err());
        }
    }
}
