//! Which time is told again, when all of it can be, and about how much it is. Pure: everything it needs was read before.

use std::time::Duration;

use lakeside_contracts::WireTime;
use serde::Serialize;

use crate::{
    clock,
    failure::{Failure, Result},
};

const DAY_MILLIS: i64 = 86_400_000;

/// The time that is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Its beginning.
    pub from: WireTime,
    /// Its end.
    pub to: WireTime,
}

/// An archive of a bus, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of its bus.
    pub bus_arn: String,
    /// `ENABLED` if it takes what is said.
    pub state: String,
    /// Events in it, which EventBridge counts late.
    pub events: u64,
    /// Their size.
    pub bytes: u64,
    /// Since when it is there.
    pub created: WireTime,
    /// For how long it keeps an event; nothing if for ever.
    pub retention_days: Option<u32>,
}

/// About how much would be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Events in the window, if they were said evenly.
    pub events: u64,
    /// Events in the archive, over all the time that it holds.
    pub of_events: u64,
    /// Their size.
    pub of_bytes: u64,
    /// Since when it holds any.
    pub since: WireTime,
}

impl Window {
    /// The time between two points.
    ///
    /// # Errors
    /// If there is none between them, or it is not over yet.
    pub fn new(from: WireTime, to: WireTime, now: WireTime) -> Result<Self> {
        if from.0 >= to.0 {
            return Err(Failure::usage(format!("the window ends at {to}, before it begins at {from}")));
        }
        if to.0 > now.0 {
            return Err(Failure::usage(format!("the window ends at {to}, and it is only {now}")));
        }
        Ok(Self { from, to })
    }

    /// How long it takes until all of it is in the archive.
    pub fn sure_in(self, now: WireTime, lag: Duration) -> Duration {
        let over = now.0.as_millis().saturating_sub(self.to.0.as_millis());
        lag.saturating_sub(Duration::from_millis(u64::try_from(over).unwrap_or_default()))
    }

    /// The full days since it began.
    pub const fn age_days(self, now: WireTime) -> i64 {
        now.0.as_millis().saturating_sub(self.from.0.as_millis()) / DAY_MILLIS
    }

    const fn millis(self) -> i64 {
        self.to.0.as_millis().saturating_sub(self.from.0.as_millis())
    }
}

impl Archive {
    /// Since when it holds events.
    pub fn since(&self, now: WireTime) -> WireTime {
        let kept = self.retention_days.map_or(i64::MAX, |days| i64::from(days).saturating_mul(DAY_MILLIS));
        let oldest = now.0.as_millis().saturating_sub(kept);
        clock::of_millis(self.created.0.as_millis().max(oldest))
    }

    /// About how much of it lies in a window, if it was said evenly.
    ///
    /// # Errors
    /// If it holds nothing of that time.
    pub fn estimate(&self, window: Window, now: WireTime) -> Result<Estimate> {
        let since = self.since(now);
        if window.to.0 <= since.0 {
            return Err(Failure::usage(format!(
                "the archive {} holds nothing from before {since}; what was said earlier lies in S3, for questions only",
                self.name
            )));
        }
        let held = Window { from: since, to: now };
        let part =
            Window { from: clock::of_millis(window.from.0.as_millis().max(since.0.as_millis())), ..window };
        let part = i128::from(self.events).saturating_mul(i128::from(part.millis()));
        let whole = i128::from(held.millis().max(1));
        // Rounded up: a window of a moment has not nothing in it.
        let events = part.saturating_add(whole - 1).checked_div(whole).unwrap_or_default();
        let events = u64::try_from(events).unwrap_or(u64::MAX).min(self.events);
        Ok(Estimate { events, of_events: self.events, of_bytes: self.bytes, since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    const NOW: i64 = 100 * DAY_MILLIS;

    fn days(from: i64, to: i64) -> Window {
        Window { from: clock::of_millis(from * DAY_MILLIS), to: clock::of_millis(to * DAY_MILLIS) }
    }

    fn archive(created: i64, retention_days: Option<u32>) -> Archive {
        Archive {
            name: "test-orders".into(),
            arn: "arn".into(),
            bus_arn: "bus".into(),
            state: "ENABLED".into(),
            events: 3000,
            bytes: 900_000,
            created: clock::of_millis(created * DAY_MILLIS),
            retention_days,
        }
    }

    #[test]
    fn a_window_has_a_beginning_before_its_end_and_is_over() {
        let window =
            |from, to| Window::new(clock::of_millis(from), clock::of_millis(to), clock::of_millis(9));
        assert!(window(5, 9).is_ok());
        assert_eq!(window(5, 5).unwrap_err().kind, Kind::Usage);
        assert_eq!(window(5, 10).unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn a_young_window_waits_until_the_archive_has_all_of_it() {
        let lag = Duration::from_mins(10);
        let window = Window { from: clock::of_millis(0), to: clock::of_millis(60_000) };
        assert_eq!(window.sure_in(clock::of_millis(60_000), lag), lag);
        assert_eq!(window.sure_in(clock::of_millis(120_000), lag), Duration::from_mins(9));
        assert_eq!(window.sure_in(clock::of_millis(700_000), lag), Duration::ZERO);
        assert_eq!(window.sure_in(clock::of_millis(60_000), Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn events_are_taken_as_said_evenly_over_the_time_that_the_archive_holds() {
        let now = clock::of_millis(NOW);
        let month = archive(0, Some(30));
        assert_eq!(month.since(now), clock::of_millis(70 * DAY_MILLIS));
        assert_eq!(month.estimate(days(98, 99), now).unwrap().events, 100);
        assert_eq!(month.estimate(days(0, 100), now).unwrap().events, 3000, "it holds no more");
        assert_eq!(
            month.estimate(days(69, 71), now).unwrap().events,
            100,
            "of the older day nothing is left"
        );
        let young = archive(90, Some(30));
        assert_eq!(young.estimate(days(98, 99), now).unwrap().events, 300);
        let for_ever = archive(40, None);
        assert_eq!(for_ever.estimate(days(98, 99), now).unwrap().events, 50);
    }

    #[test]
    fn a_window_before_the_archive_is_refused() {
        let now = clock::of_millis(NOW);
        assert_eq!(archive(0, Some(30)).estimate(days(60, 70), now).unwrap_err().kind, Kind::Usage);
        assert!(archive(0, Some(30)).estimate(days(60, 71), now).is_ok());
    }
}
