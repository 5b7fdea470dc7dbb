//! What customers were told, as it is stored: one item per order and fact, forever, and one that says whose order it is.

use lakeside_domain::{
    idempotency::Owner,
    ids::{CustomerId, OrderId},
    notice::{NoticeStatus, What},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The telling of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeRecord {
    /// The order.
    pub order_id: OrderId,
    /// What is told.
    pub what: What,
    /// Where it stands.
    #[serde(flatten)]
    pub status: NoticeStatus,
    /// The event that said so.
    pub cause: Uuid,
    /// Who wrote it: only that attempt may take back that it is about to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// When it was written.
    pub updated_at: Timestamp,
}

impl NoticeRecord {
    /// A notice that waits, because the event `cause` said `what`.
    pub const fn waiting(order_id: OrderId, what: What, cause: Uuid, now: Timestamp) -> Self {
        Self { order_id, what, status: NoticeStatus::Waiting, cause, owner: None, updated_at: now }
    }

    /// The same notice, standing at `status` since `now`.
    #[must_use]
    pub fn moved_to(&self, status: NoticeStatus, now: Timestamp) -> Self {
        Self { status, updated_at: now, ..self.clone() }
    }
}

/// Whose order it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerRecord {
    /// The order.
    pub order_id: OrderId,
    /// Whose.
    pub customer_id: CustomerId,
}

/// The `status` attribute of a notice that stands at `status`, for conditions.
pub const fn status_name(status: &NoticeStatus) -> &'static str {
    match status {
        NoticeStatus::Waiting => "WAITING",
        NoticeStatus::Sending { .. } => "SENDING",
        NoticeStatus::Sent { .. } => "SENT",
        NoticeStatus::Uncertain { .. } => "UNCERTAIN",
        NoticeStatus::Undeliverable { .. } => "UNDELIVERABLE",
        NoticeStatus::NotWanted => "NOT_WANTED",
        NoticeStatus::NoContact => "NO_CONTACT",
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::notice::Channel;
    use lakeside_kit::dynamo::{Key, string};

    use super::*;

    #[test]
    fn an_item_says_its_status_as_conditions_name_it_and_reads_back() {
        let key = Key::new("NOTICE#1", "FACT#CONFIRMED");
        let channel = Channel::Sms;
        for status in [
            NoticeStatus::Waiting,
            NoticeStatus::Sending { channel },
            NoticeStatus::Sent { channel },
            NoticeStatus::Uncertain { channel },
            NoticeStatus::Undeliverable { channel },
            NoticeStatus::NotWanted,
            NoticeStatus::NoContact,
        ] {
            let record = NoticeRecord {
                order_id: OrderId::from_uuid(Uuid::from_u128(1)),
                what: What::Confirmed,
                status,
                cause: Uuid::from_u128(2),
                owner: Some(Owner("request".into())),
                updated_at: Timestamp::from_millis(1_795_769_260_000),
            };
            let item = key.item_of(&record).unwrap();
            assert_eq!(item.get("status"), Some(&string(status_name(&status))));
            assert_eq!(key.read::<NoticeRecord>(item).unwrap(), record);
        }
    }
}
