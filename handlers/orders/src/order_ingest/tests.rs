use lakeside_domain::money::{Currency, Money};
use lakeside_kit::memory::{Log, MemoryMetrics};
use serde_json::{Value, json};

use super::*;
use crate::{memory::MemoryOrders, order_record::EarlyCancellation, orders_table::order_key};

/// A catalogue of one tent.
fn shop() -> MemoryOrders {
    let table = MemoryOrders::default();
    let price = Money::new(19_900, Currency::USD);
    table.prices.borrow_mut().insert(Sku::parse("TENT").unwrap(), price);
    table
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(43_200_000)
    }
}

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

fn body() -> Value {
    json!({
        "channel": "web", "lines": [{"sku": "TENT", "quantity": 1}],
        "expectedTotal": {"amount": 19_900, "currency": "USD"},
        "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
    })
}

fn message(id: &str, order_id: &str, principal: &str, body: impl std::fmt::Display) -> Message {
    let attributes = [("orderId", order_id), ("principal", principal)];
    Message {
        id: id.into(),
        body: body.to_string(),
        attributes: attributes.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        ..Message::default()
    }
}

/// As the door puts a partner's order on the queue.
fn partner_message(id: &str, channel: &str, body: impl std::fmt::Display) -> Message {
    let mut message = message(id, ORDER, "partner-acme", body);
    message.attributes.insert("channel".into(), channel.into());
    message
}

fn partner_body() -> Value {
    let mut body = body();
    body.as_object_mut().unwrap().remove("channel");
    body
}

fn only(table: &MemoryOrders) -> (OrderRecord, Vec<Entry>) {
    let orders = table.records.borrow();
    assert_eq!(orders.len(), 1);
    let record = orders.values().next().cloned().unwrap();
    let outbox = table.outboxes.of(&order_key(record.order_id));
    (record, outbox)
}

#[tokio::test]
async fn an_order_and_its_event_are_one_write() {
    let table = shop();
    let failures = handle(&table, &Noon, &(), &[message("m1", ORDER, "customer-1", body())]).await;
    assert!(failures.ids().is_empty());
    let (record, outbox) = only(&table);
    assert_eq!(record.state, OrderState::Created);
    assert_eq!(outbox[0].detail_type, "OrderCreated");
    let detail: Value = serde_json::from_str(&outbox[0].detail).unwrap();
    assert_eq!(detail["metadata"]["correlationId"], ORDER);
    assert_eq!(detail["data"]["total"], json!({"amount": 19_900, "currency": "USD"}));
}

#[tokio::test]
async fn the_same_submission_again_is_absorbed_however_it_is_spelled() {
    let table = shop();
    let respelled = "{\"shippingAddressId\":\"addr_1\", \"paymentMethod\":\"pm_1\",\"channel\":\"web\",
        \"expectedTotal\":{\"currency\":\"USD\",\"amount\":19900},\"lines\":[{\"quantity\":1,\"sku\":\"TENT\"}]}";
    let batch = [
        message("m1", ORDER, "customer-1", body()),
        message("m2", &ORDER.to_uppercase(), "customer-1", body()),
        message("m3", ORDER, "customer-1", respelled),
    ];
    assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
    only(&table);
    assert!(table.conflicts.borrow().is_empty());
}

#[tokio::test]
async fn a_submission_that_the_door_reads_is_read_here_however_odd_its_spelling() {
    let usual = body().to_string();
    for odd in [usual.replacen('{', "{\"channel\":null,", 1), usual.replace("19900", "19900.0")] {
        let table = shop();
        assert!(
            handle(&table, &Noon, &(), &[message("m1", ORDER, "customer-1", odd)]).await.ids().is_empty()
        );
        assert_eq!(only(&table).0.state, OrderState::Created);
    }
}

#[tokio::test]
async fn another_payload_or_another_principal_under_the_same_id_is_a_conflict_and_changes_nothing() {
    let table = shop();
    let mut other = body();
    other["paymentMethod"] = "pm_2".into();
    let batch = [
        message("m1", ORDER, "customer-1", body()),
        message("m2", ORDER, "customer-1", other),
        message("m3", ORDER, "customer-2", body()),
    ];
    assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
    let (record, _) = only(&table);
    assert_eq!(record.customer_id.as_str(), "customer-1");
    assert_eq!(record.order.unwrap().payment_method.as_str(), "pm_1");
    assert_eq!(table.conflicts.borrow().len(), 2);
}

