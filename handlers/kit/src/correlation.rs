//! Whose story a line of the log belongs to, and what it follows from.
//!
//! | what is handled | `correlation_id` | `causation_id` |
//! |---|---|---|
//! | an event | of the event | the event |
//! | a command of the saga, or of `route-stock` | of the command | the event that it says it follows from |
//! | what the door wrote to a queue, and AdjustStock | the id of the order, the sale or the adjustment | the queue's message |
//! | an entry of an outbox | of the event | what the event says it follows from |
//!
//! A schedule, a request to read and the rotation of a key follow from no event and are nobody's story: their lines have
//! neither, and `trigger` says why. Where one of them comes upon an order, that line has the order's.
//!
//! Ids are read from what came as UUIDs and are nothing else, so that nothing of what anybody wrote gets into the log.

use std::borrow::Cow;

use lakeside_contracts::{WireTime, commands::Command};
use lakeside_domain::{ids::OrderId, time::Timestamp};
use serde::Deserialize;
use tracing::{Level, Span, field::display};
use uuid::Uuid;

use crate::{
    outbox::{Cause, Entry},
    sqs::Message,
};

/// Message attributes of the door: the order, or the sale.
const DOOR: [&str; 2] = ["orderId", "saleId"];
/// The name of a span that is there for the fields of a line alone.
pub(crate) const LINE: &str = "line";
/// Longer than the name of any event or command.
const MAX_NAME: usize = 64;

/// A span that says where `$of` belongs. It is there at every level of the log.
macro_rules! span_of {
    ($name:expr, $of:expr) => {
        tracing::error_span!(
            $name,
            correlation_id = $of.correlation_id.map(display),
            causation_id = $of.causation_id.map(display),
            order_id = $of.order_id.map(display),
            message_type = $of.message_type,
        )
    };
}

/// Where something belongs, as far as it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correlation {
    /// Shared by everything about one order, or one change of stock that no order makes.
    pub correlation_id: Option<Uuid>,
    /// What it follows from.
    pub causation_id: Option<Uuid>,
    /// The order, if it is about one.
    pub order_id: Option<Uuid>,
    /// The name of the event or the command.
    pub message_type: Option<String>,
}

impl Correlation {
    /// Of a message from a queue.
    pub fn of_message(message: &Message) -> Self {
        let message_id = Uuid::try_parse(&message.id).ok();
        if let Some(name) = DOOR.into_iter().find(|name| message.attributes.contains_key(*name)) {
            let id = message.attributes.get(name).and_then(|id| Uuid::try_parse(id).ok());
            let order_id = id.filter(|_| name == "orderId");
            return Self { correlation_id: id, causation_id: message_id, order_id, message_type: None };
        }
        let Ok(body) = serde_json::from_str::<Body<'_>>(&message.body) else {
            return Self { causation_id: message_id, ..Self::default() };
        };
        let message_type = body.detail_type.or(body.command).and_then(name);
        if let Some(Detail { metadata, data }) = body.detail {
            return Self {
                correlation_id: metadata.correlation_id,
                causation_id: metadata.event_id.or(body.id),
                order_id: data.order_id,
                message_type,
            };
        }
        Self {
            correlation_id: body.metadata.correlation_id.or(body.adjustment_id),
            causation_id: body.metadata.causation_id.or(message_id),
            order_id: body.order_id,
            message_type,
        }
    }

    /// Of a command that the saga invokes a function with.
    pub fn of_command(command: &Command) -> Self {
        let (order_id, metadata) = command.origin();
        Self {
            correlation_id: Some(metadata.correlation_id),
            causation_id: Some(metadata.causation_id),
            order_id: Some(order_id.as_uuid()),
            message_type: Some(command.name().to_owned()),
        }
    }

    /// Of an order to which something happens because of `cause`.
    pub fn of_order(order_id: OrderId, cause: Cause) -> Self {
        Self {
            correlation_id: Some(cause.correlation_id),
            causation_id: Some(cause.causation_id),
            order_id: Some(order_id.as_uuid()),
            message_type: None,
        }
    }

    /// The span whose fields every line within has.
    pub fn span(&self) -> Span {
        span_of!("handling", self)
    }
}

/// Says about which order the span around the caller is, where that is known only now.
pub fn found(order_id: OrderId) {
    let span = Span::current();
    span.record("correlation_id", display(order_id));
    span.record("order_id", display(order_id));
}

/// The span of a message. What is in the message is looked at only if somebody listens.
pub fn span(message: &Message) -> Span {
    if tracing::span_enabled!(Level::ERROR) { Correlation::of_message(message).span() } else { Span::none() }
}

/// The span of a line about a message whose work is done. Nobody but the log hears of it.
pub(crate) fn span_of_line(message: &Message) -> Span {
    if !tracing::span_enabled!(Level::ERROR) {
        return Span::none();
    }
    let correlation = Correlation::of_message(message);
    span_of!(LINE, correlation)
}

/// What the outbox's entry of an event says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Where it belongs.
    pub correlation: Correlation,
    /// When it was written.
    pub occurred_at: Option<Timestamp>,
}

impl Announced {
    /// Of an entry.
    pub fn by(entry: &Entry) -> Self {
        let Detail { metadata, data } = serde_json::from_str(&entry.detail).unwrap_or_default();
        Self {
            correlation: Correlation {
                correlation_id: metadata.correlation_id,
                causation_id: metadata.causation_id,
                order_id: data.order_id,
                message_type: None,
            },
            occurred_at: metadata.occurred_at.map(|time| time.0),
        }
    }
}

