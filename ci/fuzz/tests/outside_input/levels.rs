//! Records of the inventory table's stream, on their way to the levels that are told of.

use std::cell::RefCell;

use futures::executor::block_on;
use lakeside_domain::{ids::Sku, level::Level};
use lakeside_inventory::publish_levels::{LevelStore, handle};
use lakeside_kit::{
    bus::{Bus, BusError},
    dynamo::StoreError,
    memory::ManualClock,
    outbox::Entry,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    batch::events_fit,
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

/// Every SKU has two pools.
struct Pools;

impl LevelStore for Pools {
    async fn pools(&self, _: &Sku) -> Result<Vec<Level>, StoreError> {
        Ok(vec![Level { units: 3, version: 5 }, Level { units: 0, version: 1 }])
    }
}

fn record(sequence: &str, sku: &str, sk: &str, [old, new]: [u64; 2]) -> Value {
    let count = if sk.starts_with("POOL#") { "available" } else { "on_hand" };
    let image = |units: u64, version: u64| {
        json!({
            "pk": {"S": format!("SKU#{sku}")}, "sk": {"S": sk}, count: {"N": units.to_string()},
            "held": {"N": "0"}, "version": {"N": version.to_string()},
        })
    };
    json!({
        "eventID": sequence, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1", "eventSourceARN": "arn:aws:dynamodb:eu-central-1:1:table/t/stream/s",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_770_060.0, "Keys": {"pk": {"S": format!("SKU#{sku}")}},
            "SequenceNumber": sequence, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            "OldImage": image(old, 1), "NewImage": image(new, 2),
        },
    })
}

fn tells_of(entry: &Entry, sku: &str) -> bool {
    let detail: Value = serde_json::from_str(&entry.detail).unwrap();
    detail["data"]["sku"] == sku
}

#[test]
fn a_record_that_cannot_be_told_stops_the_stream_there_and_loses_nothing_before_it() {
    let odd = [record("2", "ODD", "POOL#1", [5, 3]), record("2", "ODD", "NODE#store-1", [5, 3])];
    let inputs = (prop::sample::select(odd.to_vec()), mutations());
    explore(12_000, &inputs, |(odd, mutations)| {
        let (first, last) =
            (record("1", "FIRST", "POOL#0", [4, 3]), record("3", "LAST", "NODE#wh-east", [4, 3]));
        let text = format!("{{\"Records\":[{first},{},{last}]}}", mutated(&odd, &mutations));
        // What cannot be read at all fails the invocation, and everything is delivered again.
        let Ok(event) = serde_json::from_str(&text) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let bus = Taking::default();
        let response = block_on(handle(&Pools, &bus, &ManualClock::at(0), &(), &event));
        let published = bus.0.take();
        events_fit(&published)?;
        prop_assert!(tells_of(&published[0], "FIRST"));
        let ids: Vec<_> =
            response.batch_item_failures.iter().map(|failure| &failure.item_identifier).collect();
        match ids.as_slice() {
            [] => {
                prop_assert!(tells_of(&published[published.len() - 1], "LAST"));
                prop_assert!(published.len() == 3 || (published.len() == 2 && !mutations.is_empty()));
            }
            [id] => {
                let parsed: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(
                    **id == parsed["Records"][1]["dynamodb"]["SequenceNumber"].as_str().map(str::to_owned),
                    true
                );
                prop_assert_eq!(published.len(), 1);
                prop_assert!(!mutations.is_empty());
            }
            more => prop_assert!(false, "{more:?}"),
        }
        Ok(())
    });
}
