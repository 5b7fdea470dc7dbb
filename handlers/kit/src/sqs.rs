//! Answering a batch from a queue: each message is handled on its own, and exactly the failed ones are reported.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
};

use aws_lambda_events::{
    event::sqs::SqsEvent,
    sqs::{BatchItemFailure, SqsBatchResponse},
};
use lakeside_contracts::{Delivery, commands::Command};
use lakeside_domain::time::Timestamp;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::{
    correlation,
    disposition::{Disposed, Disposition, chain},
    metrics::{MESSAGES_PARKED, MESSAGES_RETRIED, Measure, Metrics, REDELIVERIES},
    otlp,
    trace::{self, TraceHeader},
};

/// One message of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// SQS message id: unique in the batch, the same at every redelivery.
    pub id: String,
    /// The text.
    pub body: String,
    /// String message attributes.
    pub attributes: HashMap<String, String>,
    /// The message group, on a FIFO queue: messages of one group are delivered in order.
    pub group: Option<String>,
    /// How often it was delivered, this time included, as far as the queue knows.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The trace that its sender was in.
    pub trace_header: Option<TraceHeader>,
}

/// System attributes: what a queue says of a message.
const MESSAGE_GROUP_ID: &str = "MessageGroupId";
const RECEIVE_COUNT: &str = "ApproximateReceiveCount";
const SENT_AT: &str = "SentTimestamp";
const TRACE_HEADER: &str = "AWSTraceHeader";

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
            let mut said = |name| record.attributes.remove(name);
            let group = said(MESSAGE_GROUP_ID);
            let receive_count = said(RECEIVE_COUNT).and_then(|count| count.parse().ok()).unwrap_or(1);
            let sent_at = said(SENT_AT).and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
            let trace_header = said(TRACE_HEADER).as_deref().and_then(TraceHeader::parse);
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
                receive_count,
                sent_at,
                trace_header,
            })
        })
        .collect()
}

/// The failed messages of a batch.
#[derive(Debug, Default)]
pub struct Failures {
    ids: Vec<String>,
    retried: usize,
    parked: usize,
}

impl Failures {
    /// Records that `message` failed with `error`, and logs it once with all its causes.
    pub fn push<E: Disposed>(&mut self, message_id: &str, error: &E) {
        let error_chain = chain(error);
        match error.disposition() {
            Disposition::Retry => {
                self.retried = self.retried.saturating_add(1);
                tracing::warn!(message_id, error = error_chain, "will be delivered again");
            }
            Disposition::Park => {
                self.parked = self.parked.saturating_add(1);
                tracing::error!(message_id, error = error_chain, "goes to the dead-letter queue");
            }
        }
        otlp::failed(error.disposition().error_type());
        self.ids.push(message_id.to_owned());
    }

    /// Records that `message_id` was not looked at, because an earlier message of its group failed.
    fn push_untouched(&mut self, message_id: &str) {
        tracing::warn!(message_id, "waits behind a message of its group that failed");
        self.ids.push(message_id.to_owned());
    }

    /// The ids of the failed messages.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The partial batch response: SQS deletes all the others.
    pub fn into_response(self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = self
            .ids
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
        followed(message, async {
            if let Err(error) = handle(message).await {
                failures.push(&message.id, &error);
            }
        })
        .await;
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
        followed(message, async {
            if group.is_some_and(|group| stopped.contains(group)) {
                failures.push_untouched(&message.id);
            } else if let Err(error) = handle(message).await {
                failures.push(&message.id, &error);
                stopped.extend(group);
            }
        })
        .await;
    }
    failures
}

/// Does `work` in the message's trace; its lines in the log say where the message belongs.
pub fn followed<'a, F: Future + 'a>(
    message: &Message,
    work: F,
) -> Pin<Box<dyn Future<Output = F::Output> + 'a>> {
    let span = correlation::span(message);
    otlp::link(&span, message.trace_header.as_ref());
    // Boxed, or the types of the handler's futures nest deeper than the compiler follows.
    Box::pin(trace::following(message.trace_header.clone(), work).instrument(span))
}

