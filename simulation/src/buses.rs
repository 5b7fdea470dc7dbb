//! The buses: rules as the squads' Terraform has them, archives that lag, and replays of a window to chosen rules.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lakeside_contracts::WireTime;
use lakeside_domain::time::Timestamp;
use lakeside_kit::outbox::Entry;
use quamina::Quamina;

use crate::{
    faults::Fault,
    subscriptions::{ACCOUNT, REGION, Rule},
    world::World,
};

/// An archive may lag by so much: AWS recommends to wait for so long before a replay.
const ARCHIVE_LAG: i64 = 600_000;
/// A replay goes through its window minute by minute; within a minute there is no order.
const BUCKET: i64 = 60_000;
/// The buses that have an archive: all of the platform's own.
pub const ARCHIVED: [&str; 4] = ["orders", "inventory", "fulfilment", "growth"];
/// The bus that AWS's own services publish to.
const DEFAULT: &str = "default";

/// An event as it is put.
pub struct BusEvent {
    pub source: String,
    pub detail_type: String,
    pub detail: String,
}

impl From<&Entry> for BusEvent {
    fn from(entry: &Entry) -> Self {
        let Entry { source, detail_type, detail, .. } = entry.clone();
        Self { source, detail_type, detail }
    }
}

impl BusEvent {
    /// Every domain publishes to its own bus.
    fn bus(&self) -> &str {
        self.source.strip_prefix("lakeside.").unwrap_or(DEFAULT)
    }
}

/// An event that a bus has taken.
pub struct Published {
    pub event: BusEvent,
    time: i64,
    /// All of the event but `replay-name`.
    envelope: String,
    /// A replay that begins before finds nothing of it.
    archived_at: i64,
}

impl Published {
    fn new(event: BusEvent, id: uuid::Uuid, time: i64, archived_at: i64) -> Self {
        let BusEvent { source, detail_type, detail } = &event;
        let at = WireTime(Timestamp::from_millis(time));
        let envelope = format!(
            r#"{{"version":"0","id":"{id}","detail-type":"{detail_type}","source":"{source}","account":"{ACCOUNT}","time":"{at}","region":"{REGION}","resources":[],"detail":{detail}}}"#,
        );
        Self { event, time, envelope, archived_at }
    }

    /// The event as rules see it and targets get it.
    fn envelope(&self, replay: Option<&str>) -> Cow<'_, str> {
        replay.map_or(Cow::Borrowed(&self.envelope), |name| {
            let rest = self.envelope.trim_start_matches('{');
            Cow::Owned(format!(r#"{{"replay-name":"{name}",{rest}"#))
        })
    }
}

/// All rules of all buses, ready to match.
pub struct Router {
    pub rules: Vec<Rule>,
    buses: BTreeMap<String, Quamina<usize>>,
}

impl Router {
    /// # Panics
    /// If a pattern is none.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut buses: BTreeMap<String, Quamina<usize>> = BTreeMap::new();
        for (position, rule) in rules.iter().enumerate() {
            let matcher = buses.entry(rule.bus.clone()).or_default();
            matcher
                .add_pattern(position, &rule.pattern)
                .unwrap_or_else(|error| panic!("{} is no pattern: {error}", rule.pattern));
        }
        Self { rules, buses }
    }

    /// The rules of `bus` that match the event, by their positions.
    pub fn matching(&self, bus: &str, event: &str) -> Vec<usize> {
        let Some(matcher) = self.buses.get(bus) else { return Vec::new() };
        let mut found = matcher.matches_for_event(event.as_bytes()).expect("an event is JSON");
        found.sort_unstable();
        found
    }
}

/// What to say again, as `StartReplay` takes it.
pub struct Replay<'a> {
    pub name: &'a str,
    /// An archive is of one bus.
    pub bus: &'a str,
    /// The window, by the events' own times.
    pub from: i64,
    pub until: i64,
    /// `FilterArns`: only these rules, by position; all of them if there are none.
    pub rules: Option<BTreeSet<usize>>,
}

impl World {
    /// An event has arrived on its bus.
    pub fn publish(self: &Rc<Self>, event: BusEvent) {
        let engine = &self.engine;
        self.check(!self.directory.is_quoted_in(&event.detail), "I6", || {
            format!("a {} says where a customer can be reached", event.detail_type)
        });
        let (id, time) = (engine.uuid(), engine.now());
        let archived_at = time + engine.between(0, ARCHIVE_LAG);
        let published = Rc::new(Published::new(event, id, time, archived_at));
        if ARCHIVED.contains(&published.event.bus()) {
            self.archive.borrow_mut().push(Rc::clone(&published));
        }
        self.route(&published, None, None);
    }

