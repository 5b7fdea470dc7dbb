//! The order as it is stored: one item per order id, forever.

use lakeside_domain::{
    ids::{CustomerId, OrderId},
    order::{Order, OrderState},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An order, or a submission that was refused under its order id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecord {
    /// The client's id.
    pub order_id: OrderId,
    /// Whose it is: the first to submit under this id.
    pub customer_id: CustomerId,
    /// SHA-256 of the first submission, in hex.
    pub fingerprint: String,
    /// Where it stands.
    pub state: OrderState,
    /// What was accepted; absent if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// When its customer first asked to cancel it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_requested_at: Option<Timestamp>,
    /// When a saga of it last gave up and was left to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked_at: Option<Timestamp>,
    /// Counts the writes; each one replaces exactly the one before.
    pub version: u64,
}

/// A submission under an id that belongs to another one. Kept for operations; its sender sees the first order or
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictRecord {
    /// Under which id.
    pub order_id: OrderId,
    /// Who sent it.
    pub customer_id: CustomerId,
    /// SHA-256 of it, in hex.
    pub fingerprint: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// A request to cancel an order that has not come. Kept for thirty days, which is longer than a submission can be on its
/// way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlyCancellation {
    /// Of which order.
    pub order_id: OrderId,
    /// Who asked; an order of somebody else is not meant.
    pub customer_id: CustomerId,
    /// When it came.
    pub requested_at: Timestamp,
}

/// A submission, or a request to cancel one, that could not even be recorded as an order's. Kept for operations for
/// thirty days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRecord {
    /// Why, as a code.
    pub reason: String,
    /// SHA-256 of the order id that was sent, in hex: the text itself may hold anything.
    pub order_id_digest: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// What became of a first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It is the first under its id.
    Created,
    /// There is one already.
    Exists(Box<OrderRecord>),
    /// Its customer has cancelled it before it came.
    CancelledFirst,
}

/// What became of a later write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Written.
    Yes,
    /// Somebody else wrote in between: read and decide again.
    Stale,
}
