//! `route-stock` and `publish-stock` under all faults, between a bus that says levels in any order and marketplaces that
//! have bad days.
//!
//! Holds: once nothing goes wrong any more, every marketplace shows the newest level of every SKU; no marketplace and no
//! record ever goes back to an older one; what is settled is told to nobody again; a level is announced once. And what is
//! said again, all of it and days later, changes nothing.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use lakeside_contracts::{Event, EventData, events::StockLevelChanged};
use lakeside_domain::{
    events::EventId,
    idempotency::{Acquisition, Durations, Owner},
    ids::{MarketplaceId, ReasonCode, Sku},
    listing::Level,
    time::Timestamp,
};
use lakeside_growth::{
    listing_record::ListingRecord,
    marketplaces::{Answer, LevelRequest, Marketplaces},
    memory::listings::{Condition, MemoryListings, marketplace},
    publish_stock::{self, ListingStore},
    route_stock::{self, MarketplaceQueues, QueueError, Routed},
};
use lakeside_kit::{
    attempt::Written,
    clock::Clock,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::MemorySecrets,
    outbox::Entry,
    outside::OutsideError,
    secret::{Current, Secret, SecretCache, SecretError, Secrets},
};
use serde_json::json;

use crate::{
    faults::Fault,
    functions::Guest,
    ports::Port,
    subscriptions::Settings,
    world::{Deployed, World},
};

const ROUTER: &str = "route-stock";
const MARKETPLACES: [&str; 2] = ["alpine-market", "trailhead"];
const SKUS: usize = 2;
/// A level that no marketplace takes.
const REFUSED: u64 = 13;
/// More than a slow world needs.
const ROUNDS: usize = 60;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A queue per marketplace, which is no subscription and so not among those that are read from the Terraform.
const IN_ORDER: Settings = Settings {
    fifo: true,
    batch_size: 10,
    concurrency: 4,
    max_receives: 20,
    visibility: 60_000,
    timeout: 10_000,
    max_bytes: 262_144,
};

fn queue_of(marketplace: &str) -> String {
    format!("publish-stock-{marketplace}.fifo")
}

/// A mistake in what keeps levels in order. That only the holder of a lease writes is not among them: without it the
/// version alone decides, and no history shows the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The table writes whatever it is given.
    Lifted(Condition),
    /// An answer that was lost counts as shown.
    UnknownIsShown,
    /// A level that is turned away counts as shown.
    ThrottledIsShown,
    /// The function does not look at what was decided.
    NoRecord,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Lifted(Condition::NewerThanListed),
        Self::UnknownIsShown,
        Self::ThrottledIsShown,
        Self::NoRecord,
    ];
}

/// How a run came out.
#[derive(Debug)]
pub struct Outcome {
    /// What of the promises does not hold.
    pub broken: Option<String>,
    /// How often each fault struck.
    pub faults: Vec<u64>,
    /// Requests that reached a marketplace.
    pub calls: usize,
    /// Levels that were shown.
    pub shown: usize,
    pub trace_hash: u64,
    pub trace: Vec<String>,
}

type Key = (MarketplaceId, Sku);

/// What is the same for all invocations.
pub struct Squad {
    table: MemoryListings,
    secrets: MemorySecrets,
    shown: RefCell<BTreeMap<Key, Level>>,
    calls: Cell<usize>,
    updates: Cell<usize>,
    /// Events by id, with how often the table said them.
    announced: RefCell<BTreeMap<EventId, u32>>,
    broken: RefCell<Option<String>>,
    mistake: Option<Mistake>,
}

impl Squad {
    pub fn new(mistake: Option<Mistake>) -> Self {
        let secrets = MemorySecrets::default();
        for name in MARKETPLACES {
            secrets.put(name, name);
        }
        let table = MemoryListings::new(Durations { in_progress: 12, record: 24 * 3600 });
        if let Some(Mistake::Lifted(condition)) = mistake {
            table.lift(condition);
        }
        Self {
            table,
            secrets,
            shown: RefCell::default(),
            calls: Cell::default(),
            updates: Cell::default(),
            announced: RefCell::default(),
            broken: RefCell::default(),
            mistake,
        }
    }

    fn breaks(&self, what: impl FnOnce() -> String) {
        self.broken.borrow_mut().get_or_insert_with(what);
    }

