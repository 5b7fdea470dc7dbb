//! Submissions and requests to cancel them: bodies, order ids and principals.

use futures::executor::block_on;
use lakeside_domain::{
    ids::{CustomerId, OrderId},
    order::OrderState,
};
use lakeside_kit::{
    memory::ManualClock,
    sqs::{Message, messages},
};
use lakeside_orders::{
    cancel_order,
    order_ingest::{INVALID_ORDER_ID, handle},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    batch::{GOOD, ODD, batch, events_fit, message, refused},
    corpus::{DOOR, ORDER, OTHER_ORDER, contract},
    explore::explore,
    mutation::{mutated, mutations, texts},
    orders_ports::{OrdersTable, catalogue},
};

const PRINCIPAL: &str = "1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10";

pub fn submission(id: &str, order_id: Option<&str>, principal: Option<&str>, body: String) -> Message {
    let mut message = message(id, body);
    let attributes = [("orderId", order_id), ("principal", principal)];
    message.attributes =
        attributes.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into()))).collect();
    message
}

/// Mostly `usual`, sometimes anything or nothing.
pub fn mostly(usual: &'static str) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        6 => Just(Some(usual.to_owned())),
        2 => texts().prop_map(Some),
        1 => (texts(), any::<bool>())
            .prop_map(move |(t, front)| Some(if front { t + usual } else { usual.to_owned() + &t })),
        1 => Just(None),
    ]
}

/// An order as it was accepted costs what the catalogue says, whatever the client wrote.
pub fn priced_by_us(table: &OrdersTable) -> Result<(), TestCaseError> {
    let prices = catalogue();
    for record in table.records.borrow().values() {
        prop_assert_eq!(record.order.is_some(), record.state == OrderState::Created);
        let Some(order) = &record.order else { continue };
        let mut total: i128 = 0;
        for line in &order.lines {
            prop_assert_eq!(Some(&line.unit_price), prices.get(&line.sku));
            total += i128::from(line.unit_price.amount()) * i128::from(line.quantity.units());
        }
        prop_assert_eq!(i128::from(order.total.amount()), total);
    }
    Ok(())
}

#[test]
fn a_submission_becomes_a_record_or_is_reported_and_its_neighbour_becomes_an_order() {
    let example = &contract("PlaceOrder").example;
    let inputs = (mutations(), mostly(ORDER), mostly(PRINCIPAL), any::<bool>());
    explore(8_000, &inputs, |(mutations, order_id, principal, good_first)| {
        let body = mutated(example, &mutations);
        let table = OrdersTable::default();
        let clock = ManualClock::at(1_795_770_060_000);
        let good = submission(GOOD, Some(OTHER_ORDER), Some(PRINCIPAL), example.to_string());
        let odd = submission(ODD, order_id.as_deref(), principal.as_deref(), body.clone());
        let batch = batch(good, odd, good_first);
        let failed = refused(&block_on(handle(&table, &clock, &(), &batch)))?;

        let first = table.records.borrow()[&OrderId::parse(OTHER_ORDER).unwrap()].clone();
        prop_assert_eq!(&first.state, &OrderState::Created);
        priced_by_us(&table)?;
        events_fit(&table.published.borrow())?;

        let order_id = order_id.as_deref().and_then(|id| OrderId::parse(id).ok());
        let principal = principal.as_deref().and_then(|p| CustomerId::parse(p).ok());
        let parsed = serde_json::from_str::<Value>(&body).ok();
        let past_the_door = parsed.is_some_and(|body| DOOR.is_valid(&body));
        let recorded = order_id.is_some_and(|id| table.records.borrow().contains_key(&id));
        let records = table.records.borrow().len();
        prop_assert_eq!(table.published.borrow().len(), records);
        match (principal, order_id) {
            (None, _) => prop_assert!(failed && records == 1),
            (Some(_), None) => {
                prop_assert!(!failed && records == 1);
                let kept = table.refused.borrow();
                prop_assert_eq!(kept.len(), 1);
                prop_assert_eq!(kept[0].0.as_str(), ODD);
                prop_assert_eq!(kept[0].1.reason.as_str(), INVALID_ORDER_ID);
                prop_assert!(kept[0].1.order_id_digest.bytes().all(|b| b.is_ascii_hexdigit()));
            }
            (Some(_), Some(_)) => {
                prop_assert_eq!(failed, !recorded);
                prop_assert!(!(failed && past_the_door), "lost what the door let through");
            }
        }

        // Again, and by somebody else under the first one's id: nothing changes but the list of conflicts.
        let before = (table.records.borrow().clone(), table.published.borrow().clone());
        prop_assert_eq!(refused(&block_on(handle(&table, &clock, &(), &batch)))?, failed);
        prop_assert!(table.conflicts.borrow().is_empty());
        let thief = submission(ODD, Some(OTHER_ORDER), Some("thief"), body);
        let unread = refused(&block_on(handle(&table, &clock, &(), &[thief])))?;
        prop_assert_eq!(table.conflicts.borrow().len(), usize::from(!unread));
        prop_assert!(before == (table.records.borrow().clone(), table.published.borrow().clone()));
        Ok(())
    });
}

