use lakeside_domain::stock::PoolId;
use lakeside_kit::memory::{Answers, Log, ManualClock, MemoryMetrics};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    goods::{pool, sku, stocked},
    inventory_table::reservation_key,
    memory::{Counts, MemoryInventory},
};

const SETTINGS: Settings = Settings { hold_seconds: 900 };
const CAUSE: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

fn id(n: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(n))
}

fn message(id: String, body: &Value) -> Message {
    Message { id, body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
}

fn created(n: u128, lines: &[(&str, i64)]) -> Message {
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let lines: Vec<_> =
        lines.iter().map(|(s, q)| json!({"sku": s, "quantity": q, "unitPrice": usd(1)})).collect();
    let body = json!({
        "source": "lakeside.orders", "detail-type": "OrderCreated",
        "detail": {
            "metadata": {
                "eventId": CAUSE, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": id(n),
                "causationId": CAUSE, "schemaVersion": 1,
            },
            "data": {
                "orderId": id(n), "customerId": "c", "channel": "web", "lines": lines, "total": usd(1),
                "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
            },
        },
    });
    message(format!("event-{n}"), &body)
}

fn command(n: u128, lines: &[(&str, i64)]) -> Message {
    let lines: Vec<_> = lines.iter().map(|(s, q)| json!({"sku": s, "quantity": q})).collect();
    let body = json!({
        "command": "ReserveStock", "taskToken": format!("token-{n}"), "orderId": id(n), "lines": lines,
        "metadata": {"correlationId": id(n), "causationId": CAUSE},
    });
    message(format!("command-{n}"), &body)
}

async fn run(table: &MemoryInventory, answers: &Answers, batch: &[Message]) -> Vec<String> {
    handle(table, answers, &ManualClock::at(1000), &(), SETTINGS, batch).await.ids().to_vec()
}

#[tokio::test]
async fn of_two_requests_in_a_batch_the_first_is_the_cause() {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    let mut later = created(1, &[("TENT", 2)]);
    later.body = later.body.replace(CAUSE, "7e57d004-2b97-4e7a-b45f-000000000000");
    let batch = [created(1, &[("TENT", 2)]), later];
    assert!(run(&table, &Answers::default(), &batch).await.is_empty());
    let written = table.outboxes.of(&reservation_key(id(1)));
    let reserved: Value = serde_json::from_str(&written[0].detail).unwrap();
    assert_eq!(reserved["metadata"]["causationId"], CAUSE);
}

#[tokio::test]
async fn a_batch_of_orders_is_one_transaction() {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    let batch: Vec<Message> = (1..=10).map(|n| created(n, &[("TENT", 1)])).collect();
    assert!(run(&table, &Answers::default(), &batch).await.is_empty());
    assert_eq!(table.trouble.writes.get(), 1);
    assert_eq!(pool(&table, "TENT").held, 10);
    assert_eq!(table.outboxes.published(), vec!["StockReserved"; 10]);
}

#[tokio::test]
async fn event_and_command_reserve_once_whichever_comes_first() {
    for batch in [
        [created(1, &[("TENT", 2)]), command(1, &[("TENT", 2)])],
        [command(1, &[("TENT", 2)]), created(1, &[("TENT", 2)])],
    ] {
        let table = stocked(&[("TENT", "wh-east", 10)]);
        let answers = Answers::default();
        assert!(run(&table, &answers, &batch).await.is_empty());
        for message in &batch {
            assert!(run(&table, &answers, std::slice::from_ref(message)).await.is_empty());
        }
        assert_eq!(pool(&table, "TENT").held, 2);
        assert_eq!(table.outboxes.published(), ["StockReserved"]);
        assert_eq!(answers.given.borrow().len(), 2, "the command's redelivery is answered too");
        assert_eq!(answers.given.borrow()[0].1["outcome"], "RESERVED");
    }
}

#[tokio::test]
async fn the_last_unit_goes_to_the_first_and_the_others_are_told() {
    let table = stocked(&[("TENT", "wh-east", 1)]);
    let answers = Answers::default();
    let batch: Vec<Message> = (1..=9).map(|n| command(n, &[("TENT", 1)])).collect();
    assert!(run(&table, &answers, &batch).await.is_empty());
    assert_eq!(pool(&table, "TENT").available, 0);
    let outcomes: Vec<_> = answers.given.borrow().iter().map(|(_, a)| a["outcome"].clone()).collect();
    assert_eq!(outcomes[0], "RESERVED");
    assert!(outcomes[1..].iter().all(|o| o == "REFUSED"));
    assert_eq!(answers.given.borrow()[1].1["reason"], OUT_OF_STOCK);
}

#[tokio::test]
async fn one_sold_out_line_and_nothing_of_the_order_is_held() {
    let table = stocked(&[("TENT", "wh-east", 5), ("STOVE", "wh-east", 0)]);
    assert!(run(&table, &Answers::default(), &[created(1, &[("TENT", 1), ("STOVE", 1)])]).await.is_empty());
    assert_eq!(pool(&table, "TENT").available, 5);
    assert_eq!(table.outboxes.published(), ["StockReservationFailed"]);
}

#[tokio::test]
async fn a_decision_that_was_overtaken_is_made_again() {
    let table = stocked(&[("TENT", "wh-east", 1)]);
    table.trouble.overtaken.set(ATTEMPTS - 1);
    assert!(run(&table, &Answers::default(), &[created(1, &[("TENT", 1)])]).await.is_empty());
    table.trouble.overtaken.set(ATTEMPTS);
    assert_eq!(run(&table, &Answers::default(), &[created(2, &[("TENT", 1)])]).await, ["event-2"]);
    assert!(!table.reservations.borrow().contains_key(&id(2)), "busy is never sold out");
}

#[tokio::test]
async fn a_batch_larger_than_a_transaction_is_split_and_all_of_it_decided() {
    let names: Vec<String> = (0..150).map(|n| format!("SKU-{n}")).collect();
    let stock: Vec<(&str, &str, i64)> = names.iter().map(|n| (n.as_str(), "wh-east", 1)).collect();
    let table = stocked(&stock);
    let batch: Vec<Message> = names
        .chunks(15)
        .zip(1..)
        .map(|(chunk, n)| created(n, &chunk.iter().map(|s| (s.as_str(), 1)).collect::<Vec<_>>()))
        .collect();
    assert!(run(&table, &Answers::default(), &batch).await.is_empty());
    assert_eq!(table.reservations.borrow().len(), 10);
    assert!(table.trouble.writes.get() > 1);
}

#[tokio::test]
async fn an_order_too_large_for_a_transaction_does_not_keep_others_from_their_stock() {
    let names: Vec<String> = (0..20).map(|n| format!("SKU-{n}")).collect();
    let stock: Vec<(&str, &str, i64)> = names.iter().map(|n| (n.as_str(), "wh-east", 1)).collect();
    let table = stocked(&stock);
    for name in &names {
        table.pools.borrow_mut().extend((1..6).map(|n| ((sku(name), PoolId(n)), Counts::received(1))));
    }
    let too_large = |n| created(n, &names.iter().map(|s| (s.as_str(), 5)).collect::<Vec<_>>());
    let batch = [too_large(1), created(2, &[("SKU-0", 1)]), too_large(3), created(4, &[("SKU-1", 1)])];
    assert_eq!(run(&table, &Answers::default(), &batch).await, ["event-1", "event-3"]);
    assert_eq!(table.reservations.borrow().len(), 2);
}

#[tokio::test]
async fn malformed_messages_fail_alone() {
    let table = stocked(&[("TENT", "wh-east", 5)]);
    let garbage =
        Message { id: "m1".into(), body: "{".into(), attributes: HashMap::new(), ..Message::default() };
    let twice = created(2, &[("TENT", 1), ("TENT", 1)]);
    let failed = run(&table, &Answers::default(), &[garbage, created(1, &[("TENT", 1)]), twice]).await;
    assert_eq!(failed, ["m1", "event-2"]);
    assert_eq!(pool(&table, "TENT").held, 1);
}

#[tokio::test]
async fn a_table_that_is_down_fails_every_message_and_an_unreachable_saga_only_the_commands() {
    let table = stocked(&[("TENT", "wh-east", 5)]);
    let batch = [created(1, &[("TENT", 1)]), command(2, &[("TENT", 1)])];
    table.trouble.down.set(true);
    assert_eq!(run(&table, &Answers::default(), &batch).await, ["event-1", "command-2"]);
    table.trouble.down.set(false);
    let answers = Answers::default();
    answers.down.set(true);
    assert_eq!(run(&table, &answers, &batch).await, ["command-2"]);
    answers.down.set(false);
    assert!(run(&table, &answers, &batch).await.is_empty());
    assert_eq!(pool(&table, "TENT").held, 2);
}

#[tokio::test]
async fn a_hold_that_ended_before_its_saga_asked_is_renewed_and_one_that_was_released_is_not() {
    let table = stocked(&[("TENT", "wh-east", 5)]);
    assert!(run(&table, &Answers::default(), &[created(1, &[("TENT", 1)])]).await.is_empty());
    let late = ManualClock::at(7_200_000);
    let answers = Answers::default();
    let ask = async || handle(&table, &answers, &late, &(), SETTINGS, &[command(1, &[("TENT", 1)])]).await;
    table.trouble.overtaken.set(1);
    assert!(ask().await.ids().is_empty());
    assert!(table.reservations.borrow()[&id(1)].is_live(late.now()));
    assert_eq!(answers.given.borrow()[0].1["outcome"], "RESERVED");
    table.reservations.borrow_mut().get_mut(&id(1)).unwrap().status = ReservationStatus::Released;
    late.advance(7_200_000);
    assert!(ask().await.ids().is_empty());
    assert_eq!(answers.given.borrow()[1].1["reason"], RESERVATION_CLOSED);
}

#[tokio::test]
async fn each_order_counts_once_whichever_message_decides_it() {
    let (table, answers) = (stocked(&[("TENT", "wh-east", 3)]), Answers::default());
    let metrics = MemoryMetrics::default();
    let batch = [
        created(1, &[("TENT", 2)]),
        command(1, &[("TENT", 2)]),
        created(2, &[("TENT", 2)]),
        created(3, &[("TENT", 1)]),
    ];
    for _ in 0..2 {
        handle(&table, &answers, &ManualClock::at(1000), &metrics, SETTINGS, &batch).await;
    }
    assert_eq!((metrics.total(RESERVATIONS_MADE), metrics.total(RESERVATIONS_FAILED)), (2, 1));
}

#[tokio::test]
async fn what_is_not_written_does_not_count() {
    let (table, answers) = (stocked(&[("TENT", "wh-east", 3)]), Answers::default());
    let metrics = MemoryMetrics::default();
    table.trouble.overtaken.set(ATTEMPTS);
    let batch = [created(1, &[("TENT", 2)])];
    handle(&table, &answers, &ManualClock::at(1000), &metrics, SETTINGS, &batch).await;
    assert_eq!((metrics.total(RESERVATIONS_MADE), metrics.total(RESERVATIONS_FAILED)), (0, 0));
}

#[tokio::test]
async fn orders_that_are_decided_together_are_told_apart_in_the_log() {
    let (table, log) = (stocked(&[("TENT", "wh-east", 3)]), Log::default());
    let batch = [created(1, &[("TENT", 2)]), created(2, &[("TENT", 2)])];
    log.of(run(&table, &Answers::default(), &batch)).await;
    let lines = log.lines();
    let decided: Vec<_> = lines.iter().filter(|line| line["message"] == "stock decided").collect();
    assert_eq!(decided.len(), 2);
    for (n, status) in [(1, "Held"), (2, "Refused")] {
        let own = decided.iter().find(|line| line["order_id"] == id(n).to_string()).unwrap();
        assert_eq!((&own["correlation_id"], &own["status"]), (&json!(id(n)), &json!(status)));
        assert_eq!(own["causation_id"], CAUSE);
    }
}
