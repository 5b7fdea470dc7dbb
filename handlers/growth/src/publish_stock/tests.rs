use std::{collections::HashMap, rc::Rc};

use lakeside_domain::{idempotency::Owner, ids::ReasonCode};
use lakeside_kit::{
    clock::Clock,
    memory::{ManualClock, MemoryMetrics, MemorySecrets},
};
use serde_json::json;

use super::*;
use crate::memory::listings::{Condition, Fault, MemoryListings, MemoryMarketplaces, marketplace};

const ALPINE: &str = "alpine-market";
const TRAILHEAD: &str = "trailhead";
const EVENT: &str = "7e57d004-2b97-4e7a-b45f-538736779101";

struct World {
    table: Rc<MemoryListings>,
    marketplaces: MemoryMarketplaces,
    secrets: Rc<MemorySecrets>,
    credentials: SecretCache<Rc<MemorySecrets>>,
    clock: ManualClock,
    metrics: MemoryMetrics,
}

impl World {
    fn new() -> Self {
        let secrets = Rc::new(MemorySecrets::default());
        for name in [ALPINE, TRAILHEAD] {
            secrets.put(name, name);
        }
        Self {
            table: Rc::new(MemoryListings::new(Durations { in_progress: 12, record: 3600 })),
            marketplaces: MemoryMarketplaces::of(&[ALPINE, TRAILHEAD]),
            credentials: SecretCache::new(secrets.clone(), 300),
            secrets,
            clock: ManualClock::default(),
            metrics: MemoryMetrics::default(),
        }
    }

    async fn hear(&self, batch: &[Message]) -> Vec<String> {
        let deadline = self.clock.now().plus_seconds(10);
        let invocation = Invocation { request_id: "request".into(), deadline };
        let Self { table, marketplaces, credentials, clock, metrics, .. } = self;
        handle(&**table, marketplaces, credentials, clock, metrics, &invocation, batch).await.ids().to_vec()
    }

    fn shown(&self, marketplace_name: &str) -> Option<(u64, u64)> {
        let shown = self.marketplaces.shown.borrow();
        shown.get(&(marketplace(marketplace_name), tent())).map(|level| (level.available, level.version))
    }

    fn record(&self) -> Option<ListingRecord> {
        self.table.listings.borrow().get(&(marketplace(ALPINE), tent())).cloned()
    }

    fn calls(&self) -> usize {
        self.marketplaces.keys.borrow().len()
    }

    fn announced(&self) -> Vec<String> {
        self.table.published.borrow().iter().map(|entry| entry.detail_type.clone()).collect()
    }

    fn lease(version: u64) -> LeaseKey {
        LeaseKey::new(FUNCTION, format!("{ALPINE}#TENT#{version}"))
    }
}

fn tent() -> Sku {
    Sku::parse("TENT").unwrap()
}

fn message(id: &str, marketplace: &str, sku: &str, (available, version): (u64, u64)) -> Message {
    let body = json!({
        "command": "PublishStock", "marketplace": marketplace, "sku": sku, "available": available,
        "version": version, "metadata": {"correlationId": EVENT, "causationId": EVENT},
    });
    Message {
        id: id.into(),
        body: body.to_string(),
        attributes: HashMap::new(),
        group: Some(format!("{marketplace}#{sku}")),
        ..Message::default()
    }
}

/// A level of the tent on one marketplace; the message's id is its version.
fn level(available: u64, version: u64) -> Message {
    message(&version.to_string(), ALPINE, "TENT", (available, version))
}

#[tokio::test]
async fn levels_in_any_order_end_at_the_newest_and_never_go_back() {
    let levels = [level(5, 1), level(4, 3), level(3, 2)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = World::new();
        let mut seen = 0;
        for position in order {
            assert!(world.hear(&levels[position..=position]).await.is_empty());
            let (_, version) = world.shown(ALPINE).unwrap();
            assert!(version >= seen, "{order:?}");
            seen = version;
        }
        assert_eq!(world.shown(ALPINE), Some((4, 3)), "{order:?}");
        let record = world.record().unwrap();
        assert_eq!((record.level.version, record.status), (3, ListingStatus::Published));
    }
}

#[tokio::test]
async fn a_level_told_again_is_told_to_nobody() {
    let world = World::new();
    for _ in 0..3 {
        assert!(world.hear(&[level(5, 1)]).await.is_empty());
        world.clock.advance(40 * 24 * 3600 * 1000);
    }
    assert_eq!((world.calls(), world.announced()), (1, vec!["MarketplaceStockPublished".to_owned()]));
    assert_eq!((world.metrics.total(LISTINGS_PUBLISHED), world.metrics.total(LISTINGS_REFUSED)), (1, 0));
}