    /// What a marketplace does with a request that has arrived.
    fn take(&self, request: &LevelRequest) -> Answer {
        self.calls.set(self.calls.get() + 1);
        if request.level.available == REFUSED {
            return Answer::Refused(ReasonCode::constant("LISTING_REFUSED"));
        }
        let key = (request.marketplace.clone(), request.sku.clone());
        let mut shown = self.shown.borrow_mut();
        match shown.get(&key) {
            Some(level) if level.version > request.level.version => Answer::Superseded,
            before => {
                if before != Some(&request.level) {
                    self.updates.set(self.updates.get() + 1);
                    shown.insert(key, request.level);
                }
                Answer::Shown
            }
        }
    }
}

/// The ports of one invocation.
struct Ports<'a> {
    port: &'a Port,
    squad: &'a Rc<Squad>,
}

impl Leases for Ports<'_> {
    async fn acquire(&self, key: &LeaseKey, owner: &Owner, _: Timestamp) -> Result<Acquisition, StoreError> {
        let now = self.port.now();
        let left = publish_stock::durations(now, self.port.invocation.deadline);
        let leases = self.squad.table.leases.lasting(left);
        self.port.call("take the lease of a level", |_| Ok(leases.take(key, owner, now))).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        let give_up = |_: &Rc<World>| {
            self.squad.table.leases.give_up(held);
            Ok(())
        };
        self.port.call("give up the lease of a level", give_up).await
    }
}

impl ListingStore for Ports<'_> {
    async fn listing(&self, of: &MarketplaceId, sku: &Sku) -> Result<Option<ListingRecord>, StoreError> {
        if self.squad.mistake == Some(Mistake::NoRecord) {
            return Ok(None);
        }
        let key = (of.clone(), sku.clone());
        let found = |_: &Rc<World>| Ok(self.squad.table.listings.borrow().get(&key).cloned());
        self.port.call("read a listing", found).await
    }

    async fn settle_listing(
        &self,
        listing: &ListingRecord,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let settle = |world: &Rc<World>| {
            let key = (listing.marketplace.clone(), listing.sku.clone());
            let before = self.squad.table.listings.borrow().get(&key).map(|record| record.level.version);
            let written = self.squad.table.settle(listing, outbox, held);
            world.engine.note(|| format!("{key:?} at {:?}: {written:?}", listing.level));
            if written == Written::Yes {
                if before >= Some(listing.level.version) {
                    self.squad.breaks(|| format!("{key:?} went from {before:?} to {:?}", listing.level));
                }
                for entry in outbox {
                    *self.squad.announced.borrow_mut().entry(entry.event_id).or_default() += 1;
                }
            }
            Ok(written)
        };
        self.port.call("settle a listing", settle).await
    }
}

impl Secrets for Ports<'_> {
    async fn current(&self, id: &str) -> Result<Current, SecretError> {
        let asked = self.port.call("read a secret", |_| Ok(())).await;
        asked.map_err(|error| SecretError::Unavailable(error.into()))?;
        self.squad.secrets.current(id).await
    }
}

impl Marketplaces for Ports<'_> {
    fn secret_of(&self, marketplace: &MarketplaceId) -> Option<&str> {
        MARKETPLACES.into_iter().find(|name| *name == marketplace.as_str())
    }

    async fn show(
        &self,
        request: &LevelRequest,
        credential: &Secret,
        _: Duration,
    ) -> Result<Answer, OutsideError> {
        let answered = self.ask(request, credential).await;
        let mistaken = match &answered {
            Err(OutsideError::Unknown(_)) => self.squad.mistake == Some(Mistake::UnknownIsShown),
            Err(OutsideError::Throttled { .. }) => self.squad.mistake == Some(Mistake::ThrottledIsShown),
            _ => false,
        };
        if mistaken { Ok(Answer::Shown) } else { answered }
    }
}

