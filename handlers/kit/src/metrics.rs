//! Counting what functions decide: a port that handlers tell what they have written, and its lines in the log, in
//! CloudWatch's embedded metric format.

use std::{cell::RefCell, io::Write};

use lakeside_domain::time::Timestamp;
use metrics_cloudwatch_embedded::{Builder, Collector};
use serde_json::Value;

pub use self::declared::*;
use crate::disposition::chain;

mod declared;

/// CloudWatch's namespace of all of them.
pub const NAMESPACE: &str = "Lakeside";
/// The one dimension: the function's full name.
pub const DIMENSION: &str = "Function";

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// How long.
    Milliseconds,
}

impl Unit {
    /// As CloudWatch calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// One metric, as it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// As CloudWatch calls it.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Who counts it.
    pub functions: &'static [&'static str],
    /// What it says, in a sentence or two.
    pub meaning: &'static str,
}

impl Metric {
    /// So many of it.
    pub fn of(self, count: usize) -> Measure {
        Measure { metric: self, value: u64::try_from(count).unwrap_or(u64::MAX), at: None }
    }

    /// The time from one to the other; none if clocks disagree about which was first.
    pub fn between(self, from: Timestamp, to: Timestamp) -> Measure {
        let millis = to.as_millis().saturating_sub(from.as_millis());
        Measure { metric: self, value: u64::try_from(millis).unwrap_or_default(), at: None }
    }
}

/// One value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Of what.
    pub metric: Metric,
    /// In the metric's unit.
    pub value: u64,
    /// Of which moment; of the one in which it is told, if nothing is said.
    pub at: Option<Timestamp>,
}

impl Measure {
    /// The same, of a moment that is past: CloudWatch adds it to that minute, however late it is told.
    #[must_use]
    pub const fn at(self, moment: Timestamp) -> Self {
        Self { at: Some(moment), ..self }
    }
}

/// Where handlers tell what they have written. It neither fails nor waits.
pub trait Metrics {
    /// Tells what belongs together, if there is anything; a hundred values at most.
    fn record(&self, measures: &[Measure]);
}

/// Nobody counts.
impl Metrics for () {
    fn record(&self, _: &[Measure]) {}
}

/// The lines of one function.
pub struct Emf<W> {
    collector: &'static Collector,
    output: RefCell<W>,
}

impl<W: Write> Emf<W> {
    /// The lines of `function`, on `output`.
    ///
    /// # Errors
    /// If the process has such lines already.
    pub fn init(function: String, output: W) -> Result<Self, lambda_runtime::Error> {
        let builder = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(DIMENSION, function);
        Ok(Self { collector: builder.init()?, output: RefCell::new(output) })
    }
}

impl<W: Write> Metrics for Emf<W> {
    fn record(&self, measures: &[Measure]) {
        for (position, Measure { metric, at, .. }) in measures.iter().enumerate() {
            let same = |measure: &&Measure| measure.metric == *metric && measure.at == *at;
            if measures.iter().take(position).any(|earlier| same(&earlier)) {
                continue;
            }
            let values: Vec<u64> = measures.iter().filter(same).map(|measure| measure.value).collect();
            let value = match values.as_slice() {
                [value] => Value::from(*value),
                several => Value::from(several),
            };
            // Made apart and written at once, so that no other line gets into it.
            let mut line = Vec::new();
            let made = self.collector.write_single(metric.name, Some(metric.unit.into()), value, &mut line);
            let dated = made.and_then(|()| at.map_or(Ok(()), |at| date(&mut line, at)));
            if let Err(error) = dated.and_then(|()| self.output.borrow_mut().write_all(&line)) {
                tracing::warn!(error = chain(&error), metric = metric.name, "a metric cannot be written");
            }
        }
    }
}

/// Makes it a line of another moment, for the collector knows the present alone.
fn date(line: &mut Vec<u8>, at: Timestamp) -> std::io::Result<()> {
    let mut metric: Value = serde_json::from_slice(line)?;
    if let Some(timestamp) = metric.pointer_mut("/_aws/Timestamp") {
        *timestamp = at.as_millis().into();
    }
    *line = serde_json::to_vec(&metric)?;
    line.push(b'\n');
    Ok(())
}

