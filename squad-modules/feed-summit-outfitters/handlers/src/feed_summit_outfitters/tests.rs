use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::memory::{Condition, EXAMPLE, MemoryLevels};

fn example() -> Value {
    json!({
        "id": "1", "source": "lakeside.inventory", "detail-type": "StockLevelChanged",
        "detail": serde_json::from_str::<Value>(EXAMPLE).unwrap(),
    })
}

fn message(id: &str, body: &Value) -> Message {
    Message { id: id.into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

fn level(sku: &str, available: u64, version: u64) -> Message {
    let mut body = example();
    body["detail"]["data"] = json!({"sku": sku, "available": available, "version": version});
    message(&format!("{sku} {version}"), &body)
}

fn kept(table: &MemoryLevels) -> Vec<(String, u64, u64)> {
    let levels = table.levels.borrow();
    levels.values().map(|level| (level.sku.to_string(), level.available, level.version)).collect()
}

#[tokio::test]
async fn the_newest_level_of_every_sku_is_kept_in_whatever_order_they_come() {
    let levels =
        || [level("TENT-2P", 7, 1), level("TENT-2P", 0, 2), level("TENT-2P", 12, 3), level("STOVE", 5, 1)];
    let expected = [("STOVE".to_owned(), 5, 1), ("TENT-2P".to_owned(), 12, 3)];
    let mut backwards = levels();
    backwards.reverse();
    for order in [levels(), backwards] {
        let table = MemoryLevels::default();
        assert!(handle(&table, &order).await.ids().is_empty());
        assert_eq!(kept(&table), expected);
    }
}

fn told_at(time: &str) -> Message {
    let mut body = example();
    body["detail"]["metadata"]["occurredAt"] = time.into();
    message(time, &body)
}

#[tokio::test]
async fn a_level_that_is_told_twice_is_as_old_as_its_first_telling_in_whatever_order_they_come() {
    let [early, late] = ["2026-11-27T09:01:00.100Z", "2026-11-27T09:01:00.200Z"];
    for order in [[early, late], [late, early]] {
        let table = MemoryLevels::default();
        assert!(handle(&table, &order.map(told_at)).await.ids().is_empty());
        let kept = table.levels.borrow().values().next().unwrap().as_of;
        assert_eq!(kept.to_string(), early);
    }
}

#[tokio::test]
async fn without_the_condition_a_level_would_be_as_old_as_whatever_came_last() {
    let table = MemoryLevels::default();
    table.lift(Condition::ToldBefore);
    let [early, late] = ["2026-11-27T09:01:00.100Z", "2026-11-27T09:01:00.200Z"];
    assert!(handle(&table, &[early, late].map(told_at)).await.ids().is_empty());
    let kept = table.levels.borrow().values().next().unwrap().as_of;
    assert_eq!(kept.to_string(), late, "{}", Condition::ToldBefore.says());
}

#[tokio::test]
async fn a_replay_of_everything_changes_nothing() {
    let table = MemoryLevels::default();
    let levels = [level("TENT-2P", 7, 1), level("TENT-2P", 0, 2)];
    assert!(handle(&table, &levels).await.ids().is_empty());
    let before = table.levels.borrow().clone();
    assert!(handle(&table, &levels).await.ids().is_empty());
    assert_eq!(*table.levels.borrow(), before);
}

#[tokio::test]
async fn without_the_condition_a_replay_would_put_goods_on_sale_that_are_gone() {
    let table = MemoryLevels::default();
    table.lift(Condition::NewerLevel);
    assert!(handle(&table, &[level("TENT-2P", 0, 2), level("TENT-2P", 7, 1)]).await.ids().is_empty());
    assert_eq!(kept(&table), [("TENT-2P".to_owned(), 7, 1)], "{}", Condition::NewerLevel.says());
}

#[tokio::test]
async fn what_is_no_level_is_parked_alone() {
    let table = MemoryLevels::default();
    let mut forged = example();
    forged["source"] = "somebody.else".into();
    let mut another = example();
    another["detail-type"] = "NodeStockChanged".into();
    let batch = [
        message("nonsense", &json!("nonsense")),
        message("forged", &forged),
        message("another", &another),
        message("told", &example()),
    ];
    assert_eq!(handle(&table, &batch).await.ids(), ["nonsense", "forged", "another"]);
    assert_eq!(kept(&table), [("TENT-2P".to_owned(), 96, 412)]);
}

#[tokio::test]
async fn an_event_that_lacks_anything_is_parked_and_leaves_nothing() {
    let table = MemoryLevels::default();
    let whole = example();
    for part in ["metadata", "data"] {
        let fields = whole["detail"][part].as_object().unwrap();
        for pointer in fields.keys().map(|field| format!("/detail/{part}/{field}")) {
            let mut broken = example();
            *broken.pointer_mut(&pointer).unwrap() = json!({});
            let batch = [message(&pointer, &broken)];
            assert_eq!(handle(&table, &batch).await.ids(), [pointer.as_str()]);
            let error = feed(&table, &batch[0].delivery().unwrap()).await.unwrap_err();
            assert_eq!(error.disposition(), Disposition::Park);
        }
    }
    assert!(table.levels.borrow().is_empty());
}

#[tokio::test]
async fn a_level_is_told_again_when_the_table_does_not_answer() {
    let table = MemoryLevels::default();
    table.trouble.down.set(true);
    let told = message("told", &example());
    assert_eq!(handle(&table, std::slice::from_ref(&told)).await.ids(), ["told"]);
    let error = feed(&table, &told.delivery().unwrap()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry);
    table.trouble.down.set(false);
    assert!(handle(&table, &[told]).await.ids().is_empty());
    assert_eq!(kept(&table), [("TENT-2P".to_owned(), 96, 412)]);
}