#[tokio::test]
async fn a_refused_submission_is_a_rejected_order_with_its_reason() {
    for (pointer, value, reason) in [
        ("/lines/0/quantity", json!(0), "INVALID_QUANTITY"),
        ("/lines/0/quantity", json!(-1), "INVALID_QUANTITY"),
        ("/lines/0/sku", json!("KAYAK"), "UNKNOWN_SKU"),
        ("/lines/0/sku", json!("TENT 2P"), "MALFORMED_FIELD"),
        ("/expectedTotal/amount", json!(1), "PRICE_MISMATCH"),
        ("/paymentMethod", json!("4111111111111111"), "MALFORMED_FIELD"),
        ("/lines", json!([]), "NO_LINES"),
    ] {
        let table = shop();
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        assert!(
            handle(&table, &Noon, &(), &[message("m1", ORDER, "customer-1", body)]).await.ids().is_empty()
        );
        let (record, outbox) = only(&table);
        assert!(
            matches!(&record.state, OrderState::Rejected { reason: r } if r.as_str() == reason),
            "{reason}"
        );
        assert_eq!(record.order, None);
        assert_eq!(outbox[0].detail_type, "OrderRejected");
    }
}

#[tokio::test]
async fn an_order_id_that_is_no_uuid_is_refused_with_a_reason_and_not_kept() {
    let long = "a".repeat(256);
    for bad in ["", "42", "\",\"principal\":\"x", "x&MessageBody=y", long.as_str()] {
        let table = shop();
        assert!(
            handle(&table, &Noon, &(), &[message("m1", bad, "customer-1", body())]).await.ids().is_empty()
        );
        assert!(table.records.borrow().is_empty());
        let refused = table.refused.borrow()["m1"].clone();
        assert_eq!(refused.reason, INVALID_ORDER_ID);
        assert!(bad.is_empty() || !serde_json::to_string(&refused).unwrap().contains(bad));
    }
}

#[tokio::test]
async fn one_malformed_message_in_a_batch_fails_alone() {
    let table = shop();
    let other = "7e57d004-2b97-4e7a-b45f-5387367791ce";
    let third = "7e57d004-2b97-4e7a-b45f-5387367791cf";
    let batch = [
        message("m1", ORDER, "customer-1", body()),
        message("m2", other, "customer-1", "{"),
        message("m3", third, "not a principal", body()),
        message("m4", other, "customer-1", body()),
    ];
    assert_eq!(handle(&table, &Noon, &(), &batch).await.ids(), ["m2", "m3"]);
    assert_eq!(table.records.borrow().len(), 2);
}

#[tokio::test]
async fn a_busy_catalogue_fails_every_order_and_rejects_none() {
    let table = shop();
    table.trouble.down.set(true);
    let failures = handle(&table, &Noon, &(), &[message("m1", ORDER, "customer-1", body())]).await;
    assert_eq!(failures.ids(), ["m1"]);
    assert!(table.records.borrow().is_empty());
}

#[tokio::test]
async fn a_partner_s_order_has_the_channel_that_comes_with_the_partner() {
    for channel in Channel::PARTNERS {
        let table = shop();
        let message = partner_message("m1", channel.name(), partner_body());
        assert!(handle(&table, &Noon, &(), std::slice::from_ref(&message)).await.ids().is_empty());
        let (record, outbox) = only(&table);
        assert_eq!(record.customer_id.as_str(), "partner-acme");
        assert_eq!(record.order.unwrap().channel, channel);
        let detail: Value = serde_json::from_str(&outbox[0].detail).unwrap();
        assert_eq!(detail["data"]["channel"], channel.name());
        assert_eq!(detail["data"]["customerId"], "partner-acme");

        assert!(handle(&table, &Noon, &(), &[message]).await.ids().is_empty());
        assert!(table.conflicts.borrow().is_empty());
    }
}

#[tokio::test]
async fn nobody_chooses_a_channel_that_is_not_theirs() {
    let table = shop();
    let mut customer = body();
    customer["channel"] = "marketplace".into();
    let batch = [
        partner_message("in the body", "marketplace", body()),
        partner_message("ours", "web", partner_body()),
        partner_message("none", "", partner_body()),
        message("without", ORDER, "partner-acme", partner_body()),
    ];
    assert_eq!(
        handle(&table, &Noon, &(), &batch).await.ids(),
        ["in the body", "ours", "none", "without"],
        "the door lets none of them through"
    );
    assert!(table.records.borrow().is_empty());

    assert!(
        handle(&table, &Noon, &(), &[message("m", ORDER, "customer-1", customer)]).await.ids().is_empty()
    );
    let (record, _) = only(&table);
    assert!(matches!(record.state, OrderState::Rejected { reason } if reason.as_str() == "MALFORMED_FIELD"));
}

#[tokio::test]
async fn a_partner_and_a_customer_do_not_share_an_order() {
    let table = shop();
    let batch =
        [partner_message("m1", "marketplace", partner_body()), message("m2", ORDER, "customer-1", body())];
    assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
    assert_eq!(only(&table).0.customer_id.as_str(), "partner-acme");
    assert_eq!(table.conflicts.borrow().len(), 1);
}