impl From<Unit> for metrics::Unit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Count => Self::Count,
            Unit::Milliseconds => Self::Milliseconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fmt::Write as _, sync::LazyLock};

    use serde_json::{Value as Json, json};

    use super::*;

    /// What a process that is `lakeside-order-ingest` writes.
    fn lines(record: impl Fn(&Emf<&mut Vec<u8>>)) -> Vec<Json> {
        static COLLECTOR: LazyLock<&Collector> =
            LazyLock::new(|| Emf::init("lakeside-order-ingest".into(), Vec::new()).unwrap().collector);
        let mut output = Vec::new();
        record(&Emf { collector: *COLLECTOR, output: RefCell::new(&mut output) });
        let text = String::from_utf8(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_metric_is_a_line_that_cloudwatch_reads() {
        let at = Timestamp::from_millis;
        let lines = lines(|metrics| {
            metrics.record(&[ORDERS_ACCEPTED.of(2), INGESTION_LAG.between(at(40), at(110))]);
            metrics.record(&[]);
        });
        let expected = |name: &str, unit: &str, value: u64| {
            let directive = json!({
                "Namespace": "Lakeside", "Dimensions": [["Function"]],
                "Metrics": [{"Name": name, "Unit": unit}],
            });
            let aws = json!({"Timestamp": null, "CloudWatchMetrics": [directive]});
            json!({"_aws": aws, "Function": "lakeside-order-ingest", name: value})
        };
        let [mut first, mut second] = <[Json; 2]>::try_from(lines).unwrap();
        for line in [&mut first, &mut second] {
            let written_at = line["_aws"]["Timestamp"].take();
            assert!(written_at.as_u64().unwrap() > 1_700_000_000_000, "{written_at}");
        }
        assert_eq!(first, expected("OrdersAccepted", "Count", 2));
        assert_eq!(second, expected("IngestionLag", "Milliseconds", 70));
    }

    #[test]
    fn several_values_of_one_metric_stay_apart_on_one_line() {
        let at = Timestamp::from_millis;
        let lags =
            [OUTBOX_LAG.between(at(0), at(5)), EVENTS_PUBLISHED.of(2), OUTBOX_LAG.between(at(0), at(7))];
        let lines = lines(|metrics| metrics.record(&lags));
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["OutboxLag"], &lines[1]["EventsPublished"]), (&json!([5, 7]), &json!(2)));
    }

    #[test]
    fn what_is_told_late_counts_in_its_own_minute_and_apart_from_the_present() {
        let parked = SAGAS_PARKED.of(1);
        let (noon, later) = (Timestamp::from_millis(43_200_000), Timestamp::from_millis(43_260_000));
        let lines =
            lines(|metrics| metrics.record(&[parked.at(noon), parked, parked.at(later), parked.at(noon)]));
        let told: Vec<_> =
            lines.iter().map(|line| (&line["_aws"]["Timestamp"], &line["SagasParked"])).collect();
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], (&json!(43_200_000), &json!([1, 1])));
        assert!(told[1].0.as_u64() > Some(1_700_000_000_000) && *told[1].1 == json!(1), "{told:?}");
        assert_eq!(told[2], (&json!(43_260_000), &json!(1)));
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"], lines[1]["_aws"]["CloudWatchMetrics"]);
    }

    #[test]
    fn no_time_is_negative_where_clocks_disagree() {
        let (early, late) = (Timestamp::from_millis(1), Timestamp::from_millis(9));
        assert_eq!(PAYMENT_LATENCY.between(late, early).value, 0);
        assert_eq!(PAYMENT_LATENCY.between(early, late).value, 8);
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: HashSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric())), "{names:?}");
    }

    #[test]
    fn the_documented_metrics_are_those_that_are_declared() {
        let mut table = String::new();
        for Metric { name, unit, functions, meaning } in ALL {
            let quoted = |function: &&str| {
                if function.contains(' ') { (*function).to_owned() } else { format!("`{function}`") }
            };
            let functions: Vec<_> = functions.iter().map(quoted).collect();
            writeln!(table, "| `{name}` | {} | {} | {meaning} |", unit.name(), functions.join(", ")).unwrap();
        }
        let document = include_str!("../../../docs/metrics.md");
        let (_, after) = document.split_once("|---|---|---|---|\n").unwrap();
        let (documented, _) = after.split_once("\n\n").unwrap();
        assert_eq!(documented, table.trim_end(), "write into docs/metrics.md:\n{table}");
    }
}
