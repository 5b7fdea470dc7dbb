//! Time as a port, so that a simulation can bend it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lakeside_domain::time::Timestamp;

/// What time it is.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A clock that can be waited on.
pub trait Pauses: Clock {
    /// Waits for some time between the two, by chance, so that those who were turned away together do not come back
    /// together.
    async fn pause(&self, at_least: Duration, at_most: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Pauses for SystemClock {
    async fn pause(&self, at_least: Duration, at_most: Duration) {
        let spread = at_most.saturating_sub(at_least);
        tokio::time::sleep(at_least.saturating_add(spread.mul_f64(fastrand::f64()))).await;
    }
}
