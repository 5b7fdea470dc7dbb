//! Whether an alarm can do what it is for: ring when its condition is true, be quiet when it is not, and treat silence as it
//! says.

use anyhow::{Context, bail};

use crate::alarm::{Alarm, Comparison, Missing};
use crate::evaluate::{Series, State};

/// Makes the alarm's condition true, and untrue, and takes its data away.
///
/// # Errors
/// If it does not ring or goes on ringing, or leads to nobody and nothing.
pub fn probe(alarm: &Alarm) -> anyhow::Result<()> {
    let name = &alarm.name;
    let unknown: Vec<String> =
        alarm.expression.ids().into_iter().filter(|id| !alarm.metrics.contains_key(id)).collect();
    if !unknown.is_empty() {
        bail!("`{name}` computes with metrics that it does not have: {}", unknown.join(", "));
    }
    let (breaching, quiet) = samples(alarm)
        .with_context(|| format!("`{name}` always rings or never does, whatever its metrics are"))?;

    let always = constant(alarm, &breaching);
    expect(alarm, &always, State::Ok, State::Alarm, "its condition is true")?;
    expect(alarm, &constant(alarm, &quiet), State::Alarm, State::Ok, "its condition is not true any more")?;

    // One datapoint too few, the newest of all, between quiet ones.
    let few = mixed(alarm, &breaching, &quiet, alarm.breaching.saturating_sub(1));
    expect(alarm, &few, State::Ok, State::Ok, "it is breached for a moment only")?;
    let enough = mixed(alarm, &breaching, &quiet, alarm.breaching);
    expect(alarm, &enough, State::Ok, State::Alarm, "it is breached for just long enough")?;

    let silence = Series::new();
    match alarm.missing {
        Missing::Breaching => expect(alarm, &silence, State::Ok, State::Alarm, "there is no data"),
        Missing::NotBreaching => expect(alarm, &silence, State::Alarm, State::Ok, "there is no data"),
        Missing::Ignore | Missing::Missing => bail!("`{name}` tells nobody anything when there is no data"),
    }
}

fn expect(alarm: &Alarm, series: &Series, before: State, wanted: State, when: &str) -> anyhow::Result<()> {
    let state = alarm.state(series, before);
    if state == wanted {
        return Ok(());
    }
    bail!("`{}` is {state:?} and should be {wanted:?} when {when}", alarm.name)
}

/// Values of the metrics for which the alarm is breached, and others for which it is not.
fn samples(alarm: &Alarm) -> Option<(Vec<f64>, Vec<f64>)> {
    let edge = alarm.threshold;
    let values = [0.0, 0.5, 1.0, edge / 2.0, edge, edge + 0.001, edge + 1.0, 2.0 * edge + 1.0, 1000.0];
    // What is counted or timed is never below zero.
    let values: Vec<f64> = values.into_iter().filter(|value| *value >= 0.0).collect();
    let mut combinations: Vec<Vec<f64>> = vec![Vec::new()];
    for _ in &alarm.metrics {
        combinations = combinations
            .iter()
            .flat_map(|head| values.iter().map(|&value| head.iter().copied().chain([value]).collect()))
            .collect();
    }
    let of = |breaching: bool| {
        combinations.iter().find(|values| {
            let value = alarm.expression.value(&|id: &str| {
                let position = alarm.metrics.keys().position(|key| key == id)?;
                values.get(position).copied()
            });
            value.is_some_and(|value| {
                Comparison::breaches(alarm.comparison, value, alarm.threshold) == breaching
            })
        })
    };
    Some((of(true)?.clone(), of(false)?.clone()))
}

fn constant(alarm: &Alarm, values: &[f64]) -> Series {
    mixed(alarm, values, values, 0)
}

/// Quiet for the whole range, but for as many of the newest periods.
fn mixed(alarm: &Alarm, breaching: &[f64], quiet: &[f64], newest: usize) -> Series {
    let older = alarm.range().saturating_sub(newest);
    alarm
        .metrics
        .keys()
        .zip(quiet.iter().zip(breaching))
        .map(|(id, (&quiet, &breaching))| {
            let points = (0..alarm.range()).map(|at| Some(if at < older { quiet } else { breaching }));
            (id.clone(), points.collect())
        })
        .collect()
}