#[tokio::test]
async fn of_one_batch_only_the_newest_level_of_each_listing_is_told() {
    let world = World::new();
    let batch = [
        level(5, 1),
        level(4, 2),
        message("other", TRAILHEAD, "TENT", (5, 1)),
        message("stove", ALPINE, "STOVE", (9, 7)),
        level(3, 3),
    ];
    assert!(world.hear(&batch).await.is_empty());
    let expected = ["trailhead:TENT:1", "alpine-market:STOVE:7", "alpine-market:TENT:3"];
    assert_eq!(*world.marketplaces.keys.borrow(), expected);
}

#[tokio::test]
async fn a_level_that_was_skipped_for_one_that_failed_comes_back_with_it() {
    let world = World::new();
    world.marketplaces.faults.borrow_mut().push_back(Fault::Lost);
    assert_eq!(world.hear(&[level(5, 1), level(4, 2), level(4, 2)]).await, ["2", "2"]);
    assert!(world.hear(&[level(4, 2)]).await.is_empty());
    assert_eq!(world.shown(ALPINE), Some((4, 2)));
}

#[tokio::test]
async fn behind_a_level_that_failed_its_group_waits_and_other_groups_go_on() {
    let world = World::new();
    world.marketplaces.faults.borrow_mut().push_back(Fault::Lost);
    let batch = [level(5, 2), message("other", TRAILHEAD, "TENT", (5, 1)), level(4, 1)];
    assert_eq!(world.hear(&batch).await, ["2", "1"]);
    assert_eq!((world.shown(ALPINE), world.shown(TRAILHEAD)), (None, Some((5, 1))));
}

#[tokio::test]
async fn what_may_have_arrived_is_told_again_under_the_same_key() {
    for fault in [Fault::Lost, Fault::ShownUnheard] {
        let world = World::new();
        world.marketplaces.faults.borrow_mut().push_back(fault);
        assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
        assert_eq!(world.record(), None);
        assert!(world.hear(&[level(5, 1)]).await.is_empty());
        assert_eq!(*world.marketplaces.keys.borrow(), ["alpine-market:TENT:1"; 2]);
        assert_eq!((world.shown(ALPINE), world.announced().len()), (Some((5, 1)), 1));
    }
}

#[tokio::test]
async fn turned_away_for_a_moment_it_waits_and_for_longer_it_comes_back() {
    let world = World::new();
    world.marketplaces.faults.borrow_mut().push_back(Fault::Throttled(1));
    assert!(world.hear(&[level(5, 1)]).await.is_empty());
    assert_eq!((world.clock.now().as_millis(), world.calls()), (1_000, 2));
    world.marketplaces.faults.borrow_mut().push_back(Fault::Throttled(60));
    assert_eq!(world.hear(&[level(4, 2)]).await, ["2"]);
    assert_eq!(world.clock.now().as_millis(), 1_000, "it does not wait for what it will not live to see");
    assert!(world.hear(&[level(4, 2)]).await.is_empty());
}

#[tokio::test]
async fn a_refusal_is_recorded_and_final_for_its_version_alone() {
    let world = World::new();
    world.marketplaces.faults.borrow_mut().push_back(Fault::Refused("LISTING_UNKNOWN"));
    for _ in 0..2 {
        assert!(world.hear(&[level(5, 1)]).await.is_empty());
    }
    let reason = ReasonCode::constant("LISTING_UNKNOWN");
    assert_eq!(world.record().unwrap().status, ListingStatus::Refused { reason });
    assert_eq!((world.calls(), world.announced()), (1, vec![]));
    assert_eq!((world.metrics.total(LISTINGS_PUBLISHED), world.metrics.total(LISTINGS_REFUSED)), (0, 1));
    assert!(world.hear(&[level(4, 2)]).await.is_empty());
    assert_eq!(world.shown(ALPINE), Some((4, 2)));
}

#[tokio::test]
async fn a_credential_that_was_replaced_is_read_again_at_once() {
    let world = World::new();
    assert!(world.hear(&[level(5, 1)]).await.is_empty());
    world.marketplaces.opened_by.borrow_mut().insert(marketplace(ALPINE), "new".into());
    world.secrets.put(ALPINE, "new");
    assert!(world.hear(&[level(4, 2)]).await.is_empty());
    assert_eq!((world.shown(ALPINE), world.calls(), world.secrets.reads()), (Some((4, 2)), 3, 2));
}

