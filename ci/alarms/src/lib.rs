//! Alarms held against series of metrics, by the rules that CloudWatch documents.
//!
//! No local cloud judges alarms as AWS does, so the definitions are read from where they are made, Terraform's plans, or
//! from where they arrived, `DescribeAlarms`, and judged here: periods, datapoints to alarm, missing data, and of the metric
//! math what the alarms use. What CloudWatch does not document is left out: how far beyond the evaluated periods it looks
//! for data is taken to be two periods, as in its own examples.

mod alarm;
mod evaluate;
mod expression;
mod probe;

pub use alarm::{Alarm, Comparison, Metric, Missing, of_description, of_plan};
pub use evaluate::{Series, State};
pub use probe::probe;
