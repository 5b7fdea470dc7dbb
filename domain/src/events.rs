//! The identity of a fact. An event's id follows from what happened to what, never from when it was sent, so
//! that the same fact published twice carries the same id and consumers can tell.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of Lakeside's event ids (UUID version 5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_6b65_7369_6465_8000_6576_656e_7473);

/// The identity of one fact about one aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// The id of the fact called `detail_type` that happened to `aggregate` for the `occurrence`-th time.
    ///
    /// Facts that happen at most once to their aggregate have occurrence 1.
    pub fn derive(source: &str, aggregate: &str, detail_type: &str, occurrence: u64) -> Self {
        let name = format!("{source}\u{1f}{aggregate}\u{1f}{detail_type}\u{1f}{occurrence}");
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }

    /// An event id from 128 bits, as read from an event.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The 128 bits.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fact_has_the_same_id_and_another_fact_another() {
        let id = EventId::derive("lakeside.orders", "a", "OrderCreated", 1);
        assert_eq!(id, EventId::derive("lakeside.orders", "a", "OrderCreated", 1));
        for other in [
            EventId::derive("lakeside.inventory", "a", "OrderCreated", 1),
            EventId::derive("lakeside.orders", "b", "OrderCreated", 1),
            EventId::derive("lakeside.orders", "a", "OrderCancelled", 1),
            EventId::derive("lakeside.orders", "a", "OrderCreated", 2),
        ] {
            assert_ne!(id, other);
        }
    }
}
