//! Calls to companies that we depend on and do not control: what they may answer, and how long we wait for it.

use std::{error::Error as StdError, time::Duration};

use lakeside_domain::time::Timestamp;

use crate::{
    clock::Pauses,
    disposition::{Disposed, Disposition},
    secret::SecretError,
};

/// A call is not begun with less time than this.
const SHORTEST_CALL: Duration = Duration::from_millis(100);

/// What somebody outside says to a request with an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    /// This, now and whenever the same request is made again.
    Final(T),
    /// It is still at it.
    Underway,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// Turned away before anything happened.
    #[error("turned away for making too many requests")]
    Throttled {
        /// How long to stay away.
        retry_after: Duration,
    },
    /// Too little of the invocation is left to begin a call. Nothing happened.
    #[error("no time is left for the call")]
    OutOfTime,
    /// No answer, or a failure over there. The effect may have happened, may happen yet, or never.
    #[error("the outcome of the call is unknown")]
    Unknown(#[source] Box<dyn StdError + Send + Sync>),
    /// What we come with opens nothing, not even what is current by now. Nothing happened.
    #[error("what we come with opens nothing")]
    Unauthorized,
    /// What opens it cannot be read. Nothing happened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The request will not be taken as it stands: a bug, or a missing grant.
    #[error("the request was refused with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
}

impl Disposed for OutsideError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Throttled { .. } | Self::OutOfTime | Self::Unknown(_) => Disposition::Retry,
            Self::Unauthorized | Self::Refused { .. } => Disposition::Park,
            Self::Secret(error) => error.disposition(),
        }
    }
}

/// How long to wait for somebody outside at `now`: half of what is left until `deadline`, because the other half is
/// for finding out and recording what came of it. `None` if that is too little to begin.
pub fn patience(now: Timestamp, deadline: Timestamp) -> Option<Duration> {
    let left = u64::try_from(deadline.as_millis().saturating_sub(now.as_millis())).unwrap_or_default();
    let half = Duration::from_millis(left / 2);
    (half >= SHORTEST_CALL).then_some(half)
}

/// Makes `call`, which is told how long it may take. Turned away, it waits as it was told and tries again while the
/// invocation has the time for it.
///
/// # Errors
/// As `call`, and [`OutsideError::OutOfTime`].
pub async fn patiently<T>(
    clock: &impl Pauses,
    deadline: Timestamp,
    call: impl AsyncFn(Duration) -> Result<T, OutsideError>,
) -> Result<T, OutsideError> {
    loop {
        let left = patience(clock.now(), deadline).ok_or(OutsideError::OutOfTime)?;
        let turned_away = match call(left).await {
            Err(OutsideError::Throttled { retry_after }) => retry_after,
            answered => return answered,
        };
        let longest = turned_away.saturating_add(turned_away / 2);
        if patience(clock.now(), deadline).is_none_or(|left| left < longest) {
            return Err(OutsideError::Throttled { retry_after: turned_away });
        }
        clock.pause(turned_away, longest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn half_of_the_time_left_is_kept_for_recording_the_outcome() {
        assert_eq!(patience(at(0), at(20_000)), Some(Duration::from_secs(10)));
        assert_eq!(patience(at(19_801), at(20_000)), None);
        assert_eq!(patience(at(30_000), at(20_000)), None);
    }

    #[test]
    fn only_what_somebody_must_put_right_is_parked() {
        for parked in [
            OutsideError::Refused { status: 422 },
            OutsideError::Unauthorized,
            OutsideError::Secret(SecretError::Refused("no value".into())),
        ] {
            assert_eq!(parked.disposition(), Disposition::Park);
        }
        for passing in [
            OutsideError::Secret(SecretError::Unavailable("down".into())),
            OutsideError::Unknown("lost".into()),
            OutsideError::OutOfTime,
            OutsideError::Throttled { retry_after: Duration::from_secs(1) },
        ] {
            assert_eq!(passing.disposition(), Disposition::Retry);
        }
    }
}
