use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::memory::{EXAMPLE, MemoryFacts};

fn example() -> Value {
    json!({
        "id": "1", "source": "lakeside.<bus>", "detail-type": "<Event>",
        "detail": serde_json::from_str::<Value>(EXAMPLE).unwrap(),
    })
}

fn message(id: &str, body: &Value) -> Message {
    Message { id: id.into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

#[tokio::test]
async fn a_fact_is_kept_once_however_often_it_is_told() {
    let table = MemoryFacts::default();
    let told = message("told", &example());
    assert!(handle(&table, std::slice::from_ref(&told)).await.ids().is_empty());
    let kept = table.facts.borrow().clone();
    assert_eq!(kept.len(), 1);
    let mut again = example();
    again["id"] = "2".into();
    again["replay-name"] = "everything".into();
    assert!(handle(&table, &[told, message("replayed", &again)]).await.ids().is_empty());
    assert_eq!(*table.facts.borrow(), kept, "a redelivery and a replay");
}

#[tokio::test]
async fn what_is_no_such_fact_is_parked_alone() {
    let table = MemoryFacts::default();
    let mut forged = example();
    forged["source"] = "somebody.else".into();
    let mut another = example();
    another["detail-type"] = "SomethingElse".into();
    let batch = [
        message("nonsense", &json!("nonsense")),
        message("forged", &forged),
        message("another", &another),
        message("told", &example()),
    ];
    assert_eq!(handle(&table, &batch).await.ids(), ["nonsense", "forged", "another"]);
    assert_eq!(table.facts.borrow().len(), 1);
}

#[tokio::test]
async fn an_event_that_lacks_anything_is_parked_and_leaves_nothing() {
    let table = MemoryFacts::default();
    let whole = example();
    let fields = whole.pointer("/detail/metadata").and_then(Value::as_object).unwrap();
    let pointers = fields.keys().map(|field| format!("/detail/metadata/{field}"));
    for pointer in pointers.chain(["/detail/metadata".into(), "/detail/data".into(), "/detail".into()]) {
        let mut broken = example();
        *broken.pointer_mut(&pointer).unwrap() = json!({});
        let batch = [message(&pointer, &broken)];
        assert_eq!(handle(&table, &batch).await.ids(), [pointer.as_str()]);
        let error = hear(&table, &batch[0].delivery().unwrap()).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Park);
    }
    assert!(table.facts.borrow().is_empty());
}

#[tokio::test]
async fn a_fact_is_told_again_when_the_table_does_not_answer() {
    let table = MemoryFacts::default();
    table.trouble.down.set(true);
    let told = message("told", &example());
    assert_eq!(handle(&table, std::slice::from_ref(&told)).await.ids(), ["told"]);
    let error = hear(&table, &told.delivery().unwrap()).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry);
    table.trouble.down.set(false);
    assert!(handle(&table, &[told]).await.ids().is_empty());
    assert_eq!(table.facts.borrow().len(), 1);
}
