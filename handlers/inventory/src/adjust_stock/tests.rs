use std::collections::HashMap;

use lakeside_kit::memory::{ManualClock, MemoryMetrics};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    goods::{hold, pool, sku, stocked},
    memory::{Counts, MemoryInventory},
};

fn id(n: u128) -> AdjustmentId {
    AdjustmentId::from_uuid(Uuid::from_u128(n))
}

fn message(id: &str, body: &Value, attributes: &[(&str, &str)]) -> Message {
    let attributes = attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Message { id: id.into(), body: body.to_string(), attributes, ..Message::default() }
}

fn command(n: u128, kind: &str, lines: &[(&str, i64)]) -> Message {
    let lines: Vec<_> = lines.iter().map(|(sku, units)| json!({"sku": sku, "units": units})).collect();
    let body = json!({
        "command": "AdjustStock", "adjustmentId": id(n), "kind": kind, "node": "wh-east", "lines": lines,
    });
    message(&format!("command-{n}"), &body, &[])
}

fn sale(sale_id: &str, principal: &str, lines: &[(&str, i64)]) -> Message {
    let lines: Vec<_> =
        lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    let attributes = [("saleId", sale_id), ("node", "store-lake"), ("principal", principal)];
    message("sale", &json!({ "lines": lines }), &attributes)
}

async fn run(table: &MemoryInventory, batch: &[Message]) -> Vec<String> {
    handle(table, &ManualClock::at(1000), &(), batch).await.ids().to_vec()
}

fn node(table: &MemoryInventory, name: &str, node: &str) -> Option<i64> {
    table.nodes.borrow().get(&(sku(name), NodeId::parse(node).unwrap())).copied()
}

fn reason(table: &MemoryInventory, id: AdjustmentId) -> String {
    let record = table.adjustment(id).unwrap();
    assert_eq!(record.status, AdjustmentStatus::Refused);
    record.reason.unwrap().to_string()
}

#[tokio::test]
async fn the_first_receipt_of_a_sku_puts_it_into_node_and_pool() {
    let table = MemoryInventory::default();
    assert!(run(&table, &[command(1, "RECEIPT", &[("TENT", 5), ("STOVE", 2)])]).await.is_empty());
    assert_eq!(pool(&table, "TENT"), Counts::received(5));
    assert_eq!(pool(&table, "STOVE"), Counts::received(2));
    assert_eq!((node(&table, "TENT", "wh-east"), node(&table, "STOVE", "wh-east")), (Some(5), Some(2)));
    assert_eq!(table.outboxes.published(), ["StockAdjusted"]);
    assert_eq!(table.adjustment(id(1)).unwrap().status, AdjustmentStatus::Applied);
}

#[tokio::test]
async fn the_event_tells_the_change_and_follows_from_its_message() {
    let table = MemoryInventory::default();
    run(&table, &[command(1, "RECEIPT", &[("TENT", 5)])]).await;
    let entry = table.outboxes.of(&crate::adjustment_record::adjustment_key(id(1))).remove(0);
    let detail: Value = serde_json::from_str(&entry.detail).unwrap();
    assert_eq!(detail["metadata"]["correlationId"], json!(id(1)));
    assert_eq!(
        detail["data"],
        json!({
            "adjustmentId": id(1), "kind": "RECEIPT", "node": "wh-east", "lines": [{"sku": "TENT", "units": 5}],
        })
    );
}

#[tokio::test]
async fn a_count_changes_what_was_received_and_a_sale_what_is_sold() {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    let counts = [command(1, "COUNT", &[("TENT", -3)]), command(2, "COUNT", &[("TENT", 1)])];
    assert!(run(&table, &counts).await.is_empty());
    assert_eq!(pool(&table, "TENT"), Counts::received(8));
    assert!(run(&table, &[command(3, "STORE_SALE", &[("TENT", 2)])]).await.is_empty());
    assert_eq!(pool(&table, "TENT"), Counts { available: 6, held: 0, sold: 2, received: 8 });
    assert_eq!(node(&table, "TENT", "wh-east"), Some(6));
}

