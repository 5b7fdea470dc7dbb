//! Listings, marketplaces and their queues in memory.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{MarketplaceId, ReasonCode, Sku},
    listing::Level,
    time::Timestamp,
};
use lakeside_kit::{
    attempt::Written,
    conditions,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::{Lifted, MemoryLeases},
    outbox::Entry,
    outside::OutsideError,
    secret::Secret,
};

use crate::{
    listing_record::{ListingRecord, status_name},
    marketplaces::{Answer, LevelRequest, Marketplaces},
    publish_stock::ListingStore,
    route_stock::{MarketplaceQueues, QueueError, Routed},
};

conditions! {
    NewerThanListed: "a listing is written only with a newer version than it has",
    ListingLeaseStillHeld: "a listing is written by the holder of the lease only",
}

/// A marketplace by its name.
///
/// # Panics
/// If that is no name of one.
#[expect(clippy::expect_used, reason = "tests name marketplaces as they are")]
pub fn marketplace(name: &str) -> MarketplaceId {
    MarketplaceId::parse(name).expect("a marketplace's name")
}

/// By marketplace and SKU.
pub type Listings<T> = BTreeMap<(MarketplaceId, Sku), T>;

/// The table.
#[derive(Debug)]
pub struct MemoryListings {
    /// What was decided.
    pub listings: RefCell<Listings<ListingRecord>>,
    /// The leases.
    pub leases: MemoryLeases,
    /// What went into the outbox.
    pub published: RefCell<Vec<Entry>>,
    /// What the items have in their outboxes.
    pub outboxes: RefCell<Listings<Vec<Entry>>>,
    /// Whether it does not answer.
    pub down: Cell<bool>,
    lifted: Lifted<Condition>,
}

impl MemoryListings {
    /// An empty table with leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self {
            listings: RefCell::default(),
            leases: MemoryLeases::new(durations),
            published: RefCell::default(),
            outboxes: RefCell::default(),
            down: Cell::default(),
            lifted: Lifted::default(),
        }
    }

    /// Writes the listing and completes the lease, under the conditions that are not lifted.
    pub fn settle(&self, listing: &ListingRecord, outbox: &[Entry], held: &Held) -> Written {
        let key = (listing.marketplace.clone(), listing.sku.clone());
        let mut listings = self.listings.borrow_mut();
        let newer = listings.get(&key).is_none_or(|before| before.level.version < listing.level.version);
        if !self.lifted.passes(Condition::NewerThanListed, newer) {
            return Written::Stale;
        }
        let completed = self.leases.complete(held, status_name(&listing.status), listing.updated_at);
        if !self.lifted.passes(Condition::ListingLeaseStillHeld, completed) {
            return Written::Stale;
        }
        self.outboxes.borrow_mut().insert(key.clone(), outbox.to_vec());
        listings.insert(key, listing.clone());
        self.published.borrow_mut().extend_from_slice(outbox);
        Written::Yes
    }

    /// From now on `condition` is not enforced, as if it were missing from its expression.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }
}

impl ListingStore for MemoryListings {
    async fn listing(
        &self,
        marketplace: &MarketplaceId,
        sku: &Sku,
    ) -> Result<Option<ListingRecord>, StoreError> {
        if self.down.get() {
            return Err(StoreError::Busy);
        }
        Ok(self.listings.borrow().get(&(marketplace.clone(), sku.clone())).cloned())
    }

    async fn settle_listing(
        &self,
        listing: &ListingRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        if self.down.get() {
            return Err(StoreError::Busy);
        }
        Ok(self.settle(listing, outbox, held))
    }
}

