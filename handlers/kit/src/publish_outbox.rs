//! Brings the events of a table's outbox to the bus.
//!
//! Consumes: the table's stream, filtered to items with an outbox. Either directly, and then it publishes
//! (transport `stream`); or as the enrichment of an EventBridge Pipe, and then it answers the events and the pipe
//! publishes (transport `pipe`).
//! Emits: whatever the outbox holds, once per write; again if a batch is retried, under the same event id.
//! Retries: entries that the bus did not take are sent again; then the records from the first one that still
//! fails on are delivered again.
//! Parks: after the mapping's retries, in its failure destination.

use std::collections::HashSet;

use aws_lambda_events::event::{dynamodb::EventRecord, streams::KinesisEventResponse};
use serde::{Deserialize, Serialize};

use crate::{
    bus::{self, Bus},
    clock::Pauses,
    disposition::{Disposed, Disposition, chain},
    metrics::{EVENTS_PUBLISHED, Measure, Metrics, OUTBOX_LAG},
    outbox::{ATTRIBUTE, Entry},
};

/// What the function is invoked with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// By the mapping of the stream.
    Stream {
        /// Stream records, oldest first.
        #[serde(rename = "Records")]
        records: Vec<EventRecord>,
    },
    /// By the pipe.
    Pipe(Vec<EventRecord>),
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// To the mapping: the records to deliver again.
    Stream(KinesisEventResponse),
    /// To the pipe: the events to publish.
    Pipe(Vec<PipeEvent>),
}

/// One event as the pipe's target takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PipeEvent {
    /// EventBridge `source`.
    pub source: String,
    /// EventBridge `detail-type`.
    pub detail_type: String,
    /// EventBridge `detail`.
    pub detail: serde_json::Value,
}

