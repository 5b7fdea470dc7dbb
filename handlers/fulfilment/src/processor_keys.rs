//! The keys of the payment processor as a port. A key is shown once, when it is made; after that it is known by its id and
//! by the label that it was made with.

use std::time::Duration;

use lakeside_domain::time::Timestamp;
use lakeside_kit::secret::Secret;

use crate::outside::OutsideError;

/// Names a key without opening anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub String);

/// A key that is alive, as the processor's list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is, and what for.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What comes of asking for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// A new key.
    Key(Secret),
    /// So many are alive that there is no room for another.
    TooMany,
}

/// What the processor does for whoever has a key. Each call is told how long it may take.
pub trait ProcessorKeys {
    /// The id of `key`, if it opens anything. Changes nothing.
    async fn identify(&self, key: &Secret, patience: Duration) -> Result<Option<KeyId>, OutsideError>;

    /// The keys that are alive.
    async fn list(&self, opener: &Secret, patience: Duration) -> Result<Vec<KnownKey>, OutsideError>;

    /// Makes a key, at every call another one.
    async fn issue(&self, opener: &Secret, label: &str, patience: Duration) -> Result<Issued, OutsideError>;

    /// Ends a key, if it has not ended.
    async fn revoke(&self, opener: &Secret, id: &KeyId, patience: Duration) -> Result<(), OutsideError>;
}
