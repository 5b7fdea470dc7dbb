//! One look at a time, for all who watch: it makes no more calls than it may, and none while nobody watches.

mod seen;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use lakeside_contracts::WireTime;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use self::seen::{Seen, is_recent, read};
use super::{
    overview::{Journey, Overview, Pair, WINDOW_MILLIS, counted},
    sources::Source,
};
use crate::{clock, consumers::Depth, environment, failure::Failure};

/// Between two looks.
pub const INTERVAL: Duration = Duration::from_secs(3);
/// Between two looks at what changes seldom: who listens, and how old messages are.
const SELDOM: Duration = Duration::from_mins(1);
const AT_A_TIME: usize = 6;
/// Orders that are shown at most.
const SHOWN: usize = 80;

/// The calls that one look may make.
pub fn calls_of_a_look(calls_per_minute: u32) -> usize {
    let looks = 60 / INTERVAL.as_secs().max(1);
    usize::try_from(u64::from(calls_per_minute) / looks.max(1)).unwrap_or(usize::MAX)
}

/// A log shows a line some seconds after it was written.
const LATE_MILLIS: i64 = 60_000;

#[derive(Debug, Clone, Copy, Default)]
struct Lying {
    depth: Option<Depth>,
    dead: Option<u64>,
    busy_since: Option<WireTime>,
}

/// What was seen so far.
pub struct Poller {
    queues: BTreeMap<String, environment::Queue>,
    lying: BTreeMap<String, Lying>,
    /// Whose turn it is among queues and dead-letter queues.
    turn: usize,
    sagas: BTreeMap<String, Seen>,
    more: bool,
    /// Whether more orders were refused than are known.
    more_refused: bool,
    /// Until when it is known which orders were refused.
    refused_until: Option<WireTime>,
    mappings: Option<BTreeMap<String, String>>,
    ages: BTreeMap<String, u64>,
    seldom: Option<Instant>,
    /// What could not be read at the last look at what changes seldom.
    standing: Vec<String>,
    calls: VecDeque<(Instant, usize)>,
}

/// What a look may still ask, and what it could not.
struct Look {
    left: usize,
    problems: Vec<String>,
}

impl Look {
    fn note<T>(&mut self, read: Result<T, Failure>) -> Option<T> {
        read.map_err(|failure| {
            if !self.problems.contains(&failure.sentence) {
                self.problems.push(failure.sentence);
            }
        })
        .ok()
    }
}

impl Poller {
    /// A poller that has seen nothing.
    pub fn new(queues: BTreeMap<String, environment::Queue>) -> Self {
        Self {
            queues,
            lying: BTreeMap::new(),
            turn: 0,
            sagas: BTreeMap::new(),
            more: false,
            more_refused: false,
            refused_until: None,
            mappings: None,
            ages: BTreeMap::new(),
            seldom: None,
            standing: Vec::new(),
            calls: VecDeque::new(),
        }
    }

    /// Looks, with `budget` calls at most but for pages of what changes seldom, and says what there is to see.
    pub async fn look(&mut self, source: &impl Source, budget: usize, now: WireTime) -> Overview {
        let mut look = Look { left: budget, problems: Vec::new() };
        self.list(source, &mut look, now).await;
        self.look_who_was_refused(source, &mut look, now).await;
        if self.seldom.is_none_or(|at| at.elapsed() >= SELDOM) {
            self.seldom = Some(Instant::now());
            let mut seldom = Look { left: look.left, problems: Vec::new() };
            self.look_seldom(source, &mut seldom, now).await;
            look.left = seldom.left;
            self.standing = seldom.problems;
        }
        // Orders first, for they move; queues have at least half of what is left.
        let for_orders = look.left / 2;
        self.look_at_orders(source, &mut look, for_orders, now).await;
        self.look_at_queues(source, &mut look, now).await;
        self.calls.push_back((Instant::now(), budget.saturating_sub(look.left)));
        while self.calls.front().is_some_and(|(at, _)| at.elapsed() >= Duration::from_mins(1)) {
            self.calls.pop_front();
        }
        self.overview([look.problems, self.standing.clone()].concat(), now)
    }

