//! Answering a batch from a queue: each message is handled on its own, and exactly the failed ones are reported.

use std::collections::{HashMap, HashSet};

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
    /// The message group, on a FIFO queue: messages of one group are delivered in order.
    pub group: Option<String>,
}

/// The system attribute that names a message's group.
const MESSAGE_GROUP_ID: &str = "MessageGroupId";

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
        .map(|mut record| {
            let group = record.attributes.remove(MESSAGE_GROUP_ID);
            let attributes = record
                .message_attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.string_value?)))
                .collect();
            Ok(Message {
                id: record.message_id.filter(|id| !id.is_empty()).ok_or(BatchError)?,
                body: record.body.unwrap_or_default(),
                attributes,
                group,
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

    /// Records that `message_id` was not looked at, because an earlier message of its group failed.
    fn push_untouched(&mut self, message_id: &str) {
        tracing::warn!(message_id, "waits behind a message of its group that failed");
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

/// Handles the messages of a FIFO queue's batch: after the first failure of a group the rest of that group is reported
/// untouched, for what is deleted behind a failed message would overtake it. Other groups go on. A message without a
/// group is in no order with any other.
pub async fn each_in_order<E: Disposed>(
    messages: &[Message],
    handle: impl AsyncFn(&Message) -> Result<(), E>,
) -> Failures {
    let mut failures = Failures::default();
    let mut stopped: HashSet<&str> = HashSet::new();
    for message in messages {
        let group = message.group.as_deref();
        if group.is_some_and(|group| stopped.contains(group)) {
            failures.push_untouched(&message.id);
        } else if let Err(error) = handle(message).await {
            failures.push(&message.id, &error);
            stopped.extend(group);
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
        Message { id: id.into(), body: String::new(), attributes: HashMap::new(), group: None }
    }

    fn grouped(id: &str, group: &str) -> Message {
        Message { group: Some(group.into()), ..message(id) }
    }

    #[tokio::test]
    async fn exactly_the_failed_messages_are_reported() {
        let batch = [message("1"), message("2"), message("3")];
        let failures = each(&batch, async |m| if m.id == "2" { Err(No) } else { Ok(()) }).await;
        let response = serde_json::to_value(failures.into_response()).unwrap();
        assert_eq!(response, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
    }

    #[tokio::test]
    async fn the_rest_of_a_failed_group_is_reported_untouched_and_other_groups_go_on() {
        let batch = [
            grouped("a1", "a"),
            grouped("b1", "b"),
            grouped("a2", "a"),
            grouped("b2", "b"),
            grouped("a3", "a"),
            message("none"),
        ];
        let handled = std::cell::RefCell::new(Vec::new());
        let failures = each_in_order(&batch, async |m| {
            handled.borrow_mut().push(m.id.clone());
            if m.id == "a2" { Err(No) } else { Ok(()) }
        })
        .await;
        assert_eq!(failures.ids(), ["a2", "a3"]);
        assert_eq!(handled.into_inner(), ["a1", "b1", "a2", "b2", "none"]);
    }

    #[tokio::test]
    async fn messages_without_a_group_wait_for_none() {
        let batch = [message("1"), message("2"), message("3")];
        let failures = each_in_order(&batch, async |m| if m.id == "1" { Err(No) } else { Ok(()) }).await;
        assert_eq!(failures.ids(), ["1"]);
    }

    #[test]
    fn a_message_of_a_fifo_queue_knows_its_group() {
        let event = serde_json::json!({"Records": [
            {"messageId": "1", "body": "{}", "attributes": {"MessageGroupId": "g", "SequenceNumber": "1"}},
            {"messageId": "2", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}},
        ]});
        let messages = messages(serde_json::from_value(event).unwrap()).unwrap();
        let groups: Vec<_> = messages.iter().map(|m| m.group.as_deref()).collect();
        assert_eq!(groups, [Some("g"), None]);
    }

    #[test]
    fn a_message_without_an_id_fails_the_batch() {
        for id in [serde_json::Value::Null, "".into()] {
            let event = serde_json::json!({"Records": [{"messageId": id, "body": "{}"}]});
            assert!(messages(serde_json::from_value(event).unwrap()).is_err());
        }
    }
}
