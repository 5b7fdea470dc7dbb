//! The leases that a squad keeps in its table around its effects outside.

use anyhow::ensure;
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Lease, Owner},
    time::Timestamp,
};
use lakeside_kit::lease::{Held, LeaseKey, Leases};
use uuid::Uuid;

use crate::{at, contracts, same};

/// How long they last.
pub const DURATIONS: Durations = Durations { in_progress: 22, record: 3600 };

/// What is in the table, past its ports.
pub trait Books {
    /// The record of a lease.
    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>>;
}

pub(crate) fn owner(name: &str) -> Owner {
    Owner(name.into())
}

pub(crate) fn held(name: &str) -> Held {
    Held { key: LeaseKey::new("ports", Uuid::new_v4().to_string()), owner: owner(name) }
}

/// Takes a lease that is free.
pub(crate) async fn taken(leases: &impl Leases, name: &str) -> anyhow::Result<Held> {
    let held = held(name);
    let taken = leases.acquire(&held.key, &held.owner, at(0)).await?;
    ensure!(matches!(taken, Acquisition::Acquired(_)), "a lease of its own is free");
    Ok(held)
}

pub(crate) fn in_progress(name: &str, since: i64) -> Lease {
    let since = at(since);
    Lease::InProgress {
        owner: owner(name),
        deadline: since.plus_seconds(DURATIONS.in_progress),
        expires_at: since.plus_seconds(DURATIONS.record),
    }
}

pub(crate) fn completed(result: &str, since: Timestamp) -> Lease {
    Lease::Completed { result: result.into(), expires_at: since.plus_seconds(DURATIONS.record) }
}

contracts! {
    (leases: Leases, books: Books)

    a_lease_in_progress_is_given_to_nobody_else_before_its_deadline_and_at_it {
        let held = taken(leases, "a").await?;
        same("record", books.lease(&held.key).await?, Some(in_progress("a", 0)))?;
        let before = leases.acquire(&held.key, &owner("b"), at(21_999)).await?;
        same("before", before, Acquisition::Busy { until: at(22_000) })?;
        same("record", books.lease(&held.key).await?, Some(in_progress("a", 0)))?;
        let then = leases.acquire(&held.key, &owner("b"), at(22_000)).await?;
        same("at the deadline", then, Acquisition::Acquired(in_progress("b", 22_000)))?;
        same("record", books.lease(&held.key).await?, Some(in_progress("b", 22_000)))?;
    }

    /// The first try of the request was applied and its answer lost.
    a_lease_is_given_to_its_holder_again_and_its_record_stays {
        let held = taken(leases, "a").await?;
        let again = leases.acquire(&held.key, &held.owner, at(5)).await?;
        same("outcome", again, Acquisition::Acquired(in_progress("a", 5)))?;
        same("record", books.lease(&held.key).await?, Some(in_progress("a", 0)))?;
        let late = leases.acquire(&held.key, &held.owner, at(22_000)).await?;
        same("at the deadline", late, Acquisition::Acquired(in_progress("a", 22_000)))?;
        same("record", books.lease(&held.key).await?, Some(in_progress("a", 22_000)))?;
    }

    a_lease_is_given_up_by_its_holder_only {
        let mine = taken(leases, "a").await?;
        leases.release(&Held { key: mine.key.clone(), owner: owner("b") }).await?;
        same("record", books.lease(&mine.key).await?, Some(in_progress("a", 0)))?;
        leases.release(&mine).await?;
        same("given up", books.lease(&mine.key).await?, None)?;
        leases.release(&mine).await?;
        same("twice", books.lease(&mine.key).await?, None)?;
    }
}
