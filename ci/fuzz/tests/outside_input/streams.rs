//! Records of the tables' streams, on their way to the bus.

use std::cell::RefCell;

use futures::executor::block_on;
use lakeside_contracts::{
    EventData,
    events::{OrderConfirmed, OrderFulfilled, PaymentCaptured},
};
use lakeside_kit::{
    bus::{Bus, BusError},
    memory::ManualClock,
    outbox::Entry,
    publish_outbox::{Input, Output, handle},
};
use proptest::prelude::*;
use serde_json::{Value, json, to_value};

use crate::{
    corpus::{about_another_order, contract},
    explore::explore,
    mutation::{mutated, mutations},
};

/// Takes everything.
#[derive(Default)]
struct Taking(RefCell<Vec<Entry>>);

impl Bus for Taking {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        self.0.borrow_mut().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

fn outbox(titles: &[&str]) -> Value {
    let entries = titles.iter().map(|title| {
        let event = contract(title).message();
        json!({"M": {
            "eventId": {"S": event["detail"]["metadata"]["eventId"]}, "source": {"S": event["source"]},
            "detailType": {"S": title}, "detail": {"S": event["detail"].to_string()},
        }})
    });
    json!({ "L": entries.collect::<Vec<_>>() })
}

fn record(sequence: &str, old: &[&str], new: &[&str]) -> Value {
    let image = |titles| {
        json!({
            "pk": {"S": "ORDER#1"}, "sk": {"S": "ORDER"}, "version": {"N": "2"}, "approved": {"BOOL": true},
            "none": {"NULL": true}, "bytes": {"B": "AAEC"}, "tags": {"SS": ["a"]}, "outbox": outbox(titles),
        })
    };
    json!({
        "eventID": sequence, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:dynamodb:eu-central-1:1:table/t/stream/s",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_770_060.0, "Keys": {"pk": {"S": "ORDER#1"}},
            "SequenceNumber": sequence, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            "OldImage": image(old), "NewImage": image(new),
        },
    })
}

const FIRST: &str = OrderConfirmed::DETAIL_TYPE;
const ODD: &str = PaymentCaptured::DETAIL_TYPE;
const LAST: &str = OrderFulfilled::DETAIL_TYPE;

/// A broken record between two good ones, as text.
fn records() -> impl Strategy<Value = String> {
    let [first, odd, last] = [
        about_another_order(&record("1", &[], &[FIRST])),
        record("2", &["OrderCreated"], &["OrderCreated", ODD]),
        about_another_order(&record("3", &[FIRST], &[LAST])),
    ];
    mutations().prop_map(move |mutations| format!("[{first},{},{last}]", mutated(&odd, &mutations)))
}

/// The events that a broken record adds, if its outbox can be read: what stands in its new image and not in its old.
fn added(records: &str) -> Option<Vec<Entry>> {
    let records: Value = serde_json::from_str(records).unwrap();
    let old = entries(&records[1]["dynamodb"]["OldImage"])?;
    let mut new = entries(&records[1]["dynamodb"]["NewImage"])?;
    new.retain(|entry| old.iter().all(|known| known.event_id != entry.event_id));
    Some(new)
}

fn entries(image: &Value) -> Option<Vec<Entry>> {
    let Some(outbox) = image.get("outbox") else { return Some(Vec::new()) };
    let entry = |value: &Value| {
        let text = |name: &str| Some(value.get("M")?.get(name)?.get("S")?.as_str()?.to_owned());
        Some(Entry {
            event_id: serde_json::from_value(text("eventId")?.into()).ok()?,
            source: text("source")?,
            detail_type: text("detailType")?,
            detail: text("detail")?,
            trace_header: None,
        })
    };
    outbox.get("L")?.as_array()?.iter().map(entry).collect()
}

#[test]
fn a_malformed_record_stops_the_stream_there_and_loses_nothing_before_it() {
    explore(8_000, &records(), |records| {
        // What cannot be read at all fails the invocation, and everything is delivered again.
        let input = serde_json::from_str(&format!("{{\"Records\":{records}}}"));
        let Ok(input @ Input::Stream { .. }) = input else { return Ok(()) };
        let bus = Taking::default();
        let output = to_value(block_on(handle(&bus, &ManualClock::at(0), &(), input)).unwrap()).unwrap();
        let published = bus.0.take();
        prop_assert_eq!(published[0].detail_type.as_str(), FIRST);
        match (output["batchItemFailures"].as_array().unwrap().as_slice(), added(&records)) {
            ([], Some(added)) => {
                prop_assert_eq!(&published[1..=added.len()], &added[..]);
                prop_assert_eq!(published.len(), 2 + added.len());
                prop_assert_eq!(published[published.len() - 1].detail_type.as_str(), LAST);
            }
            ([failure], None) => {
                prop_assert_eq!(published.len(), 1);
                let parsed: Value = serde_json::from_str(&records).unwrap();
                let sequence = &parsed[1]["dynamodb"]["SequenceNumber"];
                prop_assert_eq!(&failure["itemIdentifier"], sequence);
            }
            (failures, added) => prop_assert!(false, "{failures:?} {added:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_pipe_gets_every_event_or_an_error() {
    explore(8_000, &records(), |records| {
        let Ok(input @ Input::Pipe(_)) = serde_json::from_str(&records) else { return Ok(()) };
        let bus = Taking::default();
        let output = block_on(handle(&bus, &ManualClock::at(0), &(), input));
        prop_assert!(bus.0.borrow().is_empty());
        match (output, added(&records)) {
            (Ok(Output::Pipe(events)), Some(added)) => {
                prop_assert_eq!(events.len(), 2 + added.len());
                prop_assert_eq!(events[0].detail_type.as_str(), FIRST);
                prop_assert_eq!(events[events.len() - 1].detail_type.as_str(), LAST);
            }
            (Ok(output), added) => prop_assert!(false, "{output:?} {added:?}"),
            (Err(error), added) => {
                let readable = |entry: &Entry| serde_json::from_str::<Value>(&entry.detail).is_ok();
                prop_assert!(!added.is_some_and(|added| added.iter().all(readable)), "{error}");
            }
        }
        Ok(())
    });
}

#[test]
fn an_invocation_is_answered_or_refused_as_a_whole() {
    let event = json!({"Records": [record("1", &[], &[FIRST, ODD]), record("2", &[FIRST], &[LAST])]});
    let inputs = (mutations(), any::<bool>());
    explore(5_000, &inputs, |(mutations, pipe)| {
        let event = if pipe { &event["Records"] } else { &event };
        if let Ok(input) = serde_json::from_str::<Input>(&mutated(event, &mutations)) {
            let answered = block_on(handle(&Taking::default(), &ManualClock::at(0), &(), input));
            prop_assert!(answered.is_err() || to_value(answered.unwrap()).is_ok());
        }
        Ok(())
    });
}
