//! The payment as it is stored: one item per order, forever.

use lakeside_domain::{ids::OrderId, money::Money, payment::PaymentStatus, time::Timestamp};
use serde::{Deserialize, Serialize};

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRecord {
    /// Whose it is, and the reference the processor knows it by.
    pub order_id: OrderId,
    /// The order's total.
    pub amount: Money,
    /// Where it stands.
    #[serde(flatten)]
    pub status: PaymentStatus,
    /// When that was written.
    pub updated_at: Timestamp,
}

impl PaymentRecord {
    /// The same payment, standing at `status` since `now`.
    #[must_use]
    pub fn moved_to(&self, status: PaymentStatus, now: Timestamp) -> Self {
        Self { status, updated_at: now, ..self.clone() }
    }
}

/// The `status` attribute of a payment that stands at `status`, for conditions.
pub const fn status_name(status: &PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Capturing => "CAPTURING",
        PaymentStatus::Captured => "CAPTURED",
        PaymentStatus::Declined { .. } => "DECLINED",
        PaymentStatus::Reversing => "REVERSING",
        PaymentStatus::Refunded => "REFUNDED",
        PaymentStatus::Voided => "VOIDED",
        PaymentStatus::Cancelled => "CANCELLED",
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::{ids::ReasonCode, money::Currency};
    use lakeside_kit::dynamo::{Key, string};

    use super::*;

    #[test]
    fn an_item_says_its_status_as_conditions_name_it_and_reads_back() {
        let key = Key::new("PAYMENT#1", "PAYMENT");
        for status in [
            PaymentStatus::Capturing,
            PaymentStatus::Captured,
            PaymentStatus::Declined { reason: ReasonCode::parse("CARD_DECLINED").unwrap() },
            PaymentStatus::Reversing,
            PaymentStatus::Refunded,
            PaymentStatus::Voided,
            PaymentStatus::Cancelled,
        ] {
            let record = PaymentRecord {
                order_id: OrderId::from_uuid(uuid::Uuid::from_u128(1)),
                amount: Money::new(19_900, Currency::USD),
                status: status.clone(),
                updated_at: Timestamp::from_millis(1_795_769_260_000),
            };
            let item = key.item_of(&record).unwrap();
            assert_eq!(item.get("status"), Some(&string(status_name(&status))));
            assert_eq!(key.read::<PaymentRecord>(item).unwrap(), record);
        }
    }
}