#[tokio::test]
async fn a_credential_that_opens_nothing_is_tried_once_and_fails_until_it_is_put_right() {
    let world = World::new();
    world.marketplaces.opened_by.borrow_mut().insert(marketplace(ALPINE), "new".into());
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!((world.calls(), world.secrets.reads()), (1, 2), "asking again would change nothing");
    world.secrets.put(ALPINE, "wrong as well");
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!((world.calls(), world.record()), (3, None));
    world.secrets.put(ALPINE, "new");
    assert!(world.hear(&[level(5, 1)]).await.is_empty());
    assert_eq!(world.shown(ALPINE), Some((5, 1)));
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_waited_for() {
    let world = World::new();
    world.secrets.down.set(true);
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!(world.calls(), 0);
    world.secrets.down.set(false);
    assert!(world.hear(&[level(5, 1)]).await.is_empty());
}

#[tokio::test]
async fn while_another_attempt_is_at_it_nobody_is_asked() {
    let world = World::new();
    let other = Owner("another".into());
    world.table.leases.take(&World::lease(1), &other, world.clock.now());
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!(world.calls(), 0);
    world.clock.advance(12_000);
    assert!(world.hear(&[level(5, 1)]).await.is_empty(), "its deadline has passed");
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_records_nothing() {
    let world = World::new();
    let (table, now) = (world.table.clone(), world.clock.now());
    world.marketplaces.meanwhile(move || {
        table.leases.delete(&World::lease(1));
        table.leases.take(&World::lease(1), &Owner("another".into()), now);
    });
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!((world.record(), world.announced()), (None, vec![]));
}

#[tokio::test]
async fn an_attempt_that_was_overtaken_leaves_the_newer_level_as_it_is() {
    let newer = |status| ListingRecord {
        marketplace: marketplace(ALPINE),
        sku: tent(),
        level: Level { available: 3, version: 2 },
        status,
        updated_at: Timestamp::from_millis(7),
    };
    let overtaken = async |world: &World| {
        let (table, newer) = (world.table.clone(), newer(ListingStatus::Published));
        world.marketplaces.meanwhile(move || {
            table.listings.borrow_mut().insert((marketplace(ALPINE), tent()), newer);
        });
        world.hear(&[level(5, 1)]).await
    };
    let world = World::new();
    assert!(overtaken(&world).await.is_empty());
    assert_eq!((world.record(), world.announced()), (Some(newer(ListingStatus::Published)), vec![]));

    let world = World::new();
    world.table.lift(Condition::NewerThanListed);
    assert!(overtaken(&world).await.is_empty());
    assert_eq!(world.record().unwrap().level.version, 1, "without the condition it goes back");
}

#[tokio::test]
async fn a_marketplace_that_shows_a_newer_level_has_nothing_to_hear() {
    let world = World::new();
    let level_of_others = Level { available: 3, version: 2 };
    world.marketplaces.shown.borrow_mut().insert((marketplace(ALPINE), tent()), level_of_others);
    assert!(world.hear(&[level(5, 1)]).await.is_empty());
    assert_eq!((world.shown(ALPINE), world.record(), world.announced()), (Some((3, 2)), None, vec![]));
    assert_eq!(world.table.leases.get(&World::lease(1)), None, "the lease is free again");
}

#[tokio::test]
async fn what_is_no_command_or_for_nobody_fails_alone() {
    let world = World::new();
    let mut poison = level(5, 1);
    poison.id = "poison".into();
    poison.body = poison.body.replace("PublishStock", "AdjustStock");
    poison.group = Some("poison".into());
    let stranger = message("stranger", "bazaar", "TENT", (5, 1));
    assert_eq!(world.hear(&[poison, stranger, level(5, 1)]).await, ["poison", "stranger"]);
    assert_eq!(world.shown(ALPINE), Some((5, 1)));
}

#[tokio::test]
async fn a_table_that_is_away_is_waited_for() {
    let world = World::new();
    world.table.down.set(true);
    assert_eq!(world.hear(&[level(5, 1)]).await, ["1"]);
    assert_eq!(world.calls(), 0);
}

#[test]
fn only_what_people_must_look_at_is_parked() {
    let alpine = || marketplace(ALPINE);
    for parked in [PublishError::Unknown(alpine()), PublishError::Unauthorized(alpine())] {
        assert_eq!(parked.disposition(), Disposition::Park, "{parked}");
    }
    for passing in [
        PublishError::UnderWay(UnderWay),
        PublishError::Contended,
        PublishError::Outside(OutsideError::OutOfTime),
        PublishError::Store(StoreError::Busy),
        PublishError::Secret(SecretError::Unavailable("away".into())),
    ] {
        assert_eq!(passing.disposition(), Disposition::Retry, "{passing}");
    }
}

#[test]
fn a_lease_outlasts_the_attempt_and_ends_within_two_days() {
    let lasting = durations(Timestamp::from_millis(0), Timestamp::from_millis(10_000));
    assert!(lasting.in_progress > 10 && lasting.record == LEASE_SECONDS);
}
