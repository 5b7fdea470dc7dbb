//! The lease around an external effect: at most one attempt at a time, a completed one is never undone, and an
//! attempt that lost its lease cannot tell.
//!
//! A lease alone does not make an effect happen once (its holder may sleep past the deadline and act); the
//! stable key sent to the outside does not either (it expires there). Together they do, with a record before the call
//! and a look-up before the next one, as long as an attempt ends before the key does.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One attempt's proof that the lease is its own. Never reused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub String);

/// The record of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lease {
    /// Somebody is at it.
    #[serde(rename_all = "camelCase")]
    InProgress {
        /// Who.
        owner: Owner,
        /// Until when nobody else may take it.
        deadline: Timestamp,
        /// From when on the record counts as absent.
        expires_at: Timestamp,
    },
    /// It is done.
    ///
    /// INVARIANT (I5): never reverts; it only expires.
    #[serde(rename_all = "camelCase")]
    Completed {
        /// What came of it.
        result: String,
        /// From when on the record counts as absent.
        expires_at: Timestamp,
    },
}

/// How long leases last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// Seconds an attempt has the lease for itself; longer than the function's timeout.
    pub in_progress: u32,
    /// Seconds a record is kept; longer than any redelivery.
    pub record: u32,
}

/// The answer to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquisition {
    /// Go ahead: write this.
    Acquired(Lease),
    /// It is done, with this result.
    Completed(String),
    /// Somebody is at it until then: come back.
    Busy {
        /// When the lease can be taken over.
        until: Timestamp,
    },
}

/// The lease is not the caller's any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease was lost to another attempt")]
pub struct LeaseLost;

/// Whether `owner` may start, given the record.
///
/// Yes if there is none, it has expired, or its holder's deadline has passed.
pub fn acquire(current: Option<&Lease>, owner: &Owner, now: Timestamp, durations: Durations) -> Acquisition {
    match current {
        Some(Lease::Completed { result, expires_at }) if *expires_at > now => {
            Acquisition::Completed(result.clone())
        }
        Some(Lease::InProgress { deadline, expires_at, .. }) if *deadline > now && *expires_at > now => {
            Acquisition::Busy { until: *deadline }
        }
        _ => Acquisition::Acquired(Lease::InProgress {
            owner: owner.clone(),
            deadline: now.plus_seconds(durations.in_progress),
            expires_at: now.plus_seconds(durations.record),
        }),
    }
}

/// The record after `owner` has finished.
///
/// # Errors
/// [`LeaseLost`] unless the lease is in progress under `owner`.
pub fn complete(
    current: Option<&Lease>,
    owner: &Owner,
    result: String,
    now: Timestamp,
    durations: Durations,
) -> Result<Lease, LeaseLost> {
    holds(current, owner)?;
    Ok(Lease::Completed { result, expires_at: now.plus_seconds(durations.record) })
}

/// Whether `owner` may delete the record after a failure, so that the next attempt need not wait.
///
/// # Errors
/// [`LeaseLost`] unless the lease is in progress under `owner`.
pub fn release(current: Option<&Lease>, owner: &Owner) -> Result<(), LeaseLost> {
    holds(current, owner)
}

fn holds(current: Option<&Lease>, owner: &Owner) -> Result<(), LeaseLost> {
    match current {
        Some(Lease::InProgress { owner: holder, .. }) if holder == owner => Ok(()),
        _ => Err(LeaseLost),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DURATIONS: Durations = Durations { in_progress: 10, record: 3600 };

    fn owner(name: &str) -> Owner {
        Owner(name.into())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn held_by(name: &str) -> Lease {
        let Acquisition::Acquired(lease) = acquire(None, &owner(name), at(0), DURATIONS) else {
            panic!("a free lease is granted")
        };
        lease
    }

    #[test]
    fn one_attempt_at_a_time_until_its_deadline() {
        let lease = held_by("a");
        assert_eq!(acquire(Some(&lease), &owner("b"), at(9), DURATIONS), Acquisition::Busy { until: at(10) });
        assert!(matches!(acquire(Some(&lease), &owner("b"), at(10), DURATIONS), Acquisition::Acquired(_)));
    }

    #[test]
    fn a_stale_attempt_can_neither_complete_nor_release() {
        let Acquisition::Acquired(taken_over) = acquire(Some(&held_by("a")), &owner("b"), at(10), DURATIONS)
        else {
            panic!("the deadline has passed")
        };
        assert_eq!(
            complete(Some(&taken_over), &owner("a"), String::new(), at(11), DURATIONS),
            Err(LeaseLost)
        );
        assert_eq!(release(Some(&taken_over), &owner("a")), Err(LeaseLost));
        let done = complete(Some(&taken_over), &owner("b"), "r".into(), at(11), DURATIONS).unwrap();
        assert_eq!(release(Some(&done), &owner("b")), Err(LeaseLost));
        assert_eq!(release(None, &owner("b")), Err(LeaseLost));
    }

    proptest! {
        #[test]
        fn a_completed_record_never_reverts_before_it_expires(
            attempts in prop::collection::vec((0..3_u8, 0..3_u8, 0..3599_i64), 0..30)
        ) {
            let done = complete(Some(&held_by("a")), &owner("a"), "r".into(), at(0), DURATIONS).unwrap();
            let mut record = Some(done.clone());
            for (action, who, second) in attempts {
                let who = owner(["a", "b", "c"][usize::from(who)]);
                match action {
                    0 => if let Acquisition::Acquired(l) = acquire(record.as_ref(), &who, at(second), DURATIONS) {
                        record = Some(l);
                    },
                    1 => if let Ok(l) = complete(record.as_ref(), &who, "x".into(), at(second), DURATIONS) {
                        record = Some(l);
                    },
                    _ => if release(record.as_ref(), &who).is_ok() {
                        record = None;
                    },
                }
            }
            prop_assert_eq!(record, Some(done));
        }
    }
}
