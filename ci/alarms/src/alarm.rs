//! What an alarm was told, as Terraform plans it and as CloudWatch describes it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::expression::Expression;

/// The type of Terraform's resource.
const RESOURCE: &str = "aws_cloudwatch_metric_alarm";

/// One alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its whole name.
    pub name: String,
    /// What is said to whoever it wakes.
    pub description: String,
    /// Whom it tells.
    pub actions: Vec<String>,
    /// What it watches, by the ids of its expression.
    pub metrics: BTreeMap<String, Metric>,
    /// What becomes of the metrics; of one metric alone, itself.
    pub expression: Expression,
    /// What is compared with.
    pub threshold: f64,
    /// How.
    pub comparison: Comparison,
    /// Seconds of one datapoint.
    pub period: u64,
    /// How many datapoints are looked at.
    pub periods: usize,
    /// How many of them must breach.
    pub breaching: usize,
    /// What a datapoint is that is not there.
    pub missing: Missing,
}

/// One metric of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Such as `AWS/SQS`.
    pub namespace: String,
    /// Such as `ApproximateAgeOfOldestMessage`.
    pub name: String,
    /// Such as `Maximum`, or `p99`.
    pub statistic: String,
    /// Which one of that name.
    pub dimensions: BTreeMap<String, String>,
}

/// How a datapoint is compared with the threshold: it breaches if it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// More than the threshold.
    Greater,
    /// Not less.
    GreaterOrEqual,
    /// Less than the threshold.
    Less,
    /// Not more.
    LessOrEqual,
}

/// What a datapoint is that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It breaches.
    Breaching,
    /// It does not.
    NotBreaching,
    /// The alarm stays as it is.
    Ignore,
    /// It is not there.
    Missing,
}

impl Comparison {
    /// Whether the value breaches.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "GreaterThanThreshold" => Self::Greater,
            "GreaterThanOrEqualToThreshold" => Self::GreaterOrEqual,
            "LessThanThreshold" => Self::Less,
            "LessThanOrEqualToThreshold" => Self::LessOrEqual,
            _ => bail!("`{text}` is no comparison with a threshold"),
        })
    }
}

impl Missing {
    fn read(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "breaching" => Self::Breaching,
            "notBreaching" => Self::NotBreaching,
            "ignore" => Self::Ignore,
            "missing" | "" => Self::Missing,
            _ => bail!("`{text}` is no way to treat missing data"),
        })
    }
}

/// The alarms that will be there after an apply, from what `terraform show -json` says of a plan.
pub fn of_plan(plan: &Value) -> anyhow::Result<Vec<Alarm>> {
    let changes = plan.get("resource_changes").and_then(Value::as_array).context("this is no plan")?;
    let alarms = changes.iter().filter(|change| text(change, "type") == RESOURCE);
    let after = alarms.filter_map(|change| change.pointer("/change/after").filter(|after| after.is_object()));
    after
        .map(|after| {
            of_resource(after)
                .with_context(|| format!("the alarm `{}` cannot be read", text(after, "alarm_name")))
        })
        .collect()
}

fn of_resource(after: &Value) -> anyhow::Result<Alarm> {
    let queries = after.get("metric_query").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut metrics = BTreeMap::new();
    let mut expression = None;
    let mut period = number(after, "period");
    for query in queries {
        match query.pointer("/metric/0") {
            Some(metric) => {
                period = number(metric, "period").or(period);
                metrics.insert(text(query, "id").to_owned(), metric_of(metric, "stat"));
            }
            None => expression = Some(text(query, "expression").to_owned()),
        }
    }
    if queries.is_empty() {
        let statistic = if text(after, "statistic").is_empty() { "extended_statistic" } else { "statistic" };
        metrics.insert("metric".to_owned(), metric_of(after, statistic));
        expression = Some("metric".to_owned());
    }
    let periods = count(after, "evaluation_periods").context("it looks at no period")?;
    Ok(Alarm {
        name: text(after, "alarm_name").to_owned(),
        description: text(after, "alarm_description").to_owned(),
        actions: texts(after, "alarm_actions"),
        metrics,
        expression: Expression::parse(&expression.context("it has no expression")?)?,
        threshold: after.get("threshold").and_then(Value::as_f64).context("it has no threshold")?,
        comparison: Comparison::read(text(after, "comparison_operator"))?,
        period: period.context("it has no period")?,
        periods,
        breaching: count(after, "datapoints_to_alarm").filter(|&count| count > 0).unwrap_or(periods),
        missing: Missing::read(text(after, "treat_missing_data"))?,
    })
}

fn metric_of(value: &Value, statistic: &str) -> Metric {
    let dimensions = value.get("dimensions").and_then(Value::as_object).into_iter().flatten();
    Metric {
        namespace: text(value, "namespace").to_owned(),
        name: text(value, "metric_name").to_owned(),
        statistic: text(value, statistic).to_owned(),
        dimensions: dimensions
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    }
}

/// An alarm of one metric, as `DescribeAlarms` answers in JSON.
pub fn of_description(described: &Value) -> anyhow::Result<Alarm> {
    let dimensions = described.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
    let statistic =
        if text(described, "ExtendedStatistic").is_empty() { "Statistic" } else { "ExtendedStatistic" };
    let metric = Metric {
        namespace: text(described, "Namespace").to_owned(),
        name: text(described, "MetricName").to_owned(),
        statistic: text(described, statistic).to_owned(),
        dimensions: dimensions
            .map(|dimension| (text(dimension, "Name").to_owned(), text(dimension, "Value").to_owned()))
            .collect(),
    };
    if metric.name.is_empty() {
        bail!("`{}` does not watch one metric", text(described, "AlarmName"));
    }
    let periods = count(described, "EvaluationPeriods").context("it looks at no period")?;
    Ok(Alarm {
        name: text(described, "AlarmName").to_owned(),
        description: text(described, "AlarmDescription").to_owned(),
        actions: texts(described, "AlarmActions"),
        metrics: [("metric".to_owned(), metric)].into(),
        expression: Expression::parse("metric")?,
        threshold: described.get("Threshold").and_then(Value::as_f64).context("it has no threshold")?,
        comparison: Comparison::read(text(described, "ComparisonOperator"))?,
        period: number(described, "Period").context("it has no period")?,
        periods,
        breaching: count(described, "DatapointsToAlarm").unwrap_or(periods),
        missing: Missing::read(text(described, "TreatMissingData"))?,
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let texts = value.get(name).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

fn count(value: &Value, name: &str) -> Option<usize> {
    number(value, name).and_then(|number| usize::try_from(number).ok())
}
