//! Latencies and endings as figures: percentiles, over the whole and over time.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    driving::{Answer, Sent},
    schedule::Phase,
};

/// Points of a plot at most.
const POINTS: u64 = 120;

/// Two digits of a percentile mean something; the third is for rounding.
const DIGITS: u8 = 3;

/// How long most took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// Half of them at most.
    pub p50: f64,
    /// Nine in ten.
    pub p90: f64,
    /// All but one in a hundred.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Percentiles {
    /// Of these durations.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let Ok(mut histogram) = Histogram::<u64>::new(DIGITS) else { return Self::default() };
        for duration in durations {
            let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            // It grows as it needs to, and no answer takes so long that it could not.
            if histogram.record(micros).is_err() {
                histogram.saturating_record(micros);
            }
        }
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: millis(histogram.max()),
        }
    }
}

fn millis(micros: u64) -> f64 {
    // As exact as the histogram is.
    Duration::from_micros(micros).as_secs_f64() * 1000.0
}

/// The latencies of one part of the profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfPhase {
    /// Which.
    pub phase: Phase,
    /// How it was then.
    #[serde(flatten)]
    pub latency: Percentiles,
}

/// The latencies of what was due in one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Its beginning, in seconds after the first request.
    pub second: u64,
    /// How it was then.
    #[serde(flatten)]
    pub latency: Percentiles,
}

/// The orders that ended in one window, by their state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Its beginning, in seconds after the first request.
    pub second: u64,
    /// How many a second.
    pub per_second: BTreeMap<String, f64>,
}

/// So wide that there are not too many of them, in seconds.
pub fn width(whole: Duration) -> u64 {
    whole.as_secs().div_ceil(POINTS).max(1)
}

/// The latencies of what was accepted.
pub fn latencies(sent: &[Sent]) -> impl Iterator<Item = (Duration, Duration)> {
    let accepted = sent.iter().filter(|sent| sent.answer == Answer::Status(202));
    accepted.map(|sent| (sent.at, sent.latency))
}

/// The latencies of what was accepted, by when it was due.
pub fn over_time(sent: &[Sent], width: u64) -> Vec<Window> {
    let mut windows: BTreeMap<u64, Vec<Duration>> = BTreeMap::new();
    for (at, latency) in latencies(sent) {
        windows.entry(window(at, width)).or_default().push(latency);
    }
    let windows = windows.into_iter();
    windows.map(|(second, durations)| Window { second, latency: Percentiles::of(durations) }).collect()
}

/// How many orders ended in each window, those in which nothing ended included.
pub fn endings(ended: &[(String, Duration)], width: u64) -> Vec<Ended> {
    let last = ended.iter().map(|(_, at)| window(*at, width)).max();
    let Some(last) = last else { return Vec::new() };
    let mut counts: BTreeMap<u64, BTreeMap<String, u32>> = BTreeMap::new();
    for (state, at) in ended {
        *counts.entry(window(*at, width)).or_default().entry(state.clone()).or_default() += 1;
    }
    let seconds = u32::try_from(width).map_or(1.0, f64::from);
    let step = usize::try_from(width).unwrap_or(1);
    (0..=last)
        .step_by(step)
        .map(|second| {
            let here = counts.remove(&second).unwrap_or_default();
            let per_second = here.into_iter().map(|(state, count)| (state, f64::from(count) / seconds));
            Ended { second, per_second: per_second.collect() }
        })
        .collect()
}

fn window(at: Duration, width: u64) -> u64 {
    at.as_secs() / width * width
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at: u64, latency: u64, status: u16) -> Sent {
        let answer = Answer::Status(status);
        Sent { request: 0, at: Duration::from_millis(at), latency: Duration::from_millis(latency), answer }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let hundred = (1..=100).rev().map(Duration::from_millis);
        let told = Percentiles::of(hundred);
        let near = |seen: f64, due: f64| (seen - due).abs() / due < 0.002;
        assert!(near(told.p50, 50.0) && near(told.p90, 90.0) && near(told.p99, 99.0), "{told:?}");
        assert!(near(told.max, 100.0));
        assert_eq!(told.count, 100);
        assert_eq!(Percentiles::of([]), Percentiles::default());
        let day = Percentiles::of([Duration::from_hours(24)]);
        assert!(near(day.max, 86_400_000.0), "{day:?}");
    }

    #[test]
    fn latency_is_told_for_when_it_was_due_and_for_what_was_accepted() {
        let all = [sent(100, 10, 202), sent(900, 3_000, 202), sent(2_100, 5, 202), sent(2_200, 900, 400)];
        let windows = over_time(&all, 1);
        let told: Vec<_> = windows.iter().map(|w| (w.second, w.latency.count)).collect();
        assert_eq!(told, [(0, 2), (2, 1)]);
        assert!(windows[0].latency.max > 2_990.0 && windows[1].latency.max < 6.0);
    }

    #[test]
    fn seconds_in_which_nothing_ended_are_told_too() {
        let at = |state: &str, millis| (state.to_owned(), Duration::from_millis(millis));
        let ended = endings(&[at("FULFILLED", 100), at("FULFILLED", 4_500), at("REJECTED", 4_600)], 2);
        let told: Vec<_> = ended.iter().map(|e| (e.second, e.per_second.len())).collect();
        assert_eq!(told, [(0, 1), (2, 0), (4, 2)]);
        assert!((ended[0].per_second["FULFILLED"] - 0.5).abs() < 1e-9, "one in two seconds");
        assert_eq!(endings(&[], 1), []);
    }

    #[test]
    fn a_long_run_has_wide_windows() {
        assert_eq!(width(Duration::from_secs(40)), 1);
        assert_eq!(width(Duration::from_mins(10)), 5);
    }
}
