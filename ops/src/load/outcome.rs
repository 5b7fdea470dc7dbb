//! What came of a run, as figures: what `--json` says and the report draws.

use std::{collections::BTreeMap, time::Duration};

use lakeside_contracts::WireTime;
use serde::Serialize;

use super::{
    driving::Answer,
    figures::{Ended, OfPhase, Percentiles, Window, endings, latencies, over_time, width},
    machine::Machine,
    reconciliation::Check,
    run::{Outcome, Pacing, Setting, kinds},
    schedule::Phase,
};

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// New orders.
    pub new: usize,
    /// Orders that were sent before.
    pub again: usize,
    /// What is no order.
    pub bad: usize,
    /// How all of them were answered: by HTTP status, or `SILENCE`.
    pub answers: BTreeMap<String, usize>,
}

/// What lay in the queues at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// After the first request.
    pub seconds: f64,
    /// Messages by queue, of those that had any during the run.
    pub queues: BTreeMap<String, u64>,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Which installation.
    pub installation: String,
    /// When the first request was sent.
    pub began: WireTime,
    /// What measured.
    pub machine: Machine,
    /// What was asked for.
    pub setting: Setting,
    /// What was sent.
    pub requests: Counts,
    /// From the moment an order was due to its 202, in milliseconds.
    pub acceptance: Percentiles,
    /// The same by part of the profile.
    pub phases: Vec<OfPhase>,
    /// The same over time.
    pub latency: Vec<Window>,
    /// Queues over time.
    pub depths: Vec<Depth>,
    /// Orders that ended, over time.
    pub endings: Vec<Ended>,
    /// From the moment an order was due to its end, in milliseconds.
    pub to_end: Percentiles,
    /// From the first request to the last answer.
    pub sending_seconds: f64,
    /// From the last answer until everything had ended; nothing if that did not come in time.
    pub drain_seconds: Option<f64>,
    /// Whether it agrees.
    pub checks: Vec<Check>,
}

impl Figures {
    /// Of a run.
    pub fn of(installation: String, setting: &Setting, outcome: &Outcome) -> Self {
        let facts = &outcome.facts;
        let (new, again, bad) = kinds(&facts.requests);
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        for sent in &facts.sent {
            let name = match sent.answer {
                Answer::Status(status) => status.to_string(),
                Answer::Silence => "SILENCE".into(),
            };
            *answers.entry(name).or_default() += 1;
        }
        let ended = ended(outcome);
        let whole = outcome.samples.last().map_or(outcome.last_answer, |sample| sample.at);
        let wide = width(whole);
        Self {
            installation,
            began: outcome.began,
            machine: Machine::this(),
            setting: setting.clone(),
            requests: Counts { new, again, bad, answers },
            acceptance: Percentiles::of(latencies(&facts.sent).map(|(_, latency)| latency)),
            phases: phases(outcome),
            latency: over_time(&facts.sent, width(outcome.last_answer)),
            depths: depths(outcome),
            endings: endings(
                &ended.iter().map(|(state, at, _)| (state.clone(), *at)).collect::<Vec<_>>(),
                wide,
            ),
            to_end: Percentiles::of(ended.iter().map(|(_, _, took)| *took)),
            sending_seconds: outcome.last_answer.as_secs_f64(),
            drain_seconds: outcome
                .drained
                .map(|drained| drained.saturating_sub(outcome.last_answer).as_secs_f64()),
            checks: outcome.checks.clone(),
        }
    }

    /// Everything that is off.
    pub fn faults(&self) -> usize {
        self.checks.iter().map(|check| check.faults.len()).sum()
    }

    /// When the spike was at its height, in seconds after the first request.
    pub fn spike(&self) -> Option<(f64, f64)> {
        let Pacing::Schedule { profile, .. } = self.setting.pacing else { return None };
        let from = profile.before + profile.rise;
        (profile.hold > 0.0 && profile.spike > 1.0).then_some((from, from + profile.hold))
    }
}

fn phases(outcome: &Outcome) -> Vec<OfPhase> {
    let of = |phase| {
        let answered = outcome.facts.answered();
        let here = answered
            .filter(|(request, sent)| request.phase() == Some(phase) && sent.answer == Answer::Status(202));
        Percentiles::of(here.map(|(_, sent)| sent.latency))
    };
    let phases = Phase::ALL.into_iter().map(|phase| OfPhase { phase, latency: of(phase) });
    phases.filter(|of| of.latency.count > 0).collect()
}

fn depths(outcome: &Outcome) -> Vec<Depth> {
    let used = |queue: &String| {
        outcome.samples.iter().any(|sample| sample.depths.get(queue).is_some_and(|depth| *depth > 0))
    };
    let samples = outcome.samples.iter();
    samples
        .map(|sample| Depth {
            seconds: sample.at.as_secs_f64(),
            queues: sample
                .depths
                .iter()
                .filter(|(queue, _)| used(queue))
                .map(|(queue, depth)| (queue.clone(), *depth))
                .collect(),
        })
        .collect()
}

/// Each ended order's state, when it ended after the beginning, and how long after it was first due.
fn ended(outcome: &Outcome) -> Vec<(String, Duration, Duration)> {
    let mut first: BTreeMap<_, Duration> = BTreeMap::new();
    for (request, sent) in outcome.facts.answered() {
        let at = first.entry(request.order_id).or_insert(sent.at);
        *at = (*at).min(sent.at);
    }
    let began = outcome.began.0.as_millis();
    let orders = outcome.facts.orders.iter();
    orders
        .filter_map(|(id, order)| {
            let (_, at) = order.endings.first()?;
            let at = Duration::from_millis(u64::try_from(at.saturating_sub(began)).unwrap_or_default());
            Some((order.state.clone(), at, at.saturating_sub(*first.get(id)?)))
        })
        .collect()
}