impl Ports<'_> {
    async fn ask(&self, request: &LevelRequest, credential: &Secret) -> Result<Answer, OutsideError> {
        let unknown = || OutsideError::Unknown("no answer".into());
        let (squad, request) = (Rc::clone(self.squad), request.clone());
        let credential = credential.clone();
        let ask = |world: &Rc<World>| {
            if world.strikes(Fault::OutsideThrottled) {
                let retry_after = Duration::from_secs(world.engine.below(30));
                return Ok(Err(OutsideError::Throttled { retry_after }));
            }
            if world.strikes(Fault::OutsideLost) {
                return Ok(Err(unknown()));
            }
            if world.strikes(Fault::OutsideArrivesLater) {
                let delay = world.engine.between(1_000, 2 * HOUR);
                let (squad, request) = (Rc::clone(&squad), request.clone());
                world.engine.after(delay, move || {
                    squad.take(&request);
                });
                return Ok(Err(unknown()));
            }
            if credential.reveal() != request.marketplace.as_str() {
                return Ok(Ok(Answer::Unauthorized));
            }
            let answer = squad.take(&request);
            world.engine.note(|| format!("{request:?}: {answer:?}"));
            Ok(if world.strikes(Fault::OutsideLandsUnheard) { Err(unknown()) } else { Ok(answer) })
        };
        self.port.call("show a level", ask).await.map_err(|_| unknown())?
    }
}

impl MarketplaceQueues for Ports<'_> {
    fn marketplaces(&self) -> Vec<MarketplaceId> {
        MARKETPLACES.map(marketplace).to_vec()
    }

    async fn send(&self, routed: &Routed) -> Result<(), QueueError> {
        let body = serde_json::to_string(&routed.command).expect("a command is JSON");
        let queue = queue_of(routed.command.marketplace.as_str());
        let send = |world: &Rc<World>| {
            world.send_in_order(&queue, &routed.group, &routed.deduplication_id, body.clone());
            Ok(())
        };
        let sent = self.port.call("send to a marketplace's queue", send).await;
        sent.map_err(|error| QueueError::Unavailable(error.into()))
    }
}

/// The queues that are in order, and how they are set up.
pub fn queues() -> impl Iterator<Item = (String, Settings)> {
    MARKETPLACES.into_iter().map(|name| (queue_of(name), IN_ORDER))
}

/// Has these functions consume the world's queues.
pub fn connect(world: &World, squad: &Rc<Squad>) {
    let mut guests = world.guests.borrow_mut();
    guests.insert(ROUTER.into(), router(squad));
    for name in MARKETPLACES {
        guests.insert(queue_of(name), publisher(squad));
    }
}

/// Once everything is quiet, every marketplace shows the newest level that inventory has said, which is the true one.
pub fn at_rest(world: &World) {
    let squad = &world.listings;
    let agreed = match squad.broken.borrow().clone() {
        Some(broken) => Err(broken),
        None => agree(squad, &levels_said(world)),
    };
    if let Err(text) = agreed {
        world.violate("P1", || text);
    }
}

/// What a replay must not change.
pub fn snapshot(world: &World) -> String {
    let squad = &world.listings;
    format!("{:?} after {} calls", squad.table.listings.borrow(), squad.calls.get())
}

fn levels_said(world: &World) -> Vec<(Sku, Level)> {
    let archive = world.archive.borrow();
    let levels = archive.iter().filter(|said| said.event.detail_type == StockLevelChanged::DETAIL_TYPE);
    levels
        .map(|said| {
            let event: Event<StockLevelChanged> = serde_json::from_str(&said.event.detail).expect("a level");
            let StockLevelChanged { sku, available, version } = event.data;
            (sku, Level { available, version })
        })
        .collect()
}

fn router(squad: &Rc<Squad>) -> Guest {
    let squad = Rc::clone(squad);
    Rc::new(move |port, batch| {
        let squad = Rc::clone(&squad);
        Box::pin(async move { route_stock::handle(&Ports { port, squad: &squad }, batch).await })
    })
}

fn publisher(squad: &Rc<Squad>) -> Guest {
    let squad = Rc::clone(squad);
    Rc::new(move |port, batch| {
        let squad = Rc::clone(&squad);
        Box::pin(async move {
            let ports = Ports { port, squad: &squad };
            let credentials = SecretCache::new(Ports { port, squad: &squad }, 300);
            publish_stock::handle(&ports, &ports, &credentials, port, port, &port.invocation, batch).await
        })
    })
}

/// What does not change from run to run.
pub struct Listings(Rc<Deployed>);

impl Default for Listings {
    fn default() -> Self {
        Self(Rc::new(Deployed::default()))
    }
}