#[tokio::test]
async fn what_a_partner_sends_is_a_sale_at_its_store_and_nothing_else() {
    let table = stocked(&[("TENT", "store-lake", 3)]);
    assert!(run(&table, &[sale(&id(7).to_string(), "lake", &[("TENT", 1)])]).await.is_empty());
    assert_eq!(table.adjustment(id(7)).unwrap().adjustment.kind, Kind::StoreSale);
    assert_eq!(pool(&table, "TENT"), Counts { available: 2, held: 0, sold: 1, received: 3 });
    assert_eq!(node(&table, "TENT", "store-lake"), Some(2));
    let mut smuggled = command(8, "RECEIPT", &[("TENT", 9)]);
    smuggled.attributes = sale(&id(8).to_string(), "lake", &[]).attributes;
    assert_eq!(run(&table, &[smuggled]).await, ["command-8"]);
    assert_eq!(table.adjustment(id(8)), None);
}

#[tokio::test]
async fn the_same_change_again_changes_nothing() {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    let sale = command(1, "STORE_SALE", &[("TENT", 4)]);
    for batch in [vec![sale.clone(), sale.clone()], vec![sale]] {
        assert!(run(&table, &batch).await.is_empty());
    }
    assert_eq!(pool(&table, "TENT").sold, 4);
    assert_eq!(table.outboxes.published(), ["StockAdjusted"]);
    assert!(table.adjustment_conflicts.borrow().is_empty());
}

#[tokio::test]
async fn another_change_under_the_same_id_is_recorded_and_the_first_stands() {
    let table = stocked(&[("TENT", "wh-east", 10), ("TENT", "store-lake", 10)]);
    run(&table, &[command(1, "COUNT", &[("TENT", 4)])]).await;
    let first = table.adjustment(id(1));
    assert!(run(&table, &[command(1, "COUNT", &[("TENT", 5)])]).await.is_empty());
    run(&table, &[sale(&id(1).to_string(), "lake", &[("TENT", 4)])]).await;
    run(&table, &[sale(&id(1).to_string(), "mere", &[("TENT", 4)])]).await;
    assert_eq!(table.adjustment(id(1)), first);
    assert_eq!(table.adjustment_conflicts.borrow().len(), 3, "who sends it makes a difference too");
    assert_eq!(pool(&table, "TENT"), Counts::received(24));
}

#[tokio::test]
async fn a_refusal_is_recorded_said_once_and_never_an_error() {
    let table = stocked(&[("TENT", "wh-east", 2), ("TENT", "store-lake", 5)]);
    hold(&table, "TENT", 6);
    let batch = [
        command(1, "STORE_SALE", &[("TENT", 3)]),
        command(2, "STORE_SALE", &[("TENT", 2)]),
        command(3, "COUNT", &[("TENT", -2)]),
        command(4, "COUNT", &[("TENT", 1), ("TENT", 1)]),
        command(5, "RECEIPT", &[("TENT", -1)]),
    ];
    for _ in 0..2 {
        assert!(run(&table, &batch).await.is_empty());
    }
    let reasons: Vec<String> = (1..=5).map(|n| reason(&table, id(n))).collect();
    assert_eq!(reasons, ["NODE_SHORT", "STOCK_PROMISED", "STOCK_PROMISED", "INVALID_LINES", "INVALID_UNITS"]);
    assert_eq!(table.outboxes.published(), vec!["StockAdjustmentRefused"; 5]);
    assert_eq!(pool(&table, "TENT"), Counts { available: 1, held: 6, sold: 0, received: 7 });
}

