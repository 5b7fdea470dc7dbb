//! A change of stock that no order made, as it is stored: one item per id, forever, and what contradicted it.

use lakeside_domain::{
    adjustment::{Adjustment, PoolChange},
    ids::{AdjustmentId, ReasonCode},
    time::Timestamp,
};
use lakeside_kit::dynamo::Key;
use serde::{Deserialize, Serialize};

/// The key of an adjustment.
pub fn adjustment_key(id: AdjustmentId) -> Key {
    Key::new(format!("ADJUSTMENT#{id}"), "ADJUSTMENT")
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdjustmentStatus {
    /// All of it was made.
    Applied,
    /// Nothing of it was.
    Refused,
}

/// A change that was asked for, and what became of it. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdjustmentRecord {
    /// What was asked for.
    #[serde(flatten)]
    pub adjustment: Adjustment,
    /// SHA-256 of who asked for what, in hex.
    pub fingerprint: String,
    /// What became of it.
    pub status: AdjustmentStatus,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// What it changed in the pools.
    pub pools: Vec<PoolChange>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// Another change under an id that is taken. Kept for operations; it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictRecord {
    /// Under which id.
    pub adjustment_id: AdjustmentId,
    /// SHA-256 of it, in hex.
    pub fingerprint: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// A sale whose id is no UUID. Kept for operations for thirty days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRecord {
    /// Why, as a code.
    pub reason: String,
    /// SHA-256 of the id that was sent, in hex: the text itself may hold anything.
    pub sale_id_digest: String,
    /// When it came.
    pub received_at: Timestamp,
}