impl Listings {
    /// Runs one seed, with a mistake or without.
    pub fn run(&self, seed: u64, mistake: Option<Mistake>) -> Outcome {
        let world = World::new(seed, &self.0, None, &[]);
        let squad = Rc::new(Squad::new(mistake));
        connect(&world, &squad);
        let said = say(&world);
        world.engine.run(world.engine.now() + 6 * HOUR, || false);
        world.faults.stop();
        settle(&world);
        let mut broken = squad.broken.borrow().clone().or_else(|| judge(&world, &squad, &said).err());

        // Everything that was ever said, once more, when neither queues nor leases remember it.
        let before =
            (squad.calls.get(), squad.table.listings.borrow().clone(), squad.announced.borrow().clone());
        for (sku, level) in &said {
            world.send(ROUTER, event(sku, *level), &[]);
        }
        settle(&world);
        let after =
            (squad.calls.get(), squad.table.listings.borrow().clone(), squad.announced.borrow().clone());
        if broken.is_none() && before != after {
            broken = Some("a replay of everything changed something".into());
        }
        let outcome = Outcome {
            broken,
            faults: world.faults.counts(),
            calls: squad.calls.get(),
            shown: squad.updates.get(),
            trace_hash: world.engine.trace_hash(),
            trace: world.engine.trace(),
        };
        world.engine.clear();
        outcome
    }
}

fn sku(n: usize) -> Sku {
    Sku::parse(&format!("GOODS-{n}")).expect("a SKU")
}

/// A level as the rule of `route-stock` delivers it.
fn event(sku: &Sku, level: Level) -> String {
    let event_id = EventId::derive("lakeside.inventory", sku.as_str(), "StockLevelChanged", level.version);
    json!({
        "id": "1", "source": "lakeside.inventory", "detail-type": "StockLevelChanged",
        "detail": {
            "metadata": {
                "eventId": event_id, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": event_id,
                "causationId": event_id, "schemaVersion": 1,
            },
            "data": { "sku": sku, "available": level.available, "version": level.version },
        },
    })
    .to_string()
}

/// Says levels of every SKU, some of them out of order and some again.
fn say(world: &Rc<World>) -> Vec<(Sku, Level)> {
    let mut said = Vec::new();
    for n in 0..SKUS {
        let (sku, mut at) = (sku(n), 0);
        for version in 1..=1 + world.engine.below(8) {
            let available = *world.engine.pick(&[0, 1, 5, 40, REFUSED]);
            at += world.engine.between(1, 120_000);
            let level = Level { available, version };
            said.push((sku.clone(), level));
            for _ in 0..*world.engine.pick(&[1, 1, 1, 2]) {
                let late = if world.engine.chance(0.3) { world.engine.between(0, 600_000) } else { 0 };
                let (from, body) = (Rc::clone(world), event(&sku, level));
                world.engine.after(at + late, move || from.send(ROUTER, body, &[]));
            }
        }
    }
    said
}

/// Runs until nothing is left to do; what was given up is tried again, as operations do.
fn settle(world: &Rc<World>) {
    for _ in 0..ROUNDS {
        world.engine.run(world.engine.now() + DAY, || false);
        if world.backlog() == (0, 0) {
            return;
        }
        world.redrive();
    }
}

fn judge(world: &World, squad: &Squad, said: &[(Sku, Level)]) -> Result<(), String> {
    let (waiting, dead) = world.backlog();
    if waiting + dead > 0 {
        return Err(format!("{waiting} messages wait and {dead} were given up"));
    }
    agree(squad, said)
}

/// Marketplaces and records are where what was said has led.
fn agree(squad: &Squad, said: &[(Sku, Level)]) -> Result<(), String> {
    let announced = squad.announced.borrow();
    if let Some((id, times)) = announced.iter().find(|(_, times)| **times > 1) {
        return Err(format!("the event {id} was said {times} times"));
    }
    let skus: BTreeSet<&Sku> = said.iter().map(|(sku, _)| sku).collect();
    for name in MARKETPLACES {
        for sku in &skus {
            let key = (marketplace(name), (*sku).clone());
            let levels = said.iter().filter(|(of, _)| of == *sku).map(|(_, level)| *level);
            let newest = levels.max_by_key(|level| level.version).expect("something was said");
            let record = squad.table.listings.borrow().get(&key).map(|record| record.level);
            if record != Some(newest) {
                return Err(format!("{key:?} is recorded at {record:?} and not at {newest:?}"));
            }
            let shown = squad.shown.borrow().get(&key).copied();
            if newest.available != REFUSED && shown != Some(newest) {
                return Err(format!("{key:?} shows {shown:?} and not {newest:?}"));
            }
        }
    }
    Ok(())
}