impl Leases for MemoryListings {
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

/// What goes wrong with a request to a marketplace.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Turned away for so many seconds.
    Throttled(u64),
    /// No answer, and no effect.
    Lost,
    /// No answer, and the level is shown.
    ShownUnheard,
    /// Never taken.
    Refused(&'static str),
}

/// What others do while a marketplace is asked.
type Meanwhile = Box<dyn FnOnce()>;

/// Marketplaces that keep what they were told, under the rules of the real ones.
#[derive(Default)]
pub struct MemoryMarketplaces {
    /// What opens each of them.
    pub opened_by: RefCell<BTreeMap<MarketplaceId, String>>,
    /// What they show.
    pub shown: RefCell<Listings<Level>>,
    /// The idempotency keys of all requests, in order.
    pub keys: RefCell<Vec<String>>,
    /// What goes wrong with the next requests.
    pub faults: RefCell<VecDeque<Fault>>,
    meanwhile: RefCell<Option<Meanwhile>>,
}

impl MemoryMarketplaces {
    /// Marketplaces by their names, each opened by its name.
    pub fn of(names: &[&str]) -> Self {
        let opened_by = names.iter().map(|name| (marketplace(name), (*name).to_owned())).collect();
        Self { opened_by: RefCell::new(opened_by), ..Self::default() }
    }

    /// Lets others act while the next request is under way.
    pub fn meanwhile(&self, act: impl FnOnce() + 'static) {
        self.meanwhile.replace(Some(Box::new(act)));
    }

    fn take(&self, request: &LevelRequest) -> Answer {
        let key = (request.marketplace.clone(), request.sku.clone());
        let mut shown = self.shown.borrow_mut();
        if shown.get(&key).is_some_and(|level| level.version > request.level.version) {
            return Answer::Superseded;
        }
        shown.insert(key, request.level);
        Answer::Shown
    }
}

impl Marketplaces for MemoryMarketplaces {
    fn secret_of(&self, marketplace: &MarketplaceId) -> Option<&str> {
        // Names of secrets do not change, so that one per marketplace will do.
        ["alpine-market", "trailhead"].into_iter().find(|name| marketplace.as_str() == *name)
    }

    async fn show(
        &self,
        request: &LevelRequest,
        credential: &Secret,
        _: Duration,
    ) -> Result<Answer, OutsideError> {
        self.keys.borrow_mut().push(request.idempotency_key());
        let meanwhile = self.meanwhile.take();
        if let Some(act) = meanwhile {
            act();
        }
        let opened_by = self.opened_by.borrow().get(&request.marketplace).cloned();
        if opened_by.as_deref() != Some(credential.reveal()) {
            return Ok(Answer::Unauthorized);
        }
        let fault = self.faults.borrow_mut().pop_front();
        match fault {
            None => Ok(self.take(request)),
            Some(Fault::Throttled(seconds)) => {
                Err(OutsideError::Throttled { retry_after: Duration::from_secs(seconds) })
            }
            Some(Fault::Lost) => Err(OutsideError::Unknown("lost".into())),
            Some(Fault::ShownUnheard) => {
                self.take(request);
                Err(OutsideError::Unknown("lost".into()))
            }
            Some(Fault::Refused(code)) => Ok(Answer::Refused(ReasonCode::constant(code))),
        }
    }
}

/// FIFO queues that know a message again.
#[derive(Debug, Default)]
pub struct MemoryQueues {
    /// What was sent, in order, however often.
    pub asked: RefCell<Vec<Routed>>,
    /// What was taken, in order, each message once.
    pub sent: RefCell<Vec<Routed>>,
    /// The marketplaces whose queues do not answer.
    pub away: RefCell<BTreeSet<MarketplaceId>>,
    marketplaces: Vec<MarketplaceId>,
}

impl MemoryQueues {
    /// Queues of these marketplaces.
    pub fn of(names: &[&str]) -> Self {
        Self { marketplaces: names.iter().map(|name| marketplace(name)).collect(), ..Self::default() }
    }

    /// How many messages there are.
    pub fn arrived(&self) -> usize {
        self.sent.borrow().len()
    }
}

impl MarketplaceQueues for MemoryQueues {
    fn marketplaces(&self) -> Vec<MarketplaceId> {
        self.marketplaces.clone()
    }

    async fn send(&self, routed: &Routed) -> Result<(), QueueError> {
        if self.away.borrow().contains(&routed.command.marketplace) {
            return Err(QueueError::Unavailable("away".into()));
        }
        self.asked.borrow_mut().push(routed.clone());
        let mut sent = self.sent.borrow_mut();
        if !sent.iter().any(|known| known.deduplication_id == routed.deduplication_id) {
            sent.push(routed.clone());
        }
        Ok(())
    }
}
