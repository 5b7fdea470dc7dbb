//! The request for an approval as it is stored: one item per order, which the saga writes, and which a cancellation of
//! the order closes.

use lakeside_domain::{ids::OrderId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// Where a request for an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApprovalStatus {
    /// The saga waits for a person, or has done so.
    Pending,
    /// The customer cancelled the order: nobody need decide, and the saga may not ask any more. Final.
    Cancelled,
}

/// A request for an approval, as far as functions care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRecord {
    /// Of which order.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// What the saga waits for, if it ever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<String>,
    /// When the customer cancelled the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
}