/// As [`followed`], for work that does not wait.
pub fn followed_now<T>(message: &Message, work: impl FnOnce() -> T) -> T {
    let span = correlation::span(message);
    otlp::link(&span, message.trace_header.as_ref());
    span.in_scope(|| trace::following_now(message.trace_header.clone(), work))
}

/// Says of each message that it was handled, and counts those that were not, or not for the first time.
pub fn report(metrics: &impl Metrics, messages: &[Message], failures: &Failures) {
    for message in messages.iter().filter(|message| !failures.ids.contains(&message.id)) {
        let Message { id, receive_count, .. } = message;
        let line = || tracing::info!(message_id = id, receive_count, "message handled");
        correlation::span_of_line(message).in_scope(line);
    }
    let again = messages.iter().filter(|message| message.receive_count > 1).count();
    let measures =
        [REDELIVERIES.of(again), MESSAGES_RETRIED.of(failures.retried), MESSAGES_PARKED.of(failures.parked)];
    let measures: Vec<Measure> = measures.into_iter().filter(|measure| measure.value > 0).collect();
    metrics.record(&measures);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryMetrics;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    impl Disposed for No {
        fn disposition(&self) -> Disposition {
            Disposition::Park
        }
    }

    fn message(id: &str) -> Message {
        Message { id: id.into(), ..Message::default() }
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
    fn a_message_knows_how_often_it_came_when_it_was_sent_and_in_which_trace() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
        let event = serde_json::json!({"Records": [
            {"messageId": "1", "attributes": {
                "ApproximateReceiveCount": "3", "SentTimestamp": "1523232000000", "AWSTraceHeader": header,
            }},
            {"messageId": "2", "attributes": {"SentTimestamp": "soon", "AWSTraceHeader": "?"}},
        ]});
        let messages = messages(serde_json::from_value(event).unwrap()).unwrap();
        let said: Vec<_> =
            messages.into_iter().map(|m| (m.receive_count, m.sent_at, m.trace_header)).collect();
        let sent_at = Some(Timestamp::from_millis(1_523_232_000_000));
        assert_eq!(said, [(3, sent_at, TraceHeader::parse(header)), (1, None, None)]);
    }

    #[tokio::test]
    async fn redeliveries_and_failures_are_counted_by_what_becomes_of_them() {
        let metrics = MemoryMetrics::default();
        report(&metrics, &[message("1")], &Failures::default());
        for metric in [REDELIVERIES, MESSAGES_RETRIED, MESSAGES_PARKED] {
            assert!(metrics.values(metric).is_empty(), "{}", metric.name);
        }
        let received = |id: &str, receive_count| Message { receive_count, ..message(id) };
        let batch =
            [received("1", 1), received("2", 2), received("3", 5), received("4", 1), received("5", 1)];
        let mut failures = Failures::default();
        failures.push("3", &No);
        failures.push("4", &BatchError);
        failures.push("5", &No);
        report(&metrics, &batch, &failures);
        assert_eq!(metrics.values(REDELIVERIES), [2]);
        assert_eq!(metrics.values(MESSAGES_RETRIED), [1]);
        assert_eq!(metrics.values(MESSAGES_PARKED), [2]);
    }

    #[tokio::test]
    async fn each_message_is_handled_in_its_own_trace() {
        let header = |digit: &str| TraceHeader::parse(&format!("Root=1-5759e988-{}", digit.repeat(24)));
        let traced = |id: &str| Message { trace_header: header(id), ..message(id) };
        let seen = std::cell::RefCell::new(Vec::new());
        let handle = async |_: &Message| -> Result<(), No> {
            seen.borrow_mut().push(trace::current());
            Ok(())
        };
        let batch = [traced("1"), message("none"), traced("2")];
        trace::following(header("0"), each(&batch, handle)).await;
        each_in_order(&[traced("3")], handle).await;
        assert_eq!(seen.into_inner(), [header("1"), header("0"), header("2"), header("3")]);
    }

    #[test]
    fn a_message_without_an_id_fails_the_batch() {
        for id in [serde_json::Value::Null, "".into()] {
            let event = serde_json::json!({"Records": [{"messageId": id, "body": "{}"}]});
            assert!(messages(serde_json::from_value(event).unwrap()).is_err());
        }
    }
}