/// A stream record whose outbox cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The attribute is not a list of entries.
    #[error("the outbox is malformed")]
    Outbox(#[source] serde_dynamo::Error),
    /// An entry's detail is not JSON.
    #[error("the detail of event {0} is malformed")]
    Detail(String, #[source] serde_json::Error),
}

impl Disposed for RecordError {
    fn disposition(&self) -> Disposition {
        Disposition::Park
    }
}

/// Handles one invocation.
///
/// # Errors
/// [`RecordError`] in a pipe, which then retries the batch; a stream's record is reported by itself.
pub async fn handle(
    bus: &impl Bus,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    input: Input,
) -> Result<Output, RecordError> {
    match input {
        Input::Pipe(records) => {
            let mut entries = Vec::new();
            for record in &records {
                entries.extend(new_entries(record)?);
            }
            let events = entries.iter().map(piped).collect::<Result<_, _>>()?;
            for chunk in entries.chunks(bus::MAX_ENTRIES) {
                report(metrics, clock, chunk);
            }
            Ok(Output::Pipe(events))
        }
        Input::Stream { records } => Ok(Output::Stream(publish(bus, clock, metrics, &records).await)),
    }
}

fn piped(entry: &Entry) -> Result<PipeEvent, RecordError> {
    Ok(PipeEvent {
        detail: serde_json::from_str(&entry.detail)
            .map_err(|e| RecordError::Detail(entry.event_id.to_string(), e))?,
        source: entry.source.clone(),
        detail_type: entry.detail_type.clone(),
    })
}

/// Says what was published, and how long it took from the write to here.
fn report(metrics: &impl Metrics, clock: &impl Pauses, entries: &[Entry]) {
    let now = clock.now();
    let written = bus::report(entries).into_iter().filter_map(|announced| announced.occurred_at);
    let lags = written.map(|occurred_at| OUTBOX_LAG.between(occurred_at, now));
    let measures: Vec<Measure> = [EVENTS_PUBLISHED.of(entries.len())].into_iter().chain(lags).collect();
    metrics.record(&measures);
}

/// The entries that `record`'s write added. A write that left the outbox as it was adds none.
///
/// # Errors
/// [`RecordError::Outbox`].
pub fn new_entries(record: &EventRecord) -> Result<Vec<Entry>, RecordError> {
    let entries = |image: &serde_dynamo::Item| -> Result<Vec<Entry>, RecordError> {
        image.get(ATTRIBUTE).map_or(Ok(Vec::new()), |value| {
            serde_dynamo::from_attribute_value(value.clone()).map_err(RecordError::Outbox)
        })
    };
    let known: HashSet<_> =
        entries(&record.change.old_image)?.into_iter().map(|entry| entry.event_id).collect();
    Ok(entries(&record.change.new_image)?.into_iter().filter(|e| !known.contains(&e.event_id)).collect())
}

/// Publishes in order and reports the first record that could not be published whole; the stream delivers it and
/// everything after it again.
async fn publish(
    bus: &impl Bus,
    clock: &impl Pauses,
    metrics: &impl Metrics,
    records: &[EventRecord],
) -> KinesisEventResponse {
    let mut pending: Vec<(usize, Entry)> = Vec::new();
    let mut unreadable = None;
    for (position, record) in records.iter().enumerate() {
        match new_entries(record) {
            Ok(entries) => pending.extend(entries.into_iter().map(|entry| (position, entry))),
            Err(error) => {
                tracing::error!(event_id = record.event_id, error = chain(&error), "cannot be published");
                unreadable = Some(position);
                break;
            }
        }
    }
    let taken = |entries: &[Entry]| report(metrics, clock, entries);
    let unpublished = bus::publish(bus, clock, &pending, taken).await;
    bus::answer(records, unpublished.or(unreadable))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque};

    use serde_json::json;

    use super::*;
    use crate::{
        bus::BusError,
        memory::{Log, ManualClock, MemoryMetrics},
        trace::TraceHeader,
    };

    /// A bus that fails as its script says, and keeps what it took.
    #[derive(Default)]
    struct ScriptedBus {
        script: RefCell<VecDeque<Result<Vec<usize>, BusError>>>,
        calls: RefCell<Vec<Vec<String>>>,
    }

    impl Bus for ScriptedBus {
        async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
            self.calls.borrow_mut().push(entries.iter().map(|e| e.detail_type.clone()).collect());
            self.script.borrow_mut().pop_front().unwrap_or(Ok(Vec::new()))
        }
    }

    fn outbox(names: &[&str]) -> serde_json::Value {
        let entries: Vec<_> = names
            .iter()
            .map(|name| {
                let id = lakeside_domain::events::EventId::derive("lakeside.orders", "a", name, 1);
                json!({"M": {
                    "eventId": {"S": id.to_string()}, "source": {"S": "lakeside.orders"},
                    "detailType": {"S": name}, "detail": {"S": "{\"metadata\":{},\"data\":{}}"},
                }})
            })
            .collect();
        json!({ "L": entries })
    }

    fn record(sequence: &str, old: &[&str], new: &[&str]) -> serde_json::Value {
        json!({
            "awsRegion": "us-east-1", "eventID": sequence, "eventName": "MODIFY", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "SequenceNumber": sequence, "SizeBytes": 1,
                "OldImage": {"pk": {"S": "ORDER#1"}, "outbox": outbox(old)},
                "NewImage": {"pk": {"S": "ORDER#1"}, "outbox": outbox(new)},
            },
        })
    }

    fn stream(records: &[serde_json::Value]) -> Input {
        serde_json::from_value(json!({ "Records": records })).unwrap()
    }

    async fn answer(bus: &ScriptedBus, input: Input) -> serde_json::Value {
        serde_json::to_value(handle(bus, &ManualClock::default(), &(), input).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn only_what_a_write_added_is_published() {
        let bus = ScriptedBus::default();
        let records =
            [record("1", &[], &["A"]), record("2", &["A"], &["A"]), record("3", &["A"], &["B", "C"])];
        let output = answer(&bus, stream(&records)).await;
        assert_eq!(output, json!({"batchItemFailures": []}));
        assert_eq!(*bus.calls.borrow(), [["A", "B", "C"]]);
    }

    #[tokio::test]
    async fn exactly_the_entries_that_failed_are_sent_again() {
        let bus = ScriptedBus::default();
        bus.script.borrow_mut().push_back(Ok(vec![1, 4, 7]));
        let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];
        let output = answer(&bus, stream(&[record("1", &[], &names)])).await;
        assert_eq!(output, json!({"batchItemFailures": []}));
        assert_eq!(bus.calls.borrow()[1], ["B", "E", "H"]);
        assert_eq!(bus.calls.borrow().len(), 2);
    }

    #[tokio::test]
    async fn the_first_record_that_still_fails_is_reported() {
        let bus = ScriptedBus::default();
        for failed in [vec![1], vec![0], vec![0]] {
            bus.script.borrow_mut().push_back(Ok(failed));
        }
        let records = [record("1", &[], &["A"]), record("2", &[], &["B"]), record("3", &[], &["C"])];
        let output = answer(&bus, stream(&records)).await;
        assert_eq!(output, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
    }

    #[tokio::test]
    async fn a_malformed_outbox_stops_the_stream_there_and_nowhere_before() {
        let bus = ScriptedBus::default();
        let mut poison = record("2", &[], &[]);
        poison["dynamodb"]["NewImage"]["outbox"] = json!({"S": "?"});
        let records = [record("1", &[], &["A"]), poison, record("3", &[], &["C"])];
        let output = answer(&bus, stream(&records)).await;
        assert_eq!(output, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
        assert_eq!(*bus.calls.borrow(), [["A"]]);
    }

    /// A record of two events that were written at second 1 and 3.
    fn written() -> serde_json::Value {
        let id = lakeside_domain::events::EventId::derive("lakeside.orders", "a", "A", 1);
        let mut record = record("1", &[], &["A", "B"]);
        for (position, second) in [(0, 1), (1, 3)] {
            let metadata = json!({
                "eventId": id, "correlationId": id, "causationId": id,
                "occurredAt": format!("1970-01-01T00:00:0{second}.000Z"),
            });
            let detail = json!({"metadata": metadata, "data": {"orderId": id, "note": "Ada"}});
            let entry = &mut record["dynamodb"]["NewImage"]["outbox"]["L"][position]["M"];
            entry["detail"] = json!({"S": detail.to_string()});
            entry["traceHeader"] = json!({"S": "Root=1-5759e988-bd862e3fe1be46a994272793"});
        }
        record
    }

    #[tokio::test]
    async fn how_many_events_were_published_and_how_late_is_counted_by_either_transport() {
        let stream = stream(&[written()]);
        let pipe = serde_json::from_value(json!([written()])).unwrap();
        for input in [stream, pipe] {
            let (bus, metrics, log) = (ScriptedBus::default(), MemoryMetrics::default(), Log::default());
            log.of(handle(&bus, &ManualClock::at(4_500), &metrics, input)).await.unwrap();
            assert_eq!(metrics.values(EVENTS_PUBLISHED), [2]);
            assert_eq!(metrics.values(OUTBOX_LAG), [3_500, 1_500]);
            let lines = log.lines();
            assert_eq!(lines.len(), 2);
            for (line, name) in lines.iter().zip(["A", "B"]) {
                assert_eq!(
                    (&line["message"], &line["event_type"]),
                    (&json!("event published"), &json!(name))
                );
                for field in ["event_id", "correlation_id", "causation_id", "order_id"] {
                    assert!(line[field].is_string(), "{field} in {line}");
                }
            }
            assert!(!log.text().contains("Ada"), "{}", log.text());
        }
    }

    #[tokio::test]
    async fn what_the_bus_did_not_take_is_not_counted() {
        let (bus, metrics) = (ScriptedBus::default(), MemoryMetrics::default());
        for failed in [vec![1], vec![0], vec![0]] {
            bus.script.borrow_mut().push_back(Ok(failed));
        }
        handle(&bus, &ManualClock::at(4_500), &metrics, stream(&[written()])).await.unwrap();
        assert_eq!((metrics.values(EVENTS_PUBLISHED), metrics.values(OUTBOX_LAG)), (vec![1], vec![3_500]));
    }

    #[tokio::test]
    async fn an_event_goes_on_in_the_trace_in_which_it_was_written() {
        let record: EventRecord = serde_json::from_value(written()).unwrap();
        let header = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793");
        assert!(header.is_some());
        assert!(new_entries(&record).unwrap().iter().all(|entry| entry.trace_header == header));
    }

    #[tokio::test]
    async fn a_pipe_gets_typed_events_and_nothing_is_published_twice() {
        let bus = ScriptedBus::default();
        let input: Input = serde_json::from_value(json!([record("1", &[], &["A"])])).unwrap();
        let output = answer(&bus, input).await;
        assert_eq!(
            output,
            json!([{"source": "lakeside.orders", "detailType": "A", "detail": {"metadata": {}, "data": {}}}])
        );
        assert!(bus.calls.borrow().is_empty());
    }
}
