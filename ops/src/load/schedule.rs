//! When each request is due: at a rate that rises to a spike and falls again, whatever the answers are.

use std::time::Duration;

use serde::Serialize;

/// Part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// At the base rate, before the spike.
    Before,
    /// On the way up.
    Rise,
    /// At the height of the spike.
    Spike,
    /// On the way down.
    Fall,
    /// At the base rate again.
    After,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Before, Self::Rise, Self::Spike, Self::Fall, Self::After];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Rise => "rise",
            Self::Spike => "spike",
            Self::Fall => "fall",
            Self::After => "after",
        }
    }
}

/// A base rate with one spike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Requests a second before and after the spike.
    pub base: f64,
    /// How many times the base rate the spike is.
    pub spike: f64,
    /// Seconds at the base rate.
    pub before: f64,
    /// Seconds on the way up.
    pub rise: f64,
    /// Seconds at the height.
    pub hold: f64,
    /// Seconds on the way down.
    pub fall: f64,
    /// Seconds at the base rate afterwards.
    pub after: f64,
}

/// One request that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// After the beginning.
    pub at: Duration,
    /// In which part.
    pub phase: Phase,
}

/// A part at a rate that changes evenly.
struct Part {
    phase: Phase,
    seconds: f64,
    from: f64,
    to: f64,
}

impl Part {
    /// How many requests it has.
    fn area(&self) -> f64 {
        self.seconds * f64::midpoint(self.from, self.to)
    }

    /// How long after its beginning `requests` of it are due. The form that also holds where the rate stays as it is.
    fn when(&self, requests: f64) -> f64 {
        let slope = if self.seconds > 0.0 { (self.to - self.from) / self.seconds } else { 0.0 };
        let root = (2.0 * slope).mul_add(requests, self.from * self.from).max(0.0).sqrt();
        if self.from + root > 0.0 { 2.0 * requests / (self.from + root) } else { 0.0 }
    }
}

impl Profile {
    /// So many requests a second for so many seconds, and no spike.
    pub const fn even(a_second: f64, seconds: f64) -> Self {
        Self { base: a_second, spike: 1.0, before: seconds, rise: 0.0, hold: 0.0, fall: 0.0, after: 0.0 }
    }

    fn parts(&self) -> [Part; 5] {
        let height = self.base * self.spike;
        let part = |phase, seconds, from, to| Part { phase, seconds, from, to };
        [
            part(Phase::Before, self.before, self.base, self.base),
            part(Phase::Rise, self.rise, self.base, height),
            part(Phase::Spike, self.hold, height, height),
            part(Phase::Fall, self.fall, height, self.base),
            part(Phase::After, self.after, self.base, self.base),
        ]
    }

    /// How many requests it has.
    pub fn requests(&self) -> f64 {
        self.parts().iter().map(Part::area).sum()
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        self.parts().iter().map(|part| part.seconds).sum()
    }

    /// When each request is due, evenly spread over the rate of its time; the first `limit` of them.
    pub fn due(&self, limit: usize) -> Vec<Due> {
        let mut due = Vec::new();
        let (mut began, mut passed) = (0.0, 0.0);
        // Each request stands in the middle of its share of the area below the rate.
        let mut next = 0.5;
        for part in self.parts() {
            let area = part.area();
            while next < passed + area && due.len() < limit {
                let at = Duration::from_secs_f64(began + part.when(next - passed));
                due.push(Due { at, phase: part.phase });
                next += 1.0;
            }
            began += part.seconds;
            passed += area;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: Profile =
        Profile { base: 2.0, spike: 44.0, before: 10.0, rise: 4.0, hold: 5.0, fall: 4.0, after: 10.0 };

    fn within(due: &[Due], from: f64, to: f64) -> usize {
        due.iter().filter(|due| (from..to).contains(&due.at.as_secs_f64())).count()
    }

    #[test]
    fn the_spike_is_as_many_times_the_base_as_was_asked_for() {
        let due = PROFILE.due(usize::MAX);
        assert_eq!(within(&due, 0.0, 10.0), 20);
        // 88 a second for five seconds.
        assert_eq!(within(&due, 14.0, 19.0), 440);
        assert_eq!(within(&due, 23.0, 33.0), 20);
        // Two ramps of four seconds, at 45 a second on average.
        assert_eq!(due.len(), 20 + 180 + 440 + 180 + 20);
        assert!((PROFILE.requests() - 840.0).abs() < 1e-9);
        assert!((PROFILE.seconds() - 33.0).abs() < 1e-9);
    }

    #[test]
    fn requests_are_due_in_order_and_evenly_at_an_even_rate() {
        let due = PROFILE.due(usize::MAX);
        assert!(due.is_sorted_by_key(|due| due.at));
        assert!(due.is_sorted_by_key(|due| due.phase));
        let first: Vec<u128> = due.iter().take(3).map(|due| due.at.as_millis()).collect();
        assert_eq!(first, [250, 750, 1250]);
    }

    #[test]
    fn a_ramp_is_denser_towards_the_spike() {
        let due = PROFILE.due(usize::MAX);
        assert!(within(&due, 10.0, 12.0) * 2 < within(&due, 12.0, 14.0));
        assert!(within(&due, 19.0, 21.0) > 2 * within(&due, 21.0, 23.0));
    }

    #[test]
    fn no_more_are_due_than_were_allowed() {
        assert_eq!(PROFILE.due(7).len(), 7);
        let idle = Profile { base: 0.0, ..PROFILE };
        assert_eq!(idle.due(usize::MAX), []);
    }
}