    async fn list(&mut self, source: &impl Source, look: &mut Look, now: WireTime) {
        let mut listed = BTreeMap::new();
        for running in [true, false] {
            look.left = look.left.saturating_sub(1);
            let Some((sagas, more)) = look.note(source.sagas(running).await) else { return };
            self.more = more && (running || sagas.iter().all(|saga| is_recent(saga, now)));
            listed.extend(sagas.into_iter().map(|saga| (saga.name.clone(), saga)));
        }
        listed.retain(|_, saga| is_recent(saga, now));
        let shown = |seen: &Seen| seen.has_no_saga() && is_recent(&seen.listed, now);
        self.sagas.retain(|name, seen| listed.contains_key(name) || shown(seen));
        for (name, saga) in listed {
            let seen = self.sagas.entry(name).or_insert_with(|| Seen::of(saga.clone()));
            if seen.listed.status != saga.status {
                seen.looked_at = None;
            }
            seen.listed = saga;
        }
    }

    /// What was refused before the first look, and what was since.
    async fn look_who_was_refused(&mut self, source: &impl Source, look: &mut Look, now: WireTime) {
        let at = now.0.as_millis();
        let since = self.refused_until.map_or(at - WINDOW_MILLIS, |until| until.0.as_millis() - LATE_MILLIS);
        let Some((refused, more, calls)) = look.note(source.refused(clock::of_millis(since)).await) else {
            look.left = look.left.saturating_sub(1);
            return;
        };
        look.left = look.left.saturating_sub(calls);
        self.refused_until = Some(now);
        self.more_refused = more;
        for seen in refused.into_iter().map(Seen::refused).filter(|seen| is_recent(&seen.listed, now)) {
            self.sagas.entry(seen.listed.name.clone()).or_insert(seen);
        }
    }

    async fn look_seldom(&mut self, source: &impl Source, look: &mut Look, now: WireTime) {
        if let Some((mappings, calls)) = look.note(source.mappings().await) {
            look.left = look.left.saturating_sub(calls);
            self.mappings = Some(mappings);
        }
        let names: Vec<String> = self.queues.values().filter_map(full_name).collect();
        look.left = look.left.saturating_sub(1);
        self.ages = look.note(source.ages(&names, now).await).unwrap_or_default();
    }

    /// What nobody has looked at, then what runs or has not settled, whatever was looked at longest ago first.
    async fn look_at_orders(&mut self, source: &impl Source, look: &mut Look, most: usize, now: WireTime) {
        let open =
            |seen: &&Seen| seen.looked_at.is_none() || seen.shown().stage.is_none_or(|stage| !stage.is_end());
        let mut turn: Vec<Seen> = self.sagas.values().filter(open).cloned().collect();
        turn.sort_by_key(|seen| (seen.looked_at, std::cmp::Reverse(seen.listed.started_at)));
        // A saga under way is asked for its state, and once for its order's total; one that has ended for its order only.
        let calls =
            |seen: &Seen| usize::from(seen.runs()) + usize::from(!seen.runs() || seen.order.is_none());
        let mut left = most;
        turn.retain(|seen| {
            let fits = calls(seen) <= left;
            if fits {
                left -= calls(seen);
            }
            fits
        });
        look.left = look.left.saturating_sub(most - left);
        let reads: Vec<_> = turn.into_iter().map(|seen| read(source, seen)).collect();
        let mut reads = stream::iter(reads).buffer_unordered(AT_A_TIME);
        while let Some(read) = reads.next().await {
            if let Some(mut seen) = look.note(read) {
                seen.looked_at = Some(now);
                self.sagas.insert(seen.listed.name.clone(), seen);
            }
        }
    }

