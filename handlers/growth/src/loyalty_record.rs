//! Loyalty as it is stored: one item per order, forever, and what it does to an account.

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

#[cfg(test)]
mod tests {
    use lakeside_domain::loyalty::{Award, Earning, Points};
    use lakeside_kit::dynamo::Key;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_item_reads_back() {
        let key = Key::new("LOYALTY#1", "LOYALTY");
        let points = Points::new(368);
        for award in [Award::Open, Award::Accrued { points }, Award::Reversed { points }] {
            let customer_id = CustomerId::parse("jane").unwrap();
            for earning in [None, Some(Earning { customer_id, points })] {
                let known = OrderPoints { earning, fulfilled: true, undone: false, award };
                let order_id = OrderId::from_uuid(Uuid::from_u128(1));
                let record = LoyaltyRecord { order_id, known, version: 3 };
                let item = key.item_of(&record).unwrap();
                assert_eq!(key.read::<LoyaltyRecord>(item).unwrap(), record);
            }
        }
    }
}
