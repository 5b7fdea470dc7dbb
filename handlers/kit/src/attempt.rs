//! One attempt at an effect outside, under a lease that keeps other attempts away as long as it may live.

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    time::Timestamp,
};

use crate::{
    clock::Clock,
    disposition::chain,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    runtime::Invocation,
};

/// Readings of a record that others overtake before it is written.
pub const READINGS: usize = 4;

/// Thirty days: queues and dead-letter queues keep a message for fourteen each.
const RECORD_SECONDS: u32 = 30 * 24 * 3600;
/// What the clocks of two attempts may differ by.
const SKEW_SECONDS: u32 = 2;

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it was written.
    Yes,
    /// The record, or the lease, is not what it was any more, and nothing was written: read and decide again.
    Stale,
}

/// Another attempt has the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another attempt is under way")]
pub struct UnderWay;

/// Who is at it, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Never the same for two attempts.
    pub owner: Owner,
    /// When Lambda ends the attempt.
    pub deadline: Timestamp,
}

impl Attempt {
    /// The attempt of an invocation at one message.
    pub fn at_message(invocation: &Invocation, message_id: &str) -> Self {
        Self {
            owner: Owner(format!("{}#{message_id}", invocation.request_id)),
            deadline: invocation.deadline,
        }
    }

    /// The attempt of an invocation that is about nothing else.
    pub fn of(invocation: &Invocation) -> Self {
        Self { owner: Owner(invocation.request_id.clone()), deadline: invocation.deadline }
    }
}

/// How long a lease that is taken at `now` lasts: until Lambda has surely ended the attempt, and no longer, because the
/// next one waits for it when this one crashes.
pub fn durations(now: Timestamp, deadline: Timestamp) -> Durations {
    let millis = deadline.as_millis().saturating_sub(now.as_millis()).max(0);
    let seconds = u32::try_from(millis.saturating_add(999) / 1000).unwrap_or(u32::MAX);
    Durations { in_progress: seconds.saturating_add(SKEW_SECONDS), record: RECORD_SECONDS }
}

/// Makes `effect` under the lease on `key`. `None` means that it is for others to say what came of it: read again.
///
/// `effect` completes the lease together with the record of its outcome, or returns `None` or an error: then the lease
/// is given up.
///
/// # Errors
/// [`UnderWay`] if another attempt has the lease; [`StoreError`]; those of `effect`.
pub async fn under_lease<T, E: From<StoreError> + From<UnderWay>>(
    leases: &impl Leases,
    clock: &impl Clock,
    key: LeaseKey,
    attempt: &Attempt,
    effect: impl AsyncFnOnce(&Held) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    match leases.acquire(&key, &attempt.owner, clock.now()).await? {
        Acquisition::Completed(_) => return Ok(None),
        Acquisition::Busy { .. } => return Err(UnderWay.into()),
        Acquisition::Acquired(_) => {}
    }
    let held = Held { key, owner: attempt.owner.clone() };
    let outcome = effect(&held).await;
    if !matches!(outcome, Ok(Some(_)))
        && let Err(error) = leases.release(&held).await
    {
        // It ends by itself at its deadline; the outcome matters more.
        tracing::warn!(error = chain(&error), "the lease could not be given up");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlasts_the_attempt_but_not_by_much() {
        let from = |millis| durations(Timestamp::from_millis(millis), Timestamp::from_millis(20_000));
        assert_eq!(from(0).in_progress, 22);
        assert_eq!(from(18_999).in_progress, 4);
        assert_eq!(from(25_000).in_progress, 2);
    }
}
