//! The label as it is stored: one item per parcel, and one per order once its labels are closed.

use lakeside_domain::{
    ids::{OrderId, ShipmentId},
    label::{Closing, LabelStatus},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The label of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelRecord {
    /// The order.
    pub order_id: OrderId,
    /// The parcel, and the reference the carrier knows it by.
    pub shipment_id: ShipmentId,
    /// Where it stands.
    #[serde(flatten)]
    pub status: LabelStatus,
    /// When that was written.
    pub updated_at: Timestamp,
}

impl LabelRecord {
    /// The same label, standing at `status` since `now`.
    #[must_use]
    pub fn moved_to(&self, status: LabelStatus, now: Timestamp) -> Self {
        Self { status, updated_at: now, ..self.clone() }
    }
}

/// No label of the order may be asked for any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosedRecord {
    /// The order.
    pub order_id: OrderId,
    /// Since when.
    pub closed_at: Timestamp,
    /// Why.
    #[serde(default)]
    pub closing: Closing,
}

/// The `status` attribute of a label that stands at `status`, for conditions.
pub const fn status_name(status: &LabelStatus) -> &'static str {
    match status {
        LabelStatus::Requested => "REQUESTED",
        LabelStatus::Created { .. } => "CREATED",
        LabelStatus::Refused { .. } => "REFUSED",
        LabelStatus::Voided => "VOIDED",
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::ids::{ReasonCode, TrackingNumber};
    use lakeside_kit::dynamo::{Key, string};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_item_says_its_status_as_conditions_name_it_and_reads_back() {
        let key = Key::new("LABEL#1", "SHIPMENT#1");
        for status in [
            LabelStatus::Requested,
            LabelStatus::Created { tracking_number: TrackingNumber::parse("LS1").unwrap() },
            LabelStatus::Refused { reason: ReasonCode::parse("UNDELIVERABLE").unwrap() },
            LabelStatus::Voided,
        ] {
            let record = LabelRecord {
                order_id: OrderId::from_uuid(Uuid::from_u128(1)),
                shipment_id: ShipmentId::from_uuid(Uuid::from_u128(2)),
                status: status.clone(),
                updated_at: Timestamp::from_millis(1_795_769_260_000),
            };
            let item = key.item_of(&record).unwrap();
            assert_eq!(item.get("status"), Some(&string(status_name(&status))));
            assert_eq!(key.read::<LabelRecord>(item).unwrap(), record);
        }
    }
}
