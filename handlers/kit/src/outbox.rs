//! The transactional outbox: a write carries the events it causes in its own item, so that the table and the bus
//! cannot disagree. The table's stream brings them to the bus.

use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use lakeside_contracts::{Event, EventData, Metadata, SCHEMA_VERSION, WireTime};
use lakeside_domain::{events::EventId, time::Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    dynamo::{Item, StoreError},
    trace::{self, TraceHeader},
};

/// The attribute that carries the events of an item's latest write.
pub const ATTRIBUTE: &str = "outbox";

/// One event, ready for the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The fact's identity.
    pub event_id: EventId,
    /// EventBridge `source`.
    pub source: String,
    /// EventBridge `detail-type`.
    pub detail_type: String,
    /// EventBridge `detail`, as JSON text.
    pub detail: String,
    /// The trace in which it was written. Beside the event, for it says nothing of what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<TraceHeader>,
}

/// What an event follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Shared by everything about one order, or one change of stock that no order makes.
    pub correlation_id: Uuid,
    /// The event or message that was handled.
    pub causation_id: Uuid,
}

impl Cause {
    /// Everything about `aggregate` that follows from the event or message `causation_id`.
    pub fn of(aggregate: impl Into<Uuid>, causation_id: Uuid) -> Self {
        Self { correlation_id: aggregate.into(), causation_id }
    }

    /// A SQS message id as a cause. SQS issues UUIDs; anything else is hashed into one.
    pub fn message(aggregate: impl Into<Uuid>, message_id: &str) -> Self {
        let correlation_id = aggregate.into();
        let causation_id = Uuid::try_parse(message_id)
            .unwrap_or_else(|_| Uuid::new_v5(&correlation_id, message_id.as_bytes()));
        Self { correlation_id, causation_id }
    }

    /// The write behind `record` of a stream, as the cause of a fact that begins a story of its own.
    pub fn record(fact: EventId, record: &str) -> Self {
        let correlation_id = fact.as_uuid();
        Self { correlation_id, causation_id: Uuid::new_v5(&correlation_id, record.as_bytes()) }
    }
}

/// The entry of a fact that happens to `aggregate` at most once.
///
/// # Errors
/// [`StoreError::Malformed`] if `data` has no JSON form.
pub fn entry<T: EventData>(
    aggregate: impl Display,
    cause: Cause,
    now: Timestamp,
    data: T,
) -> Result<Entry, StoreError> {
    fact_entry(event_id::<T>(aggregate, 1), cause, now, data)
}

/// The identity of the fact `T` that happens to `aggregate` for the `occurrence`-th time.
pub fn event_id<T: EventData>(aggregate: impl Display, occurrence: u64) -> EventId {
    EventId::derive(T::DOMAIN.source(), &aggregate.to_string(), T::DETAIL_TYPE, occurrence)
}

/// The entry of the fact `event_id`.
///
/// # Errors
/// [`StoreError::Malformed`] if `data` has no JSON form.
pub fn fact_entry<T: EventData>(
    event_id: EventId,
    cause: Cause,
    now: Timestamp,
    data: T,
) -> Result<Entry, StoreError> {
    let metadata = Metadata {
        event_id,
        occurred_at: WireTime(now),
        correlation_id: cause.correlation_id,
        causation_id: cause.causation_id,
        schema_version: SCHEMA_VERSION,
    };
    let detail = serde_json::to_string(&Event { metadata, data }).map_err(|e| StoreError::Malformed {
        key: format!("{}/{event_id}", T::DETAIL_TYPE),
        source: e.into(),
    })?;
    Ok(Entry {
        event_id,
        source: T::DOMAIN.source().into(),
        detail_type: T::DETAIL_TYPE.into(),
        detail,
        trace_header: trace::current(),
    })
}

/// The outbox attribute that holds `entries`.
///
/// # Errors
/// [`StoreError::Malformed`] never in practice: entries are strings.
pub fn attribute(entries: &[Entry]) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(entries)
        .map_err(|e| StoreError::Malformed { key: ATTRIBUTE.into(), source: e.into() })
}

/// Puts `entries` into `item`; an item without events has no outbox.
///
/// # Errors
/// As [`attribute`].
pub fn attach(item: &mut Item, entries: &[Entry]) -> Result<(), StoreError> {
    if !entries.is_empty() {
        item.insert(ATTRIBUTE.into(), attribute(entries)?);
    }
    Ok(())
}
