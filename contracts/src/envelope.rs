//! What every event carries beside its data, and how events arrive from EventBridge.

use std::fmt;

use lakeside_domain::events::EventId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{WireTime, bounds, schema};

/// The version of every contract so far.
pub const SCHEMA_VERSION: u32 = 1;

/// Who owns an event and its bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// Orders as customers know them.
    Orders,
    /// Stock.
    Inventory,
    /// The saga, payments and labels.
    Fulfilment,
    /// Loyalty, and what customers are told.
    Growth,
}

impl Domain {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Orders, Self::Inventory, Self::Fulfilment, Self::Growth];

    /// The bus's suffix and the folder of its contracts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Inventory => "inventory",
            Self::Fulfilment => "fulfilment",
            Self::Growth => "growth",
        }
    }

    /// EventBridge `source`.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Orders => "lakeside.orders",
            Self::Inventory => "lakeside.inventory",
            Self::Fulfilment => "lakeside.fulfilment",
            Self::Growth => "lakeside.growth",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an event comes from and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Metadata {
    /// The fact's identity: the same fact published twice carries the same id.
    #[schemars(schema_with = "schema::uuid")]
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: WireTime,
    /// Shared by everything that follows from one order: the order's id. Of stock that no order changed it is the
    /// change's id, and what tells only of a count begins a story of its own.
    #[schemars(schema_with = "schema::uuid")]
    pub correlation_id: Uuid,
    /// The id of the event or message that this one follows from.
    #[schemars(schema_with = "schema::uuid")]
    pub causation_id: Uuid,
    /// The major version of the event's contract.
    #[schemars(range(min = 1, max = 1))]
    #[serde(deserialize_with = "bounds::version")]
    pub schema_version: u32,
}

/// An event's `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Event<T> {
    /// Where it comes from.
    pub metadata: Metadata,
    /// What happened.
    pub data: T,
}

/// The data of one type of event.
pub trait EventData: Serialize + DeserializeOwned + JsonSchema {
    /// Whose event it is.
    const DOMAIN: Domain;
    /// EventBridge `detail-type`, in the past tense.
    const DETAIL_TYPE: &'static str;
}

/// The event could not be read as what it says it is.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It comes from elsewhere or is of another type.
    #[error("expected {expected}, got `{source_name}` `{detail_type}`")]
    Unexpected {
        /// The type that was wanted.
        expected: &'static str,
        /// EventBridge `source`.
        source_name: String,
        /// EventBridge `detail-type`.
        detail_type: String,
    },
    /// Its detail does not fit the contract.
    #[error("detail does not fit the contract of {expected}")]
    Malformed {
        /// The type that was wanted.
        expected: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// An event as EventBridge delivers it to a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// EventBridge's id of this delivery; not the fact's identity.
    #[serde(default)]
    pub id: String,
    /// The producer.
    pub source: String,
    /// The type.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Metadata and data, not yet read.
    pub detail: serde_json::Value,
    /// Set when the delivery comes from an archive.
    #[serde(rename = "replay-name", default, skip_serializing_if = "Option::is_none")]
    pub replay_name: Option<String>,
}

impl Delivery {
    /// Whether this is an event of type `T`.
    pub fn is<T: EventData>(&self) -> bool {
        self.source == T::DOMAIN.source() && self.detail_type == T::DETAIL_TYPE
    }

    /// Reads the detail as `T`.
    ///
    /// # Errors
    /// [`DecodeError`] if it is another event or does not fit the contract.
    pub fn decode<T: EventData>(&self) -> Result<Event<T>, DecodeError> {
        if !self.is::<T>() {
            return Err(DecodeError::Unexpected {
                expected: T::DETAIL_TYPE,
                source_name: self.source.clone(),
                detail_type: self.detail_type.clone(),
            });
        }
        Event::<T>::deserialize(&self.detail)
            .map_err(|source| DecodeError::Malformed { expected: T::DETAIL_TYPE, source })
    }
}