#[test]
fn a_request_to_cancel_is_recorded_for_its_own_customer_or_kept_and_its_neighbour_is_recorded() {
    let bodies = prop_oneof![1 => Just("{}".to_owned()), 1 => texts()];
    let inputs = (bodies, mostly(ORDER), mostly("customer"), any::<bool>());
    explore(8_000, &inputs, |(body, order_id, principal, good_first)| {
        let table = OrdersTable::with_orders(&[ORDER, OTHER_ORDER]);
        let clock = ManualClock::at(1_795_770_060_000);
        let good = submission(GOOD, Some(OTHER_ORDER), Some("customer"), "{}".into());
        let odd = submission(ODD, order_id.as_deref(), principal.as_deref(), body);
        let batch = batch(good, odd, good_first);
        let failed = refused(&block_on(cancel_order::handle(&table, &clock, &(), &batch)))?;
        let requested = |id: &str| {
            let records = table.records.borrow();
            records[&OrderId::parse(id).unwrap()].cancellation_requested_at.is_some()
        };
        prop_assert!(requested(OTHER_ORDER));
        events_fit(&table.published.borrow())?;

        let order_id = order_id.as_deref().and_then(|id| OrderId::parse(id).ok());
        let principal = principal.as_deref().and_then(|p| CustomerId::parse(p).ok());
        prop_assert_eq!(failed, principal.is_none());
        let kept = (table.early.borrow().len(), table.refused.borrow().len());
        let known = order_id.is_some_and(|id| table.records.borrow().contains_key(&id));
        prop_assert_eq!(kept.0 == 1, !failed && order_id.is_some() && !known);
        prop_assert_eq!(kept.1 == 1, !failed && order_id.is_none());
        let mine = principal.is_some_and(|p| p.as_str() == "customer");
        prop_assert_eq!(requested(ORDER), mine && order_id == OrderId::parse(ORDER).ok());

        // Again: what was recorded is recorded once.
        let before = (table.records.borrow().clone(), table.published.borrow().clone());
        prop_assert_eq!(refused(&block_on(cancel_order::handle(&table, &clock, &(), &batch)))?, failed);
        prop_assert!(before == (table.records.borrow().clone(), table.published.borrow().clone()));
        Ok(())
    });
}

#[test]
fn a_batch_is_told_apart_by_its_ids_or_not_at_all() {
    let record = |id: Option<String>| {
        json!({
            "messageId": id, "receiptHandle": "r", "body": "{}", "md5OfBody": "m",
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {
                "orderId": {"stringValue": ORDER, "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            },
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:1:q", "awsRegion": "eu-central-1",
        })
    };
    let ids = || prop_oneof![4 => texts().prop_map(Some), 1 => Just(Some(String::new())), 1 => Just(None)];
    explore(10_000, &(ids(), ids(), mutations()), |(first, second, mutations)| {
        let event = json!({"Records": [record(first), record(second)]});
        let Ok(event) = serde_json::from_str(&mutated(&event, &mutations)) else { return Ok(()) };
        if let Ok(messages) = messages(event) {
            prop_assert!(messages.iter().all(|m| !m.id.is_empty()));
        }
        Ok(())
    });
}
