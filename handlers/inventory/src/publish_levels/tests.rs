use std::cell::{Cell, RefCell};

use lakeside_kit::{
    bus::BusError,
    memory::{ManualClock, MemoryMetrics},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Takes everything but the entries of subjects that are to fail.
#[derive(Default)]
struct ScriptedBus {
    refused: Cell<Option<&'static str>>,
    calls: Cell<usize>,
    taken: RefCell<Vec<Entry>>,
}

impl Bus for ScriptedBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        self.calls.set(self.calls.get() + 1);
        let refused = |entry: &Entry| self.refused.get().is_some_and(|text| entry.detail.contains(text));
        self.taken.borrow_mut().extend(entries.iter().filter(|entry| !refused(entry)).cloned());
        Ok((0..entries.len()).filter(|position| refused(&entries[*position])).collect())
    }
}

/// Pools by SKU.
#[derive(Default)]
struct Pools(RefCell<BTreeMap<String, Vec<Level>>>, Cell<usize>);

impl Pools {
    fn with(pools: &[(&str, &[(u64, u64)])]) -> Self {
        let levels = |pools: &[(u64, u64)]| {
            pools.iter().map(|(units, version)| Level { units: *units, version: *version }).collect()
        };
        let pools = pools.iter().map(|(sku, of)| ((*sku).to_owned(), levels(of))).collect();
        Self(RefCell::new(pools), Cell::default())
    }
}

impl LevelStore for Pools {
    async fn pools(&self, sku: &Sku) -> Result<Vec<Level>, StoreError> {
        self.1.set(self.1.get() + 1);
        self.0.borrow().get(sku.as_str()).cloned().ok_or(StoreError::Busy)
    }
}

fn record(sequence: &str, sku: &str, sk: &str, old: &Value, new: &Value) -> Value {
    let image = |attributes: &Value| {
        let mut image = attributes.clone();
        if let Some(image) = image.as_object_mut() {
            image.insert("pk".into(), json!({"S": format!("SKU#{sku}")}));
            image.insert("sk".into(), json!({ "S": sk }));
        }
        image
    };
    json!({
        "awsRegion": "us-east-1", "eventID": sequence, "eventName": "MODIFY", "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": sequence, "SizeBytes": 1, "OldImage": image(old), "NewImage": image(new),
        },
    })
}

fn pool_image(available: u64, held: u64, version: u64) -> Value {
    let n = |number: u64| json!({"N": number.to_string()});
    json!({
        "available": n(available), "held": n(held), "sold": n(0), "received": n(100), "version": n(version),
    })
}

fn node_image(on_hand: u64, version: u64) -> Value {
    json!({"on_hand": {"N": on_hand.to_string()}, "version": {"N": version.to_string()}})
}

fn pool(sequence: &str, sku: &str, [before, after]: [u64; 2]) -> Value {
    record(sequence, sku, "POOL#0", &pool_image(before, 0, 1), &pool_image(after, 0, 2))
}

fn node(sequence: &str, sku: &str, node: &str, [before, after]: [u64; 2], version: u64) -> Value {
    let (old, new) = (node_image(before, version - 1), node_image(after, version));
    record(sequence, sku, &format!("NODE#{node}"), &old, &new)
}

async fn told_by(pools: &Pools, bus: &ScriptedBus, records: &[Value]) -> Vec<String> {
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let response = handle(pools, bus, &ManualClock::at(1000), &(), &event).await;
    response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
}

fn data(bus: &ScriptedBus) -> Vec<Value> {
    let detail = |entry: &Entry| serde_json::from_str::<Value>(&entry.detail).unwrap()["data"].clone();
    bus.taken.borrow().iter().map(detail).collect()
}

#[tokio::test]
async fn a_sku_s_level_is_read_from_all_its_pools_once_a_batch() {
    let (pools, bus) = (Pools::with(&[("TENT", &[(3, 7), (4, 0), (0, 2)])]), ScriptedBus::default());
    let records = [pool("1", "TENT", [9, 8]), pool("2", "TENT", [8, 9]), pool("3", "TENT", [9, 3])];
    assert!(told_by(&pools, &bus, &records).await.is_empty());
    assert_eq!(data(&bus), [json!({"sku": "TENT", "available": 7, "version": 10})]);
    assert_eq!(pools.1.get(), 1);
}

