//! The growth squad's table on DynamoDB, as far as listings need it.

use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    types::{Put, TransactWriteItem},
};
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{MarketplaceId, Sku},
    time::Timestamp,
};
use lakeside_kit::{
    attempt::Written,
    dynamo::{Key, PK, StoreError, Transacted, get, number, transact},
    lease::{DynamoLeases, Held, LeaseKey, Leases},
    outbox::{Entry, attach},
};

use crate::{
    listing_record::{ListingRecord, status_name},
    publish_stock::ListingStore,
};

/// The key of a listing.
pub fn listing_key(marketplace: &MarketplaceId, sku: &Sku) -> Key {
    Key::new(format!("LISTING#{marketplace}#{sku}"), "LISTING")
}

/// The listings' part of the table, during one invocation.
#[derive(Debug, Clone)]
pub struct ListingTable {
    client: Client,
    table: String,
    leases: DynamoLeases,
}

impl ListingTable {
    /// In the table called `table`, with leases as long as `durations`.
    pub fn new(client: Client, table: String, durations: Durations) -> Self {
        let leases = DynamoLeases::new(client.clone(), table.clone(), durations);
        Self { client, table, leases }
    }
}

impl ListingStore for ListingTable {
    async fn listing(
        &self,
        marketplace: &MarketplaceId,
        sku: &Sku,
    ) -> Result<Option<ListingRecord>, StoreError> {
        get(&self.client, &self.table, &listing_key(marketplace, sku)).await
    }

    async fn settle_listing(
        &self,
        listing: &ListingRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let mut item = listing_key(&listing.marketplace, &listing.sku).item_of(listing)?;
        attach(&mut item, outbox)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk) OR #version < :version")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(listing.level.version))
            .build()
            .map_err(|error: BuildError| StoreError::Refused(error.into()))?;
        let put = TransactWriteItem::builder().put(put).build();
        let done = self.leases.completion(held, status_name(&listing.status), listing.updated_at)?;
        Ok(match transact(&self.client, vec![put, done]).await? {
            Transacted::Applied => Written::Yes,
            Transacted::Refused(_) => Written::Stale,
        })
    }
}

impl Leases for ListingTable {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.leases.acquire(key, owner, now).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.leases.release(held).await
    }
}
