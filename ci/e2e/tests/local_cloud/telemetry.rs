//! What the functions say of themselves: one order followed through every log by its id alone, and what they count.

use std::{collections::BTreeMap, ops::ControlFlow};

use anyhow::Context;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, correlation_id, event_id},
    growth::Growth,
    logs::{self, Line},
    poll::eventually,
    shop::{PATIENCE, Shop},
};
use serde_json::Value;

/// Who says something of an order that is fulfilled, and on account of which events and commands.
const HANDLED: &[(&str, &[&str])] = &[
    ("reserve-stock", &["OrderCreated", "ReserveStock"]),
    ("start-fulfilment", &["OrderCreated"]),
    ("capture-payment", &["CapturePayment"]),
    ("allocate", &["AllocateStock"]),
    ("create-label", &["CreateLabel"]),
    ("advance-order", &["PaymentCaptured", "FulfilmentCompleted"]),
    ("order-status", EVENTS),
    ("notify-customer", &["OrderCreated", "OrderConfirmed", "OrderFulfilled"]),
    ("accrue-loyalty", &["OrderCreated", "OrderFulfilled"]),
];

/// Who brings which of its events to the bus. The saga says by itself that it has completed the order.
const PUBLISHED: &[(&str, &[&str])] = &[
    ("orders-publish-outbox", &["OrderCreated", "OrderConfirmed", "OrderFulfilled"]),
    ("inventory-publish-outbox", &["StockReserved", "StockCommitted", "WarehouseAllocated"]),
    ("fulfilment-publish-outbox", &["PaymentCaptured", "ShipmentLabelled"]),
    ("growth-publish-outbox", &["CustomerNotified", "LoyaltyPointsAccrued"]),
];

/// What its customer sees of it.
const EVENTS: &[&str] = &[
    "OrderCreated",
    "StockReserved",
    "PaymentCaptured",
    "OrderConfirmed",
    "WarehouseAllocated",
    "StockCommitted",
    "ShipmentLabelled",
    "FulfilmentCompleted",
    "OrderFulfilled",
];

/// What is counted on the way, and by whom.
const COUNTED: &[(&str, &[&str])] = &[
    ("order-ingest", &["OrdersAccepted", "IngestionLag"]),
    ("reserve-stock", &["ReservationsMade"]),
    ("capture-payment", &["PaymentsCaptured", "PaymentLatency"]),
    ("create-label", &["LabelsCreated"]),
    ("advance-order", &["OrdersFulfilled", "FulfilmentTime"]),
    ("notify-customer", &["CustomersNotified"]),
    ("orders-publish-outbox", &["EventsPublished", "OutboxLag"]),
];

/// The hops that left no line.
fn missing(shop: &Shop, lines: &[Line]) -> Vec<String> {
    let said = |function: &str, field: &str, name: &str| {
        let function = shop.cloud.name(function);
        lines.iter().any(|line| line.text("function") == Some(&function) && line.text(field) == Some(name))
    };
    let hops = |table: &'static [(&'static str, &'static [&'static str])], field: &'static str| {
        table
            .iter()
            .flat_map(move |(function, names)| names.iter().map(move |name| (*function, field, *name)))
    };
    let door = [
        ("order-ingest", "message", "order recorded"),
        ("order-ingest", "message", "message handled"),
        ("order-query", "message", "order asked for"),
    ];
    door.into_iter()
        .chain(hops(HANDLED, "message_type"))
        .chain(hops(PUBLISHED, "event_type"))
        .filter(|(function, field, name)| !said(function, field, name))
        .map(|(function, _, name)| format!("{function} on {name}"))
        .collect()
}

