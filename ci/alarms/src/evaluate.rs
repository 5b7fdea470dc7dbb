//! In which state an alarm is, from the datapoints that there are.

use std::collections::BTreeMap;

use crate::alarm::{Alarm, Missing};

/// How many periods before the evaluated ones are looked at where datapoints are missing.
const BEYOND: usize = 2;

/// The state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Within what is promised.
    Ok,
    /// Not so.
    Alarm,
    /// Not enough is known.
    InsufficientData,
}

/// What is known of each metric: a value for each period, the newest last, or nothing where it is missing.
pub type Series = BTreeMap<String, Vec<Option<f64>>>;

impl Alarm {
    /// How many periods a series should have.
    pub fn range(&self) -> usize {
        self.periods + BEYOND
    }

    /// The state that follows from the series, if it was `before`.
    pub fn state(&self, series: &Series, before: State) -> State {
        let points: Vec<Option<bool>> = (0..self.range()).rev().map(|age| self.point(series, age)).collect();
        self.judge(&points, before)
    }

    /// Whether the datapoint of this age breaches.
    fn point(&self, series: &Series, age: usize) -> Option<bool> {
        let metric = |id: &str| series.get(id)?.iter().rev().nth(age).copied().flatten();
        let value = self.expression.value(&metric)?;
        Some(self.comparison.breaches(value, self.threshold))
    }

    fn judge(&self, points: &[Option<bool>], before: State) -> State {
        let there: Vec<bool> = points.iter().copied().flatten().collect();
        let treated = match self.missing() {
            // With enough of them, the newest that are there decide, whatever was said about those that are not.
            _ if there.len() >= self.periods => return self.of(there.iter().rev().take(self.periods)),
            Missing::Breaching => Some(true),
            Missing::NotBreaching => Some(false),
            Missing::Ignore | Missing::Missing => None,
        };
        if let Some(treated) = treated {
            // As few as are needed are filled in, and all that are there count.
            let filled = vec![treated; self.periods.saturating_sub(there.len())];
            return self.of(there.iter().chain(&filled));
        }
        // All that is there breaches, and the first of it is as old as it takes: the rest need not be waited for.
        let all_breach = there.iter().all(|breaches| *breaches);
        let oldest = points.iter().position(|point| *point == Some(true)).map(|first| points.len() - first);
        match self.missing() {
            Missing::Ignore if all_breach => before,
            _ if there.is_empty() => State::InsufficientData,
            _ if all_breach && oldest.is_some_and(|age| age >= self.breaching) => State::Alarm,
            _ => self.of(&there),
        }
    }

    fn of<'a>(&self, points: impl IntoIterator<Item = &'a bool>) -> State {
        let breaching = points.into_iter().filter(|breaches| **breaches).count();
        if breaching >= self.breaching { State::Alarm } else { State::Ok }
    }

    /// Of DynamoDB's own metrics CloudWatch ignores what is missing, whatever it was told.
    fn missing(&self) -> Missing {
        let alone = self.expression == crate::expression::Expression::Id("metric".to_owned());
        if alone && self.metrics.values().any(|metric| metric.namespace == "AWS/DynamoDB") {
            Missing::Ignore
        } else {
            self.missing
        }
    }
}
