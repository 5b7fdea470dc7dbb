//! The growth squad's table, as far as listings need it.

use anyhow::ensure;
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Lease, Owner},
    ids::{MarketplaceId, ReasonCode},
    listing::{Level, ListingStatus},
};
use lakeside_growth::{
    listing_record::{ListingRecord, status_name},
    listing_table::listing_key,
    memory::listings::MemoryListings,
    publish_stock::ListingStore,
};
use lakeside_kit::{
    attempt::Written,
    dynamo::get,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};
use uuid::Uuid;

use crate::{at, contracts, dynamo::Table, event, goods, order, same};

/// How long the leases of the table last.
pub const DURATIONS: Durations = Durations { in_progress: 12, record: 3600 };

/// What the functions see of the table.
pub trait Ports: ListingStore + Leases {}

impl<T: ListingStore + Leases> Ports for T {}

/// What is in the table, past its ports.
pub trait Books {
    /// Writes a listing, without events.
    async fn put_listing(&self, listing: &ListingRecord) -> anyhow::Result<()>;
    /// The record of a lease.
    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>>;
    /// The outbox of a listing.
    async fn outbox(&self, listing: &ListingRecord) -> anyhow::Result<Vec<Entry>>;
}

impl Books for MemoryListings {
    async fn put_listing(&self, listing: &ListingRecord) -> anyhow::Result<()> {
        let key = (listing.marketplace.clone(), listing.sku.clone());
        self.listings.borrow_mut().insert(key, listing.clone());
        Ok(())
    }

    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>> {
        Ok(self.leases.get(key))
    }

    async fn outbox(&self, listing: &ListingRecord) -> anyhow::Result<Vec<Entry>> {
        let key = (listing.marketplace.clone(), listing.sku.clone());
        Ok(self.outboxes.borrow().get(&key).cloned().unwrap_or_default())
    }
}

impl Books for Table {
    async fn put_listing(&self, listing: &ListingRecord) -> anyhow::Result<()> {
        self.put(&listing_key(&listing.marketplace, &listing.sku), listing).await
    }

    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>> {
        Ok(get(&self.client, &self.name, &key.key()).await?)
    }

    async fn outbox(&self, listing: &ListingRecord) -> anyhow::Result<Vec<Entry>> {
        self.entries(&listing_key(&listing.marketplace, &listing.sku)).await
    }
}

fn statuses() -> [ListingStatus; 2] {
    [ListingStatus::Published, ListingStatus::Refused { reason: ReasonCode::constant("LISTING_UNKNOWN") }]
}

/// A listing that nobody else has.
fn listing(version: u64, status: ListingStatus) -> anyhow::Result<ListingRecord> {
    Ok(ListingRecord {
        marketplace: MarketplaceId::parse("alpine-market")?,
        sku: goods()?,
        level: Level { available: 5, version },
        status,
        updated_at: at(1_000),
    })
}

fn with_version(listing: &ListingRecord, version: u64) -> ListingRecord {
    ListingRecord { level: Level { available: 4, version }, updated_at: at(2_000), ..listing.clone() }
}

/// Takes a lease that is free.
async fn taken(ports: &impl Ports) -> anyhow::Result<Held> {
    let key = LeaseKey::new("ports", Uuid::new_v4().to_string());
    let held = Held { key, owner: Owner("a".into()) };
    let taken = ports.acquire(&held.key, &held.owner, at(0)).await?;
    ensure!(matches!(taken, Acquisition::Acquired(_)), "a lease of its own is free");
    Ok(held)
}

/// What is there of a listing and of a lease.
async fn picture(
    ports: &impl Ports,
    books: &impl Books,
    listing: &ListingRecord,
    held: &Held,
) -> anyhow::Result<(Option<ListingRecord>, Vec<Entry>, Option<Lease>)> {
    let record = ports.listing(&listing.marketplace, &listing.sku).await?;
    Ok((record, books.outbox(listing).await?, books.lease(&held.key).await?))
}

contracts! {
    (ports: Ports, books: Books)

    what_a_marketplace_said_its_event_and_the_end_of_the_lease_are_one_write {
        for status in statuses() {
            let (first, held) = (listing(7, status)?, taken(ports).await?);
            let outbox = vec![event(order(), "Published")];
            same("outcome", ports.settle_listing(&first, &outbox, &held).await?, Written::Yes)?;
            let result = status_name(&first.status).to_owned();
            let expires_at = first.updated_at.plus_seconds(DURATIONS.record);
            let should = (Some(first.clone()), outbox, Some(Lease::Completed { result, expires_at }));
            same("what is there", picture(ports, books, &first, &held).await?, should)?;
        }
    }

    a_newer_level_takes_the_place_of_an_older_one_whatever_came_of_that {
        for before in statuses() {
            for after in statuses() {
                let first = listing(7, before.clone())?;
                books.put_listing(&first).await?;
                let newer = ListingRecord { status: after, ..with_version(&first, 8) };
                let held = taken(ports).await?;
                same("outcome", ports.settle_listing(&newer, &[], &held).await?, Written::Yes)?;
                let now = ports.listing(&first.marketplace, &first.sku).await?;
                same("listing", now, Some(newer))?;
            }
        }
    }

    no_level_takes_the_place_of_one_that_is_as_new {
        for status in statuses() {
            let first = listing(7, status)?;
            books.put_listing(&first).await?;
            let held = taken(ports).await?;
            let before = picture(ports, books, &first, &held).await?;
            for version in [7, 6, 1] {
                let late = with_version(&first, version);
                let outbox = [event(order(), "Published")];
                same("outcome", ports.settle_listing(&late, &outbox, &held).await?, Written::Stale)?;
                same("what is there", picture(ports, books, &first, &held).await?, before.clone())?;
            }
        }
    }

    only_the_holder_of_the_lease_writes {
        let (first, mine) = (listing(7, ListingStatus::Published)?, taken(ports).await?);
        let others = Held { owner: Owner("b".into()), ..mine.clone() };
        let before = picture(ports, books, &first, &mine).await?;
        same("outcome", ports.settle_listing(&first, &[], &others).await?, Written::Stale)?;
        same("what is there", picture(ports, books, &first, &mine).await?, before)?;
    }
}