#[tokio::test]
async fn one_order_is_followed_through_every_log_by_its_id_without_a_gap() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = shop.goods(5).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    let mut capture = Capture::of_orders(&shop.cloud, &[order.order_id]).await?;
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let notices = [("CONFIRMED", "SENT"), ("FULFILLED", "SENT")];
    Growth::settled(&shop.cloud, order.order_id, "ACCRUED", &notices, PATIENCE).await?;
    let said = PUBLISHED.iter().flat_map(|(_, events)| events.iter().copied()).chain(["FulfilmentCompleted"]);
    let said: Vec<&str> = said.collect();
    capture.hear(&shop.cloud, &[order.order_id], &said, PATIENCE).await?;
    let lines = eventually("a line from every hop", PATIENCE, async || {
        let lines = logs::about(&shop.cloud, order.order_id).await?;
        let missing = missing(&shop, &lines);
        Ok(if missing.is_empty() {
            ControlFlow::Break(lines)
        } else {
            ControlFlow::Continue(missing.join(", "))
        })
    })
    .await?;

    // The door's message begins it all; it has no cause.
    let ingest = shop.cloud.name("order-ingest");
    let ingested = |line: &&Line| {
        line.text("function") == Some(&ingest) && line.text("message") == Some("message handled")
    };
    let door = lines.iter().find(ingested).context("nothing was ingested")?;
    let root = door.text("message_id").context("a message without an id")?.to_owned();
    let facts: BTreeMap<&str, (&str, &str)> = capture
        .heard
        .iter()
        .filter_map(|event| {
            let cause = event.detail.pointer("/metadata/causationId")?.as_str()?;
            Some((event_id(event)?, (event.detail_type.as_str(), cause)))
        })
        .collect();
    for event in &capture.heard {
        assert_eq!(correlation_id(event), Some(order.order_id));
    }
    for line in &lines {
        for field in ["request_id", "trigger", "order_id"] {
            assert!(line.text(field).is_some_and(|text| !text.is_empty()), "{field} in {line:?}");
        }
        assert!(line.0.get("cold_start").is_some_and(Value::is_boolean), "{line:?}");
        if line.text("trigger") == Some("request") {
            // Whoever asks follows from nothing.
            continue;
        }
        let mut cause = line.text("causation_id").with_context(|| format!("no cause in {line:?}"))?;
        if let Some(name) = line.text("message_type").filter(|name| said.contains(name)) {
            assert_eq!(facts.get(cause).map(|(event, _)| *event), Some(name), "{line:?}");
        }
        let mut steps = 0;
        while cause != root {
            let (_, earlier) =
                facts.get(cause).with_context(|| format!("nobody said {cause} of {line:?}"))?;
            cause = earlier;
            steps += 1;
            assert!(steps <= facts.len(), "a circle of causes: {line:?}");
        }
    }
    capture.close(&shop.cloud).await
}

#[tokio::test]
async fn what_the_functions_count_is_in_their_logs_as_cloudwatch_reads_it() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = shop.goods(5).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    Growth::settled(&shop.cloud, order.order_id, "ACCRUED", &[("FULFILLED", "SENT")], PATIENCE).await?;
    eventually("every count", PATIENCE, async || {
        let lines = logs::all(&shop.cloud).await?;
        let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let counted = |function: &str, metric: &str| {
            let function = shop.cloud.name(function);
            lines.iter().any(|line| {
                let directive = line.pointer("/_aws/CloudWatchMetrics/0");
                let namespace = directive.and_then(|directive| directive.get("Namespace"));
                let metrics =
                    directive.and_then(|directive| directive.get("Metrics")).and_then(Value::as_array);
                namespace.and_then(Value::as_str) == Some("Lakeside")
                    && line.get("Function").and_then(Value::as_str) == Some(&function)
                    && metrics.into_iter().flatten().any(|one| one.get("Name") == Some(&metric.into()))
                    && line.get(metric).is_some()
            })
        };
        let hops =
            COUNTED.iter().flat_map(|(function, metrics)| metrics.iter().map(move |m| (*function, *m)));
        let missing: Vec<String> = hops
            .filter(|(function, metric)| !counted(function, metric))
            .map(|(function, metric)| format!("{metric} of {function}"))
            .collect();
        Ok(if missing.is_empty() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(missing.join(", "))
        })
    })
    .await
}