#[tokio::test]
async fn an_order_that_its_customer_cancelled_before_it_came_is_rejected_and_nobody_hears_of_an_order() {
    let table = shop();
    let cancelled = |customer: &str| EarlyCancellation {
        order_id: OrderId::parse(ORDER).unwrap(),
        customer_id: CustomerId::parse(customer).unwrap(),
        requested_at: Noon.now(),
    };
    table.keep_early(&cancelled("customer-1"));
    let batch = [message("m1", ORDER, "customer-1", body()), message("m2", ORDER, "customer-1", body())];
    assert!(handle(&table, &Noon, &(), &batch).await.ids().is_empty());
    let (record, outbox) = only(&table);
    assert!(
        matches!(record.state, OrderState::Rejected { reason } if reason.as_str() == "CANCELLED_BY_CUSTOMER")
    );
    assert_eq!(record.order, None);
    assert_eq!(outbox[0].detail_type, "OrderRejected");
    assert_eq!(table.outboxes.published(), ["OrderRejected"]);
    assert!(table.conflicts.borrow().is_empty());
}

#[tokio::test]
async fn a_cancellation_that_somebody_else_sent_before_the_order_came_is_not_meant() {
    let table = shop();
    let order_id = OrderId::parse(ORDER).unwrap();
    let customer_id = CustomerId::parse("customer-2").unwrap();
    table.keep_early(&EarlyCancellation { order_id, customer_id, requested_at: Noon.now() });
    assert!(handle(&table, &Noon, &(), &[message("m1", ORDER, "customer-1", body())]).await.ids().is_empty());
    assert_eq!(only(&table).0.state, OrderState::Created);
}

#[tokio::test]
async fn each_decision_counts_once_however_often_it_is_submitted() {
    let (table, metrics) = (shop(), MemoryMetrics::default());
    let other = "00000000-0000-4000-8000-000000000002";
    let accepted = Message {
        sent_at: Some(Timestamp::from_millis(43_199_750)),
        ..message("m1", ORDER, "customer-1", body())
    };
    let mut unpriced = body();
    unpriced["lines"][0]["sku"] = "GHOST".into();
    let batch = [accepted, message("m2", other, "customer-1", unpriced)];
    for _ in 0..3 {
        assert!(handle(&table, &Noon, &metrics, &batch).await.ids().is_empty());
    }
    assert_eq!((metrics.total(ORDERS_ACCEPTED), metrics.total(ORDERS_REJECTED)), (1, 1));
    assert_eq!(metrics.values(INGESTION_LAG), [250], "of the message that says when it was sent");
}

#[tokio::test]
async fn a_conflict_and_an_order_that_is_not_written_count_as_nothing() {
    let (table, metrics) = (shop(), MemoryMetrics::default());
    table.trouble.down.set(true);
    let batch = [message("m1", ORDER, "customer-1", body())];
    assert_eq!(handle(&table, &Noon, &metrics, &batch).await.ids(), ["m1"]);
    assert_eq!(metrics.total(ORDERS_ACCEPTED), 0);
    table.trouble.down.set(false);
    assert!(handle(&table, &Noon, &metrics, &batch).await.ids().is_empty());
    let conflict = [message("m2", ORDER, "customer-2", body())];
    assert!(handle(&table, &Noon, &metrics, &conflict).await.ids().is_empty());
    assert_eq!(metrics.total(ORDERS_ACCEPTED), 1);
}

#[tokio::test]
async fn the_log_says_which_order_and_nothing_of_what_was_sent() {
    let (table, log) = (shop(), Log::default());
    let message_id = "00000000-0000-4000-8000-000000000001";
    let mut personal = body();
    personal["shippingAddressId"] = "ada-lovelace-12-larkspur-hollow".into();
    let batch = [
        message(message_id, ORDER, "customer-1", personal),
        message("odd", ORDER, "customer-1", "ada@example.com"),
        message("odder", "ada@example.com", "customer-1", body()),
    ];
    log.of(handle(&table, &Noon, &(), &batch)).await;
    let lines = log.lines();
    let recorded = lines.iter().find(|line| line["message"] == "order recorded").unwrap();
    assert_eq!(recorded["correlation_id"], ORDER);
    assert_eq!(recorded["order_id"], ORDER);
    assert_eq!(recorded["causation_id"], message_id);
    assert_eq!(lines.len(), 3, "{lines:?}");
    for secret in ["larkspur", "ada@", "customer-1", "TENT", "19900", "pm_1"] {
        assert!(!log.text().contains(secret), "{secret}: {}", log.text());
    }
}