    async fn look_at_queues(&mut self, source: &impl Source, look: &mut Look, now: WireTime) {
        let all = self.queues.iter().flat_map(|(name, queue)| {
            let own = queue.url.clone().map(|url| (name.clone(), false, url));
            own.into_iter().chain([(name.clone(), true, queue.dead_letter_url.clone())])
        });
        let all: Vec<_> = all.collect();
        let count = look.left.min(all.len());
        let turn: Vec<_> = all.iter().cycle().skip(self.turn).take(count).cloned().collect();
        self.turn = (self.turn + count).checked_rem(all.len()).unwrap_or_default();
        look.left -= count;
        let reads = turn.into_iter().map(async |(name, dead, url)| (name, dead, source.lies_in(&url).await));
        let reads: Vec<_> = reads.collect();
        let mut reads = stream::iter(reads).buffer_unordered(AT_A_TIME);
        while let Some((name, dead, read)) = reads.next().await {
            let Some(depth) = look.note(read) else { continue };
            let lying = self.lying.entry(name).or_default();
            let total = depth.waiting + depth.in_flight;
            if dead {
                lying.dead = Some(total);
            } else {
                lying.depth = Some(depth);
                lying.busy_since = lying.busy_since.filter(|_| total > 0).or((total > 0).then_some(now));
            }
        }
    }

    fn overview(&self, problems: Vec<String>, now: WireTime) -> Overview {
        let queues: Vec<Pair> = self.queues.iter().map(|(name, queue)| self.queue(name, queue)).collect();
        let mut orders: Vec<Journey> = self.sagas.values().map(Seen::shown).collect();
        let stages = counted(&orders, &queues);
        orders.sort_by_key(|order| {
            let ended = order.stage.is_some_and(super::stages::Stage::is_end);
            (ended, std::cmp::Reverse(order.started_at))
        });
        let more = self.more || self.more_refused || orders.len() > SHOWN;
        orders.truncate(SHOWN);
        let unseen = self.sagas.values().filter(|seen| seen.looked_at.is_none()).count();
        let calls = self.calls.iter().map(|(_, calls)| calls).sum();
        Overview { at: Some(now), stages, orders, more, unseen, queues, calls, problems }
    }

    fn queue(&self, name: &str, queue: &environment::Queue) -> Pair {
        let lying = self.lying.get(name).copied().unwrap_or_default();
        let full = full_name(queue);
        let mapping = full.as_ref().and_then(|full| self.mappings.as_ref()?.get(full).cloned());
        let must_listen = full.is_some() && queue.function.is_some() && self.mappings.is_some();
        let off = |state: &String| state == "Disabled" || state == "Disabling";
        Pair {
            queue: name.to_owned(),
            holds: queue.holds,
            takes_back: queue.url.is_some(),
            function: queue.function.clone(),
            waiting: lying.depth.map(|depth| depth.waiting),
            in_flight: lying.depth.map(|depth| depth.in_flight),
            busy_since: lying.busy_since,
            oldest_seconds: full.as_ref().and_then(|full| self.ages.get(full).copied()),
            listens: must_listen.then(|| mapping.as_ref().is_some_and(|state| !off(state))),
            mapping,
            dead_letters: lying.dead,
        }
    }
}

/// The name of a queue in full, which is the last of its address.
fn full_name(queue: &environment::Queue) -> Option<String> {
    queue.url.as_deref()?.rsplit('/').next().map(str::to_owned)
}

/// What all who watch are shown.
pub struct Board {
    shown: watch::Sender<Arc<Overview>>,
    somebody: Notify,
}

impl Board {
    /// A board with nothing on it.
    pub fn new() -> Self {
        Self { shown: watch::Sender::new(Arc::default()), somebody: Notify::new() }
    }

    /// Begins to watch.
    pub fn watch(&self) -> watch::Receiver<Arc<Overview>> {
        let receiver = self.shown.subscribe();
        self.somebody.notify_one();
        receiver
    }

    /// Looks every `interval` for as long as somebody watches, and waits for somebody otherwise.
    pub async fn keep(&self, source: &impl Source, mut poller: Poller, budget: usize, interval: Duration) {
        loop {
            while self.shown.receiver_count() == 0 {
                self.somebody.notified().await;
            }
            let overview = poller.look(source, budget, clock::now()).await;
            self.shown.send_replace(Arc::new(overview));
            sleep(interval).await;
        }
    }
}

#[cfg(test)]
mod tests;
