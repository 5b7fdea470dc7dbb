//! Messages as queues deliver them.

use lakeside_domain::time::Timestamp;
use lakeside_kit::{outbox::Entry, sqs::Message};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::BATCH;

/// A message with this body and these attributes.
fn message(number: u32, body: &Value, attributes: &[(&str, &str)]) -> Message {
    Message {
        id: Uuid::from_u128(number.into()).to_string(),
        body: body.to_string(),
        attributes: attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        receive_count: 1,
        sent_at: Some(Timestamp::from_millis(0)),
        ..Message::default()
    }
}

/// What the door takes: an order of two lines each.
pub fn submissions() -> Vec<Message> {
    let body = json!({
        "channel": "web",
        "lines": [{"sku": "TENT", "quantity": 1}, {"sku": "STOVE", "quantity": 2}],
        "expectedTotal": {"amount": 29_700, "currency": "USD"},
        "paymentMethod": "pm_1", "shippingAddressId": "addr_1",
    });
    (1..=BATCH)
        .map(|number| {
            let order_id = Uuid::from_u128(number.into()).to_string();
            message(number, &body, &[("orderId", &order_id), ("principal", "customer-1")])
        })
        .collect()
}

/// What a rule hands on of these events.
pub fn events(entries: &[Entry], detail_type: &str) -> Vec<Message> {
    let of_type = entries.iter().filter(|entry| entry.detail_type == detail_type);
    (1..)
        .zip(of_type)
        .map(|(number, entry)| {
            let detail: Value = serde_json::from_str(&entry.detail).unwrap_or_default();
            let body = json!({
                "version": "0", "id": Uuid::from_u128(number.into()).to_string(), "account": "111122223333",
                "time": "2026-11-27T09:01:00Z", "region": "us-east-1", "resources": [],
                "source": entry.source, "detail-type": entry.detail_type, "detail": detail,
            });
            message(number, &body, &[])
        })
        .collect()
}

/// What the saga asks for.
pub fn commands(bodies: impl IntoIterator<Item = Value>) -> Vec<Message> {
    (1..).zip(bodies).map(|(number, body)| message(number, &body, &[])).collect()
}
