//! The kit's ports in memory, for tests of the functions: feature `memory`.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io::{self, Write},
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Lease, Owner, acquire, complete, release},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use crate::{
    clock::{Clock, Pauses},
    dynamo::{Key, StoreError},
    lease::{Held, LeaseKey, Leases},
    metrics::{Measure, Metric, Metrics},
    otlp::Export,
    outbox::Entry,
    runtime::{exporting_subscriber, subscriber},
    secret::{Current, Secret, SecretError, Secrets},
    task_token::{AnswerError, Answered, TaskTokens},
};

pub mod endpoint;

/// Names every condition that the expressions of a table's adapter make, each with what it says.
///
/// A table in memory enforces all of them but the one that is lifted, so that what relies on a condition can be shown
/// to miss it.
#[macro_export]
macro_rules! conditions {
    ($($name:ident: $says:literal),+ $(,)?) => {
        /// What a write to the table relies on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Condition {
            $(#[doc = $says] $name),+
        }

        impl Condition {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What it says.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says),+
                }
            }
        }
    };
}

/// The condition that a table does not enforce, if there is one.
#[derive(Debug)]
pub struct Lifted<C: Copy>(Cell<Option<C>>);

impl<C: Copy> Default for Lifted<C> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

impl<C: Copy + PartialEq> Lifted<C> {
    /// From now on `condition` is not enforced, as if it were missing from its expression.
    pub fn lift(&self, condition: C) {
        self.0.set(Some(condition));
    }

    /// Whether a write that relies on `condition` goes through, given whether it `holds`.
    pub fn passes(&self, condition: C, holds: bool) -> bool {
        holds || self.0.get() == Some(condition)
    }
}

/// A write of an item, as the table's stream carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// About which order, or what else.
    pub about: Uuid,
    /// The outbox that the item had.
    pub old: Vec<Entry>,
    /// The outbox that it has now.
    pub new: Vec<Entry>,
}

/// The `outbox` attributes of a table's items, and the stream of the writes to them.
#[derive(Debug, Default)]
pub struct Outboxes {
    now: RefCell<HashMap<Key, Vec<Entry>>>,
    stream: RefCell<Vec<Change>>,
}

impl Outboxes {
    /// The item was written with these entries; without any it has no outbox.
    pub fn write(&self, key: Key, about: impl Into<Uuid>, entries: &[Entry]) {
        let old = self.now.borrow_mut().insert(key, entries.to_vec()).unwrap_or_default();
        self.stream.borrow_mut().push(Change { about: about.into(), old, new: entries.to_vec() });
    }

    /// The item was written, and its outbox left as it was.
    pub fn keep(&self, key: &Key, about: impl Into<Uuid>) {
        let entries = self.of(key);
        self.stream.borrow_mut().push(Change { about: about.into(), old: entries.clone(), new: entries });
    }

    /// The outbox of an item.
    pub fn of(&self, key: &Key) -> Vec<Entry> {
        self.now.borrow().get(key).cloned().unwrap_or_default()
    }

    /// Takes what the stream carries.
    pub fn take_changes(&self) -> Vec<Change> {
        self.stream.take()
    }

    /// The events in the stream.
    pub fn entries(&self) -> Vec<Entry> {
        let stream = self.stream.borrow();
        let added = stream.iter().flat_map(|change| change.new.iter().filter(|e| !change.old.contains(e)));
        added.cloned().collect()
    }

    /// The detail-types of the events in the stream.
    pub fn published(&self) -> Vec<String> {
        self.entries().into_iter().map(|entry| entry.detail_type).collect()
    }
}

/// What is logged, in the form in which functions log and at every level.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Does `work`, and keeps what it logs.
    pub async fn of<T>(&self, work: impl Future<Output = T>) -> T {
        self.at("trace", work).await
    }

    /// Does `work`, and keeps what it logs at `level` and above.
    pub async fn at<T>(&self, level: &str, work: impl Future<Output = T>) -> T {
        work.with_subscriber(subscriber(level, self.clone())).await
    }

    /// As [`Self::at`], and makes the spans that are exported.
    pub async fn with_spans<T>(&self, level: &str, spans: &Spans, work: impl Future<Output = T>) -> T {
        work.with_subscriber(exporting_subscriber(level, self.clone(), spans.0.clone())).await
    }

    /// All of it, as it was written.
    pub fn text(&self) -> String {
        let written = self.0.lock().map(|written| written.clone()).unwrap_or_default();
        String::from_utf8_lossy(&written).into_owned()
    }

    /// Line by line; what is no JSON is null.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The spans that are exported, kept for nobody.
