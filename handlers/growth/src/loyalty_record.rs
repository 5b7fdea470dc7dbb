//! Loyalty as it is stored: one item per order, forever, and one per account.

use lakeside_domain::{
    ids::{CustomerId, OrderId},
    loyalty::OrderPoints,
};
use serde::{Deserialize, Serialize};

/// What is known of an order's points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoyaltyRecord {
    /// The order.
    pub order_id: OrderId,
    /// What is known.
    #[serde(flatten)]
    pub known: OrderPoints,
    /// Counts the writes, from one; each one replaces exactly the one before.
    pub version: u64,
}

/// What happens to an account in the write that makes it true for the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Whose account.
    pub customer_id: CustomerId,
    /// Points that are given, or taken back if negative.
    pub points: i64,
}

/// A customer's points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRecord {
    /// Whose.
    pub customer_id: CustomerId,
    /// How many.
    pub points: i64,
}