    /// A replayed event is not archived again: the archive's own rule takes only what has no `replay-name`.
    fn route(self: &Rc<Self>, event: &Published, replay: Option<&str>, rules: Option<&BTreeSet<usize>>) {
        let envelope = event.envelope(replay);
        for rule in self.deployed.router.matching(event.event.bus(), &envelope) {
            if rules.is_none_or(|chosen| chosen.contains(&rule)) {
                let function = &self.deployed.router.rules[rule].function;
                self.send(function, envelope.to_string(), &[]);
            }
        }
    }

    /// Says everything again that was ever said, to everybody.
    pub fn replay(self: &Rc<Self>) {
        self.faults.count(Fault::Replay);
        for bus in ARCHIVED {
            self.start_replay(&Replay { name: "again", bus, from: 0, until: i64::MAX, rules: None });
        }
    }

    /// Says again what was said during some time, to everybody or to some.
    pub fn replay_of_window(self: &Rc<Self>) {
        let (engine, rules) = (&self.engine, &self.deployed.router.rules);
        let bus = *engine.pick(&ARCHIVED);
        let from = engine.between(crate::engine::EPOCH, engine.now());
        let until = engine.between(from, engine.now());
        let chosen = engine
            .chance(0.5)
            .then(|| (0..rules.len()).filter(|rule| rules[*rule].bus == bus && engine.chance(0.5)).collect());
        self.start_replay(&Replay { name: "window", bus, from, until, rules: chosen });
    }

    /// Replays minute by minute what the archive holds by now, without any order in a minute.
    pub fn start_replay(self: &Rc<Self>, replay: &Replay) {
        let engine = &self.engine;
        let mut buckets: BTreeMap<i64, Vec<Rc<Published>>> = BTreeMap::new();
        for event in self.archive.borrow().iter() {
            if event.event.bus() != replay.bus || !(replay.from..replay.until).contains(&event.time) {
                continue;
            }
            if event.archived_at > engine.now() {
                self.faults.count(Fault::NotYetArchived);
            } else {
                buckets.entry(event.time / BUCKET).or_default().push(Rc::clone(event));
            }
        }
        engine.note(|| {
            let events: usize = buckets.values().map(Vec::len).sum();
            let to = replay.rules.as_ref().map_or("all".to_owned(), |rules| rules.len().to_string());
            format!("replay {} of {events} events of {} to {to} rules", replay.name, replay.bus)
        });
        let mut begin = engine.between(1, 5_000);
        for event_of_bucket in buckets.into_values() {
            let pace = engine.between(10, 3_000);
            for event in event_of_bucket {
                let (world, name, rules) = (Rc::clone(self), replay.name.to_owned(), replay.rules.clone());
                let delay = begin + engine.between(0, pace);
                engine.after(delay, move || world.route(&event, Some(&name), rules.as_ref()));
            }
            begin += pace;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriptions::subscriptions;

    fn router() -> Router {
        Router::new(subscriptions().into_iter().flat_map(|subscription| subscription.rules).collect())
    }

    fn heard_by(source: &str, detail_type: &str, detail: &str) -> Vec<String> {
        let (source, detail_type, detail) = (source.into(), detail_type.into(), detail.into());
        let event = BusEvent { source, detail_type, detail };
        let event = Published::new(event, uuid::Uuid::nil(), 0, 0);
        let router = router();
        let rules = router.matching(event.event.bus(), &event.envelope(None));
        let mut functions: Vec<_> = rules.iter().map(|rule| router.rules[*rule].function.clone()).collect();
        functions.sort_unstable();
        functions
    }

    #[test]
    fn the_rules_are_those_of_the_terraform() {
        assert_eq!(
            heard_by("lakeside.orders", "OrderCreated", "{}"),
            ["accrue-loyalty", "notify-customer", "order-status", "reserve-stock", "start-fulfilment"]
        );
        assert_eq!(heard_by("lakeside.orders", "OrderConfirmed", "{}"), ["notify-customer", "order-status"]);
        assert_eq!(
            heard_by("lakeside.fulfilment", "FulfilmentCompleted", "{}"),
            ["advance-order", "order-status"]
        );
        // Said by somebody else, on another bus.
        assert_eq!(heard_by("lakeside.inventory", "OrderCreated", "{}"), [""; 0]);
    }

    #[test]
    fn only_failed_executions_of_the_saga_are_recovered() {
        let heard = |arn: &str, status: &str| {
            let detail = format!(r#"{{"stateMachineArn":"{arn}","status":"{status}"}}"#);
            heard_by("aws.states", "Step Functions Execution Status Change", &detail)
        };
        let saga = crate::subscriptions::STATE_MACHINE;
        assert_eq!(heard(saga, "FAILED"), ["recover-fulfilment"]);
        assert_eq!(heard(saga, "TIMED_OUT"), ["recover-fulfilment"]);
        assert_eq!(heard(saga, "SUCCEEDED"), [""; 0]);
        assert_eq!(heard("arn:aws:states:us-east-1:000000000000:stateMachine:other", "FAILED"), [""; 0]);
    }
}