#[derive(Debug)]
pub struct Spans(Export);

impl Spans {
    /// None so far.
    ///
    /// # Errors
    /// If there is no client for HTTP.
    pub fn new() -> Result<Self, lambda_runtime::Error> {
        Ok(Self(Export::to_nobody()?))
    }

    /// Forgets those that have ended; answers how many they were.
    pub fn forget(&self) -> usize {
        self.0.take().len()
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct MemoryMetrics(RefCell<Vec<Measure>>);

impl MemoryMetrics {
    /// The values of `metric`, in the order in which they were told.
    pub fn values(&self, metric: Metric) -> Vec<u64> {
        self.0.borrow().iter().filter(|measure| measure.metric == metric).map(|m| m.value).collect()
    }

    /// The moments of `metric` that were told with one.
    pub fn moments(&self, metric: Metric) -> Vec<Timestamp> {
        self.0.borrow().iter().filter(|measure| measure.metric == metric).filter_map(|m| m.at).collect()
    }

    /// How many of `metric` there were in all.
    pub fn total(&self, metric: Metric) -> u64 {
        self.values(metric).into_iter().sum()
    }
}

impl Metrics for MemoryMetrics {
    fn record(&self, measures: &[Measure]) {
        self.0.borrow_mut().extend_from_slice(measures);
    }
}

/// What goes wrong with the calls of a table in a test of its users.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The table does not answer.
    pub down: Cell<bool>,
    /// So many of the next writes are refused, as if another writer had come first.
    pub overtaken: Cell<usize>,
    /// Writes that were asked for.
    pub writes: Cell<usize>,
}

impl Trouble {
    /// What comes of a call.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while the table is down.
    pub fn read<T>(&self, call: impl FnOnce() -> T) -> Result<T, StoreError> {
        if self.down.get() { Err(StoreError::Unavailable("down".into())) } else { Ok(call()) }
    }

    /// What comes of a write, which answers `stale` if it is overtaken.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn write<T>(&self, stale: T, write: impl FnOnce() -> T) -> Result<T, StoreError> {
        self.writes.set(self.writes.get().saturating_add(1));
        let left = self.overtaken.get();
        self.overtaken.set(left.saturating_sub(1));
        self.read(|| if left > 0 { stale } else { write() })
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(pub Cell<i64>);

impl ManualClock {
    /// A clock that shows `millis` after the epoch.
    pub const fn at(millis: i64) -> Self {
        Self(Cell::new(millis))
    }

    /// Moves the clock on.
    pub fn advance(&self, millis: i64) {
        self.0.set(self.0.get().saturating_add(millis));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.get())
    }
}

impl Pauses for ManualClock {
    async fn pause(&self, at_least: Duration, _: Duration) {
        self.advance(i64::try_from(at_least.as_millis()).unwrap_or(i64::MAX));
    }
}

/// A saga that takes every answer.
#[derive(Debug, Default)]
pub struct Answers {
    /// Token and answer, in the order given.
    pub given: RefCell<Vec<(String, Value)>>,
    /// Whether the saga cannot be reached.
    pub down: Cell<bool>,
}

impl TaskTokens for Answers {
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError> {
        if self.down.get() {
            return Err(AnswerError("down".into()));
        }
        let result = serde_json::to_value(result).map_err(|e| AnswerError(e.into()))?;
        self.given.borrow_mut().push((token.to_owned(), result));
        Ok(Answered::Delivered)
    }
}

/// Secrets that can be changed.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    /// Whether they cannot be read.
    pub down: Cell<bool>,
    values: RefCell<HashMap<String, Current>>,
    versions: Cell<u64>,
    reads: Cell<usize>,
}

impl MemorySecrets {
    /// Makes `text` the current version of the secret called `id`.
    pub fn put(&self, id: &str, text: &str) {
        let version = self.versions.get().saturating_add(1);
        self.versions.set(version);
        let current = Current { secret: Secret::new(text), version: version.to_string() };
        self.values.borrow_mut().insert(id.to_owned(), current);
    }

