use std::collections::HashMap;

use lakeside_contracts::Event;
use lakeside_domain::ids::Sku;
use serde_json::{Value, json};

use super::*;
use crate::memory::listings::{MemoryQueues, marketplace};

const EVENT: &str = "7e57d004-2b97-4e7a-b45f-538736779101";
const CORRELATION: &str = "0a57d004-2b97-4e7a-b45f-5387367791ff";

fn level(available: u64, version: u64) -> Message {
    let data = json!({"sku": "TENT", "available": available, "version": version});
    let body = json!({
        "id": "1", "source": "lakeside.inventory", "detail-type": "StockLevelChanged",
        "detail": {
            "metadata": {
                "eventId": EVENT, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": CORRELATION,
                "causationId": EVENT, "schemaVersion": 1,
            },
            "data": data,
        },
    });
    Message { id: "level".into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

fn queues() -> MemoryQueues {
    MemoryQueues::of(&["alpine-market", "trailhead"])
}

#[tokio::test]
async fn every_marketplace_is_told_in_a_group_of_its_own_per_sku() {
    let queues = queues();
    assert!(handle(&queues, &[level(5, 7)]).await.ids().is_empty());
    let sent = queues.sent.borrow();
    let groups: Vec<_> = sent.iter().map(|routed| routed.group.as_str()).collect();
    assert_eq!(groups, ["alpine-market#TENT", "trailhead#TENT"]);
    let ids: Vec<_> = sent.iter().map(|routed| routed.deduplication_id.clone()).collect();
    assert_eq!(ids, [format!("{EVENT}#alpine-market"), format!("{EVENT}#trailhead")]);
    let PublishStock { sku, available, version, metadata, .. } = &sent[0].command;
    assert_eq!((sku, *available, *version), (&Sku::parse("TENT").unwrap(), 5, 7));
    assert_eq!(metadata.correlation_id.to_string(), CORRELATION);
    assert_eq!(metadata.causation_id.to_string(), EVENT);
}

#[tokio::test]
async fn the_same_event_again_is_the_same_message() {
    let queues = queues();
    for _ in 0..2 {
        assert!(handle(&queues, &[level(5, 7)]).await.ids().is_empty());
    }
    assert_eq!(queues.arrived(), 2, "one for each marketplace");
}

#[tokio::test]
async fn a_queue_that_is_away_does_not_keep_the_others_from_theirs() {
    let queues = queues();
    queues.away.borrow_mut().insert(marketplace("alpine-market"));
    assert_eq!(handle(&queues, &[level(5, 7)]).await.ids(), ["level"]);
    assert_eq!(queues.arrived(), 1);
    queues.away.borrow_mut().clear();
    assert!(handle(&queues, &[level(5, 7)]).await.ids().is_empty());
    assert_eq!(queues.arrived(), 2, "each once");
}

#[tokio::test]
async fn what_is_no_level_fails_alone() {
    let queues = queues();
    let odd = |id: &str, from: &str, to: &str| {
        let mut message = level(5, 7);
        message.id = id.into();
        message.body = message.body.replace(from, to);
        message
    };
    let batch = [
        odd("no event", "{", "["),
        odd("another", "StockLevelChanged", "StockReserved"),
        odd("forged", "lakeside.inventory", "somebody.else"),
        odd("malformed", "\"version\":7", "\"version\":0"),
        level(5, 7),
    ];
    let failures = handle(&queues, &batch).await;
    assert_eq!(failures.ids(), ["no event", "another", "forged", "malformed"]);
    assert_eq!(queues.arrived(), 2);
}

#[test]
fn a_message_fits_what_a_fifo_queue_takes() {
    let longest = format!("{EVENT}#{}", "m".repeat(24));
    assert!(longest.len() <= 128);
    assert!(format!("{}#{}", "m".repeat(24), "S".repeat(32)).len() <= 128);
    // The test above builds events by hand; this is the form they have.
    let body: Value = serde_json::from_str(&level(1, 1).body).unwrap();
    assert!(serde_json::from_value::<Event<StockLevelChanged>>(body["detail"].clone()).is_ok());
}