#[tokio::test]
async fn a_node_s_count_is_that_of_its_last_write() {
    let (pools, bus) = (Pools::default(), ScriptedBus::default());
    let records = [
        node("1", "TENT", "wh-east", [9, 8], 3),
        node("2", "TENT", "store-1", [2, 1], 1),
        node("3", "TENT", "wh-east", [8, 5], 4),
    ];
    assert!(told_by(&pools, &bus, &records).await.is_empty());
    let store = json!({"sku": "TENT", "node": "store-1", "onHand": 1, "version": 2});
    let warehouse = json!({"sku": "TENT", "node": "wh-east", "onHand": 5, "version": 5});
    assert_eq!(data(&bus), [store, warehouse]);
    assert_eq!(pools.1.get(), 0, "a node's item says it all");
}

#[tokio::test]
async fn what_was_just_put_there_is_told_as_the_first_version() {
    let (pools, bus) = (Pools::with(&[("TENT", &[(5, 0)])]), ScriptedBus::default());
    let counts =
        json!({"available": {"N": "5"}, "held": {"N": "0"}, "sold": {"N": "0"}, "received": {"N": "5"}});
    let nothing = json!({});
    let mut records = [
        record("1", "TENT", "POOL#0", &nothing, &counts),
        record("2", "TENT", "NODE#wh-east", &nothing, &json!({"on_hand": {"N": "5"}})),
    ];
    for record in &mut records {
        record["dynamodb"].as_object_mut().unwrap().remove("OldImage");
    }
    assert!(told_by(&pools, &bus, &records).await.is_empty());
    let versions: Vec<_> = data(&bus).into_iter().map(|data| data["version"].clone()).collect();
    assert_eq!(versions, [1, 1]);
}

