//! What may be shown of a message: its form, and references. Never personal data, and never a task token.
//!
//! A dead letter may hold anything, so nothing is shown that is not known to be harmless: fields that contracts have, and in
//! them numbers, times, ids, codes and handles.

use lakeside_domain::ids::{AddressId, NodeId, PaymentMethod, ReasonCode, Sku};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Fields that our events and commands, and those of AWS around them, have.
const FIELDS: &[&str] = &[
    "account",
    "amount",
    "available",
    "causationId",
    "channel",
    "command",
    "correlationId",
    "currency",
    "customerId",
    "data",
    "detail",
    "detail-type",
    "eventId",
    "expectedTotal",
    "executionArn",
    "expiresAt",
    "id",
    "kind",
    "lines",
    "marketplace",
    "metadata",
    "name",
    "node",
    "occurredAt",
    "orderId",
    "paymentMethod",
    "quantity",
    "reason",
    "region",
    "resources",
    "schemaVersion",
    "shipment",
    "shipments",
    "shipmentId",
    "shippingAddressId",
    "sku",
    "source",
    "stateMachineArn",
    "status",
    "step",
    "taskToken",
    "time",
    "total",
    "unitPrice",
    "units",
    "version",
    "requestContext",
    "condition",
    "approximateInvokeCount",
    "functionArn",
    "DDBStreamBatchInfo",
    "shardId",
    "startSequenceNumber",
    "endSequenceNumber",
    "batchSize",
];

/// The body of a message, as far as it may be shown.
pub fn body(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(
        |_| Value::String(format!("[{} bytes that are no JSON]", text.len())),
        |value| self::value(None, value),
    )
}

fn value(field: Option<&str>, value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut shown = Map::new();
            let mut hidden = 0;
            for (name, inner) in fields {
                if FIELDS.contains(&name.as_str()) {
                    let inner = self::value(Some(&name), inner);
                    shown.insert(name, inner);
                } else {
                    hidden += 1;
                }
            }
            if hidden > 0 {
                shown.insert("[unknown fields]".into(), hidden.into());
            }
            Value::Object(shown)
        }
        Value::Array(items) => items.into_iter().map(|item| self::value(field, item)).collect(),
        Value::String(text) if field == Some("taskToken") => {
            format!("[task token of {} characters]", text.len()).into()
        }
        Value::String(text) if harmless(field, &text) => text.into(),
        Value::String(text) => format!("[text of {} characters]", text.chars().count()).into(),
        Value::Number(number) if small(&number) => Value::Number(number),
        Value::Number(_) => "[a large number]".into(),
        other => other,
    }
}

/// Numbers beyond any amount of ours could be those of cards or telephones.
fn small(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|number| number.abs() < 1_000_000_000)
}

fn harmless(field: Option<&str>, text: &str) -> bool {
    let is = |name| field == Some(name);
    Uuid::try_parse(text).is_ok()
        || lakeside_contracts::WireTime::try_from(text.to_owned()).is_ok()
        || (is("reason") && ReasonCode::parse(text).is_ok())
        || (is("sku") && Sku::parse(text).is_ok())
        || (is("node") && NodeId::parse(text).is_ok())
        || (is("paymentMethod") && PaymentMethod::parse(text).is_ok())
        || (is("shippingAddressId") && AddressId::parse(text).is_ok())
        || (is("currency") && text.len() == 3)
        || (is("source") && (text.starts_with("lakeside.") || text.starts_with("aws.")) && plain(text))
        || (["detail-type", "command", "step"].iter().any(|name| is(name)) && word(text))
        || (["condition", "status", "channel", "kind"].iter().any(|name| is(name)) && word(text))
        || (["executionArn", "stateMachineArn", "functionArn", "resources"].iter().any(|name| is(name))
            && text.starts_with("arn:aws")
            && plain(text))
        || (["shardId", "startSequenceNumber", "endSequenceNumber"].iter().any(|name| is(name))
            && plain(text))
}

/// One or a few words of Latin letters, as types and states are named.
fn word(text: &str) -> bool {
    text.len() <= 48 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ' || byte == b'_')
}

fn plain(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}

/// A line of text with everything out of it that could be personal or open something: addresses of mail, long numbers, and
/// long runs of characters that are no UUID.
pub fn line(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = bare.bytes().filter(u8::is_ascii_digit).count();
        let opaque = bare.len() > 64 && !bare.starts_with("arn:aws");
        let card =
            digits >= 9 && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'+');
        if word.contains('@') || (Uuid::try_parse(bare).is_err() && (opaque || card)) {
            "[hidden]"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_shows_its_order_and_amount_and_never_its_token() {
        let command = json!({
            "command": "CapturePayment", "orderId": "7e57d004-2b97-4e7a-b45f-5387367791cd", "taskToken": "AQB8secret",
            "amount": { "amount": 24_900, "currency": "USD" }, "paymentMethod": "pm_card_on_file",
        });
        let shown = body(&command.to_string());
        assert_eq!(shown["command"], "CapturePayment");
        assert_eq!(shown["orderId"], "7e57d004-2b97-4e7a-b45f-5387367791cd");
        assert_eq!(shown["amount"], json!({ "amount": 24_900, "currency": "USD" }));
        assert_eq!(shown["taskToken"], "[task token of 10 characters]");
        assert!(!shown.to_string().contains("secret"));
    }

    #[test]
    fn personal_data_is_shown_neither_as_value_nor_as_name_of_a_field_nor_as_number() {
        let bad = json!({
            "Jane Doe": 1, "email": "jane@example.com", "sku": "jane@example.com", "reason": "Jane moved to Berlin",
            "detail": { "name": "Jane Doe", "amount": 4_111_111_111_111_111_i64, "status": ["Jane Doe 7"] },
        });
        let shown = body(&bad.to_string()).to_string();
        for secret in ["Jane", "jane", "Berlin", "4111"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("[unknown fields]"));
    }

    #[test]
    fn what_is_no_json_is_counted_and_not_shown() {
        assert_eq!(body("Jane Doe"), json!("[8 bytes that are no JSON]"));
    }

    #[test]
    fn a_line_of_a_log_loses_addresses_numbers_and_tokens_and_keeps_ids() {
        let token = "x".repeat(80);
        let line = line(&format!(
            "order 7e57d004-2b97-4e7a-b45f-5387367791cd of jane@example.com, 4111111111111111 {token}"
        ));
        assert_eq!(line, "order 7e57d004-2b97-4e7a-b45f-5387367791cd of [hidden] [hidden] [hidden]");
    }
}
