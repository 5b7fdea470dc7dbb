//! The kit's ports in memory, for tests of the functions: feature `memory`.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::Duration,
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Lease, Owner, acquire, complete, release},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    clock::{Clock, Pauses},
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    task_token::{AnswerError, Answered, TaskTokens},
};

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

/// Leases under the domain's rules.
#[derive(Debug)]
pub struct MemoryLeases {
    durations: Durations,
    leases: RefCell<HashMap<LeaseKey, Lease>>,
}

impl MemoryLeases {
    /// Leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self { durations, leases: RefCell::default() }
    }

    /// Takes the lease for `owner` if it may have it.
    pub fn take(&self, key: &LeaseKey, owner: &Owner, now: Timestamp) -> Acquisition {
        let mut leases = self.leases.borrow_mut();
        let decided = acquire(leases.get(key), owner, now, self.durations);
        if let Acquisition::Acquired(lease) = &decided {
            leases.insert(key.clone(), lease.clone());
        }
        decided
    }

    /// Completes `held`; answers whether the lease was still the holder's.
    pub fn complete(&self, held: &Held, result: &str, now: Timestamp) -> bool {
        let mut leases = self.leases.borrow_mut();
        let current = leases.get(&held.key);
        let Ok(lease) = complete(current, &held.owner, result.into(), now, self.durations) else {
            return false;
        };
        leases.insert(held.key.clone(), lease);
        true
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
        let mut leases = self.leases.borrow_mut();
        if release(leases.get(&held.key), &held.owner).is_ok() {
            leases.remove(&held.key);
        }
        Ok(())
    }
}