    /// How often one was asked for.
    pub fn reads(&self) -> usize {
        self.reads.get()
    }
}

impl Secrets for MemorySecrets {
    async fn current(&self, id: &str) -> Result<Current, SecretError> {
        self.reads.set(self.reads.get().saturating_add(1));
        if self.down.get() {
            return Err(SecretError::Unavailable("down".into()));
        }
        self.values.borrow().get(id).cloned().ok_or_else(|| SecretError::Refused("no such secret".into()))
    }
}

impl<S: Secrets> Secrets for Rc<S> {
    async fn current(&self, id: &str) -> Result<Current, SecretError> {
        S::current(self, id).await
    }
}

/// What a write of a lease relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseCondition {
    /// It is absent, has expired, or its holder's deadline has passed.
    Free,
    /// Who completes it is at it.
    CompletedByHolder,
    /// Who gives it up is at it.
    ReleasedByHolder,
}

/// Leases under the domain's rules, as long as they are during one invocation. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryLeases {
    durations: Durations,
    leases: Rc<RefCell<HashMap<LeaseKey, Lease>>>,
    lifted: Rc<Lifted<LeaseCondition>>,
}

impl MemoryLeases {
    /// Leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self { durations, leases: Rc::default(), lifted: Rc::default() }
    }

    /// The same leases, those that are taken from here on as long as `durations`.
    #[must_use]
    pub fn lasting(&self, durations: Durations) -> Self {
        Self { durations, ..self.clone() }
    }

    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: LeaseCondition) {
        self.lifted.lift(condition);
    }

    /// Takes the lease for `owner` if it may have it.
    pub fn take(&self, key: &LeaseKey, owner: &Owner, now: Timestamp) -> Acquisition {
        let mut leases = self.leases.borrow_mut();
        let current = leases.get(key);
        let mut decided = acquire(current, owner, now, self.durations);
        let free = matches!(decided, Acquisition::Acquired(_));
        if self.lifted.passes(LeaseCondition::Free, free) {
            decided = acquire(None, owner, now, self.durations);
        } else if let Some(Lease::InProgress { owner: holder, .. }) = current
            && holder == owner
        {
            // As the adapter: the first try of this very request was applied and its answer lost.
            return acquire(None, owner, now, self.durations);
        }
        if let Acquisition::Acquired(lease) = &decided {
            leases.insert(key.clone(), lease.clone());
        }
        decided
    }

    /// Completes `held`; answers whether the lease was still the holder's.
    pub fn complete(&self, held: &Held, result: &str, now: Timestamp) -> bool {
        let mut leases = self.leases.borrow_mut();
        let completed = complete(leases.get(&held.key), &held.owner, result.into(), now, self.durations);
        if !self.lifted.passes(LeaseCondition::CompletedByHolder, completed.is_ok()) {
            return false;
        }
        let lease = completed.unwrap_or_else(|_| Lease::Completed {
            result: result.into(),
            expires_at: now.plus_seconds(self.durations.record),
        });
        leases.insert(held.key.clone(), lease);
        true
    }

    /// Gives `held` up, if it is still the holder's.
    pub fn give_up(&self, held: &Held) {
        let mut leases = self.leases.borrow_mut();
        let mine = release(leases.get(&held.key), &held.owner).is_ok();
        if self.lifted.passes(LeaseCondition::ReleasedByHolder, mine) {
            leases.remove(&held.key);
        }
    }

    /// Every lease there is a record of, in order.
    pub fn keys(&self) -> Vec<LeaseKey> {
        let mut keys: Vec<LeaseKey> = self.leases.borrow().keys().cloned().collect();
        keys.sort();
        keys
    }

    /// Deletes the record of a lease, as DynamoDB's TTL does.
    pub fn delete(&self, key: &LeaseKey) {
        self.leases.borrow_mut().remove(key);
    }

    /// The record of a lease.
    pub fn get(&self, key: &LeaseKey) -> Option<Lease> {
        self.leases.borrow().get(key).cloned()
    }
}

impl Leases for MemoryLeases {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        Ok(self.take(key, owner, now))
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.give_up(held);
        Ok(())
    }
}
