//! A listing as it is stored: one item per marketplace and SKU, forever.

use lakeside_domain::{
    ids::{MarketplaceId, Sku},
    listing::{Level, ListingStatus},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The newest level of which it is known what a marketplace made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListingRecord {
    /// Where.
    pub marketplace: MarketplaceId,
    /// What.
    pub sku: Sku,
    /// How much of it.
    ///
    /// INVARIANT (P1): the version only grows.
    #[serde(flatten)]
    pub level: Level,
    /// What came of it.
    #[serde(flatten)]
    pub status: ListingStatus,
    /// When that was written.
    pub updated_at: Timestamp,
}

/// The `status` attribute of a listing, and what the log calls it.
pub const fn status_name(status: &ListingStatus) -> &'static str {
    match status {
        ListingStatus::Published => "PUBLISHED",
        ListingStatus::Refused { .. } => "REFUSED",
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::ids::ReasonCode;
    use lakeside_kit::dynamo::{Key, number, string};

    use super::*;

    #[test]
    fn an_item_says_its_version_and_status_as_conditions_name_them_and_reads_back() {
        let key = Key::new("LISTING#alpine-market#TENT", "LISTING");
        let reason = ReasonCode::parse("LISTING_UNKNOWN").unwrap();
        for status in [ListingStatus::Published, ListingStatus::Refused { reason }] {
            let record = ListingRecord {
                marketplace: MarketplaceId::parse("alpine-market").unwrap(),
                sku: Sku::parse("TENT").unwrap(),
                level: Level { available: 96, version: 412 },
                status: status.clone(),
                updated_at: Timestamp::from_millis(1_795_769_260_000),
            };
            let item = key.item_of(&record).unwrap();
            assert_eq!(item.get("version"), Some(&number(412)));
            assert_eq!(item.get("status"), Some(&string(status_name(&status))));
            assert_eq!(key.read::<ListingRecord>(item).unwrap(), record);
        }
    }
}
