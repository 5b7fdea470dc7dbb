//! At most so many requests in any one second.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(1);

/// Remembers when requests were let in. What was turned away does not count.
pub struct RateLimit {
    limit: usize,
    admitted: VecDeque<Instant>,
}

impl RateLimit {
    pub fn per_second(limit: u32) -> Self {
        Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), admitted: VecDeque::new() }
    }

    /// Lets a request in at `now`, or says after how long the next one would be.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        while self.admitted.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            self.admitted.pop_front();
        }
        if self.admitted.len() < self.limit {
            self.admitted.push_back(now);
            return Ok(());
        }
        // The window holds at least one request here, because the limit is positive.
        let oldest = self.admitted.front().copied().unwrap_or(now);
        Err(WINDOW.saturating_sub(now.duration_since(oldest)))
    }
}

/// Whole seconds, rounded up: who waits that long is let in.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    let whole = wait.as_secs();
    if wait.subsec_nanos() == 0 { whole.max(1) } else { whole.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_second_holds_no_more_than_the_limit() {
        let start = Instant::now();
        let mut limit = RateLimit::per_second(5);
        let mut admitted: Vec<Duration> = Vec::new();
        for step in 0..400 {
            let at = Duration::from_millis(step * 10);
            if limit.admit(start + at).is_ok() {
                admitted.push(at);
            }
        }
        for (i, at) in admitted.iter().enumerate() {
            let in_window = admitted[i..].iter().filter(|other| **other < *at + WINDOW).count();
            assert!(in_window <= 5, "{in_window} requests within a second of {at:?}");
        }
        assert_eq!(admitted.len(), 20, "the limit is also reached");
    }

    #[test]
    fn who_waits_as_told_is_let_in() {
        let start = Instant::now();
        let mut limit = RateLimit::per_second(2);
        assert_eq!(limit.admit(start), Ok(()));
        assert_eq!(limit.admit(start + Duration::from_millis(300)), Ok(()));
        let wait = limit.admit(start + Duration::from_millis(400)).expect_err("the third is too many");
        assert_eq!(wait, Duration::from_millis(600));
        assert_eq!(limit.admit(start + Duration::from_millis(400) + wait), Ok(()));
        assert_eq!(retry_after_seconds(wait), 1);
        assert_eq!(retry_after_seconds(Duration::from_secs(1)), 1);
        assert_eq!(retry_after_seconds(Duration::from_millis(1001)), 2);
        assert_eq!(retry_after_seconds(Duration::ZERO), 1);
    }
}