#[tokio::test]
async fn a_sale_of_what_nobody_knows_is_refused_and_one_without_an_id_is_kept_too() {
    let table = stocked(&[("TENT", "store-lake", 5)]);
    for (n, line) in [("tent", 1), ("TENT", 0), ("TENT", -1), ("TENT", 1_000_000)].iter().enumerate() {
        let n = u128::try_from(n).unwrap();
        assert!(run(&table, &[sale(&id(n).to_string(), "lake", &[*line])]).await.is_empty());
        assert_eq!(reason(&table, id(n)), "INVALID_LINES");
    }
    assert!(run(&table, &[sale("no uuid", "lake", &[("TENT", 1)])]).await.is_empty());
    assert_eq!(table.refused_sales.borrow()["sale"].reason, INVALID_SALE_ID);
    assert_eq!(pool(&table, "TENT"), Counts::received(5));
}

#[tokio::test]
async fn what_is_neither_command_nor_sale_is_parked_alone() {
    let table = stocked(&[("TENT", "wh-east", 5)]);
    let sale = sale(&id(2).to_string(), "lake", &[("TENT", 1)]);
    let without = |name: &str| {
        let mut message = sale.clone();
        message.attributes.remove(name);
        message.id = format!("without-{name}");
        message
    };
    let mut nowhere = Message { id: "nowhere".into(), ..sale.clone() };
    nowhere.attributes.insert("node".into(), "No Where".into());
    let garbage =
        Message { id: "garbage".into(), body: "{".into(), attributes: HashMap::new(), ..Message::default() };
    let batch = [
        garbage,
        without("saleId"),
        without("node"),
        without("principal"),
        nowhere,
        command(1, "RECEIPT", &[("TENT", 1)]),
    ];
    let parked = ["garbage", "without-saleId", "without-node", "without-principal", "nowhere"];
    assert_eq!(run(&table, &batch).await, parked);
    assert_eq!(pool(&table, "TENT"), Counts::received(6));
}

#[tokio::test]
async fn a_decision_that_was_overtaken_is_made_again() {
    let table = stocked(&[("TENT", "wh-east", 5)]);
    table.trouble.overtaken.set(ATTEMPTS - 1);
    assert!(run(&table, &[command(1, "STORE_SALE", &[("TENT", 1)])]).await.is_empty());
    table.trouble.overtaken.set(ATTEMPTS);
    assert_eq!(run(&table, &[command(2, "STORE_SALE", &[("TENT", 1)])]).await, ["command-2"]);
    assert_eq!(table.adjustment(id(2)), None, "busy is never refused");
    table.trouble.down.set(true);
    assert_eq!(run(&table, &[command(3, "RECEIPT", &[("TENT", 1)])]).await, ["command-3"]);
}

#[tokio::test]
async fn a_change_that_one_transaction_does_not_hold_is_refused() {
    let names: Vec<String> = (0..20).map(|n| format!("SKU-{n}")).collect();
    let stock: Vec<(&str, &str, i64)> = names.iter().map(|n| (n.as_str(), "wh-east", 5)).collect();
    let table = stocked(&stock);
    for name in &names {
        table
            .pools
            .borrow_mut()
            .extend((0..5).map(|n| ((sku(name), lakeside_domain::stock::PoolId(n)), Counts::received(1))));
    }
    let lines = |units| names.iter().map(|n| (n.as_str(), units)).collect::<Vec<_>>();
    assert!(
        run(&table, &[command(1, "COUNT", &lines(-5)), command(2, "COUNT", &lines(-1))]).await.is_empty()
    );
    assert_eq!(reason(&table, id(1)), TOO_LARGE);
    assert_eq!(table.adjustment(id(2)).unwrap().status, AdjustmentStatus::Applied);
}

#[tokio::test]
async fn a_refusal_counts_once_and_what_is_booked_does_not() {
    let (table, metrics) = (stocked(&[("TENT", "wh-east", 2)]), MemoryMetrics::default());
    let batch = [command(1, "RECEIPT", &[("TENT", 1)]), command(2, "STORE_SALE", &[("TENT", 9)])];
    for _ in 0..2 {
        assert!(handle(&table, &ManualClock::at(1000), &metrics, &batch).await.ids().is_empty());
    }
    assert_eq!(metrics.total(ADJUSTMENTS_REFUSED), 1);
}