#[tokio::test]
async fn what_changes_no_number_is_not_told() {
    let (pools, bus) = (Pools::default(), ScriptedBus::default());
    let sold = record("1", "TENT", "POOL#0", &pool_image(3, 2, 4), &pool_image(3, 0, 5));
    let mut removed = pool("2", "TENT", [3, 0]);
    removed["dynamodb"].as_object_mut().unwrap().remove("NewImage");
    let same = node("3", "TENT", "wh-east", [3, 3], 2);
    let mut price = pool("4", "TENT", [3, 4]);
    price["dynamodb"]["NewImage"]["sk"] = json!({"S": "PRICE"});
    let mut reservation = pool("5", "TENT", [3, 4]);
    reservation["dynamodb"]["NewImage"]["pk"] = json!({"S": "RESERVATION#1"});
    assert!(told_by(&pools, &bus, &[sold, removed, same, price, reservation]).await.is_empty());
    assert_eq!((bus.calls.get(), pools.1.get()), (0, 0));
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_says_the_same_facts() {
    let pools = Pools::with(&[("TENT", &[(3, 7)])]);
    let records = [pool("1", "TENT", [9, 3]), node("2", "TENT", "wh-east", [9, 3], 4)];
    let said = async || {
        let bus = ScriptedBus::default();
        assert!(told_by(&pools, &bus, &records).await.is_empty());
        bus.taken.take()
    };
    let first = said().await;
    assert_eq!(first, said().await);
    pools.0.borrow_mut().insert("TENT".into(), vec![Level { units: 2, version: 8 }]);
    let later = said().await;
    assert_ne!(first[0].event_id, later[0].event_id, "another level is another fact");
    assert_eq!(first[1], later[1]);
}

#[tokio::test]
async fn a_count_begins_a_story_that_follows_from_its_write() {
    let (pools, bus) = (Pools::default(), ScriptedBus::default());
    let records = [node("1", "TENT", "wh-east", [9, 3], 4), node("2", "TENT", "store-1", [9, 3], 4)];
    told_by(&pools, &bus, &records).await;
    let mut causes = Vec::new();
    for entry in bus.taken.borrow().iter() {
        let detail: Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(detail["metadata"]["eventId"], detail["metadata"]["correlationId"]);
        causes.push(detail["metadata"]["causationId"].clone());
    }
    causes.dedup();
    assert_eq!(causes.len(), 2);
}

#[tokio::test]
async fn a_sku_that_cannot_be_read_stops_the_stream_there_and_nowhere_before() {
    let (pools, bus) = (Pools::with(&[("TENT", &[(3, 7)]), ("LAMP", &[(1, 1)])]), ScriptedBus::default());
    let records = [pool("1", "TENT", [9, 3]), pool("2", "STOVE", [9, 3]), pool("3", "LAMP", [9, 3])];
    assert_eq!(told_by(&pools, &bus, &records).await, ["2"]);
    assert_eq!(data(&bus), [json!({"sku": "TENT", "available": 3, "version": 8})]);
}

#[tokio::test]
async fn a_malformed_image_stops_the_stream_there_and_nowhere_before() {
    let pools = Pools::with(&[("TENT", &[(3, 7)]), ("LAMP", &[(1, 1)])]);
    for (attribute, value) in [("available", json!({"S": "?"})), ("pk", json!({"S": "SKU#not a sku"}))] {
        let bus = ScriptedBus::default();
        let mut poison = pool("2", "TENT", [3, 4]);
        poison["dynamodb"]["NewImage"][attribute] = value;
        let records = [pool("1", "TENT", [9, 3]), poison, pool("3", "LAMP", [9, 3])];
        assert_eq!(told_by(&pools, &bus, &records).await, ["2"], "{attribute}");
        assert_eq!(data(&bus).len(), 1);
    }
}

#[tokio::test]
async fn what_the_bus_does_not_take_is_sent_again_and_then_delivered_again() {
    let pools = Pools::with(&[("TENT", &[(3, 7)]), ("LAMP", &[(1, 1)])]);
    let bus = ScriptedBus::default();
    bus.refused.set(Some("LAMP"));
    let records = [pool("1", "LAMP", [9, 3]), pool("2", "TENT", [9, 3]), pool("3", "LAMP", [3, 1])];
    assert_eq!(told_by(&pools, &bus, &records).await, ["3"], "the last write tells of those before");
    assert_eq!(bus.calls.get(), 3);
    assert_eq!(
        data(&bus),
        [json!({"sku": "TENT", "available": 3, "version": 8})],
        "what was taken is not sent again"
    );
}

#[tokio::test]
async fn a_level_that_no_number_holds_is_not_told() {
    let (pools, bus) = (Pools::with(&[("TENT", &[(Level::MAX_UNITS, 1), (1, 1)])]), ScriptedBus::default());
    assert_eq!(told_by(&pools, &bus, &[pool("1", "TENT", [9, 3])]).await, ["1"]);
    assert!(bus.taken.borrow().is_empty());
}

proptest! {
    /// As told of by the stream, in batches of any size: what was said with the highest version is what is there.
    #[test]
    fn at_rest_the_newest_facts_are_true(
        moves in prop::collection::vec((0..3_u64, 0..5_u64), 1..30), batch in 1..6_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (pools, bus) = (Pools::default(), ScriptedBus::default());
        let mut table = vec![Level { units: 9, version: 0 }; 3];
        let mut stream = vec![record("first", "TENT", "POOL#0", &json!(null), &pool_image(9, 0, 0))];
        stream[0]["dynamodb"].as_object_mut().unwrap().remove("OldImage");
        let tell = |stream: &mut Vec<Value>, table: &[Level]| {
            pools.0.borrow_mut().insert("TENT".into(), table.to_vec());
            let failed = runtime.block_on(told_by(&pools, &bus, stream));
            stream.clear();
            failed.is_empty()
        };
        for (number, (which, units)) in moves.into_iter().enumerate() {
            let item = &mut table[usize::try_from(which).unwrap()];
            let old = *item;
            *item = Level { units, version: old.version + 1 };
            let (old, new) = (pool_image(old.units, 0, old.version), pool_image(units, 0, item.version));
            stream.push(record(&number.to_string(), "TENT", &format!("POOL#{which}"), &old, &new));
            if stream.len() >= batch {
                prop_assert!(tell(&mut stream, &table));
            }
        }
        prop_assert!(tell(&mut stream, &table));
        let newest = data(&bus).into_iter().max_by_key(|data| data["version"].as_u64()).unwrap();
        prop_assert_eq!(newest["available"].as_u64(), Some(table.iter().map(|level| level.units).sum()));
        let ids: std::collections::BTreeSet<_> = bus.taken.borrow().iter().map(|entry| entry.event_id).collect();
        prop_assert_eq!(ids.len(), bus.taken.borrow().len(), "each level is a fact of its own");
    }
}

#[tokio::test]
async fn what_the_bus_took_counts() {
    let (pools, bus) = (Pools::with(&[("TENT", &[(3, 7)])]), ScriptedBus::default());
    let metrics = MemoryMetrics::default();
    let records = [pool("1", "TENT", [9, 3]), node("2", "TENT", "wh-east", [9, 8], 3)];
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    handle(&pools, &bus, &ManualClock::at(1000), &metrics, &event).await;
    assert_eq!(metrics.values(EVENTS_PUBLISHED), [2]);
}