/// The name of an event or a command; nothing else is a name.
fn name(text: Cow<'_, str>) -> Option<String> {
    let sound = text.len() <= MAX_NAME && text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    sound.then(|| text.into_owned())
}

/// The parts of a message's body that say where it belongs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: Option<Uuid>,
    #[serde(rename = "detail-type", borrow)]
    detail_type: Option<Cow<'a, str>>,
    detail: Option<Detail>,
    #[serde(borrow)]
    command: Option<Cow<'a, str>>,
    order_id: Option<Uuid>,
    adjustment_id: Option<Uuid>,
    #[serde(default)]
    metadata: Ids,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    metadata: Ids,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ids {
    event_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    causation_id: Option<Uuid>,
    occurred_at: Option<WireTime>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    order_id: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lakeside_contracts::generate::documents;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    fn message(body: &Value) -> Message {
        Message { id: ID.into(), body: body.to_string(), ..Message::default() }
    }

    fn id(text: &Value) -> Option<Uuid> {
        Some(text.as_str()?.parse().unwrap())
    }

    #[test]
    fn every_event_says_where_it_belongs_and_is_what_follows_from_it() {
        let mut events = 0;
        for document in documents().unwrap() {
            if !(document.path.starts_with("events/") && document.path.ends_with("/examples/v1.json")) {
                continue;
            }
            let detail: Value = serde_json::from_str(&document.text).unwrap();
            let said = Correlation::of_message(&message(&json!({
                "id": "00000000-0000-4000-8000-000000000001", "source": "lakeside.orders",
                "detail-type": "OrderCreated", "detail": detail,
            })));
            assert_eq!(said.correlation_id, id(&detail["metadata"]["correlationId"]), "{}", document.path);
            assert_eq!(said.causation_id, id(&detail["metadata"]["eventId"]));
            assert!(said.correlation_id.is_some() && said.causation_id.is_some());
            assert_eq!(said.order_id, id(&detail["data"]["orderId"]));
            assert_eq!(said.message_type.as_deref(), Some("OrderCreated"));
            events += 1;
        }
        assert!(events > 20, "{events}");
    }

    #[test]
    fn every_command_says_where_it_belongs() {
        let mut commands = 0;
        for document in documents().unwrap() {
            if !(document.path.starts_with("commands/") && document.path.ends_with("/examples/v1.json")) {
                continue;
            }
            let body: Value = serde_json::from_str(&document.text).unwrap();
            let Some(command) = body["command"].as_str() else { continue };
            let said = Correlation::of_message(&message(&body));
            if command == "AdjustStock" {
                // Whoever asks for it has no event to name.
                assert_eq!(said.correlation_id, id(&body["adjustmentId"]));
                assert_eq!(said.causation_id, ID.parse().ok());
            } else {
                assert_eq!(said.correlation_id, id(&body["metadata"]["correlationId"]), "{command}");
                assert_eq!(said.causation_id, id(&body["metadata"]["causationId"]), "{command}");
            }
            assert!(said.correlation_id.is_some() && said.causation_id.is_some(), "{command}");
            assert_eq!(said.message_type.as_deref(), Some(command));
            if let Ok(read) = serde_json::from_value::<Command>(body) {
                assert_eq!(Correlation::of_command(&read), said);
            }
            commands += 1;
        }
        assert!(commands > 8, "{commands}");
    }

    #[test]
    fn what_the_door_wrote_is_the_order_s_and_follows_from_its_message() {
        let mut submission = message(&json!({"metadata": {"correlationId": ID}, "command": "Mine"}));
        submission.attributes = HashMap::from([("orderId".into(), ID.into())]);
        let own = ID.parse().ok();
        let expected =
            Correlation { correlation_id: own, causation_id: own, order_id: own, message_type: None };
        assert_eq!(Correlation::of_message(&submission), expected);
        submission.attributes = HashMap::from([("saleId".into(), ID.into())]);
        assert_eq!(Correlation::of_message(&submission), Correlation { order_id: None, ..expected });
    }

    #[test]
    fn nothing_that_somebody_wrote_gets_into_the_log() {
        let person = "Ada Lovelace <ada@example.com>";
        let mut odd = message(&json!({
            "detail-type": person, "detail": {"metadata": {"correlationId": person}}, "command": person,
        }));
        let nothing = Correlation { causation_id: ID.parse().ok(), ..Correlation::default() };
        assert_eq!(Correlation::of_message(&odd), nothing);
        odd.attributes = HashMap::from([("orderId".into(), person.into())]);
        assert_eq!(Correlation::of_message(&odd), nothing);
        odd = message(&json!({"command": person, "metadata": {"correlationId": ID}}));
        assert_eq!(Correlation::of_message(&odd).message_type, None);
        odd = Message { body: person.into(), ..odd };
        assert_eq!(Correlation::of_message(&odd), nothing);
    }

    #[test]
    fn an_entry_says_what_its_event_follows_from_and_when_it_was_written() {
        let detail = json!({
            "metadata": {"correlationId": ID, "causationId": ID, "occurredAt": "2026-11-27T09:01:00.000Z"},
            "data": {"orderId": ID},
        });
        let entry = Entry {
            event_id: lakeside_domain::events::EventId::derive("lakeside.orders", "a", "A", 1),
            source: "lakeside.orders".into(),
            detail_type: "A".into(),
            detail: detail.to_string(),
            trace_header: None,
        };
        let Announced { correlation, occurred_at } = Announced::by(&entry);
        let own = ID.parse().ok();
        assert_eq!((correlation.correlation_id, correlation.causation_id), (own, own));
        assert_eq!(correlation.order_id, own);
        assert_eq!(occurred_at.unwrap().as_millis(), 1_795_770_060_000);
    }
}
