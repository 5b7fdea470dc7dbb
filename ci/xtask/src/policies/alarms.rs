//! Every alarm of every plan, with its condition made true on series of its metrics, and untrue, and with no data.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use lakeside_alarms::{of_plan, probe};

use crate::fingerprint::files_below;

/// Probes the alarms of the plans below a directory, and answers how many there were.
pub fn check(plans: &Path) -> anyhow::Result<String> {
    let mut probed = 0;
    let mut faults = Vec::new();
    for file in files_below(plans)? {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let plan = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        for alarm in of_plan(&plan).with_context(|| format!("in the plan {}", file.display()))? {
            probed += 1;
            faults.extend(probe(&alarm).err().map(|error| format!("{error:#}")));
        }
    }
    if probed == 0 {
        bail!("no plan has an alarm");
    }
    if faults.is_empty() {
        return Ok(format!("{probed} alarms of all profiles"));
    }
    bail!("alarms that are of no use: {}", faults.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(threshold: i64, comparison: &str) -> String {
        serde_json::json!({ "resource_changes": [{ "type": "aws_cloudwatch_metric_alarm", "change": { "after": {
            "alarm_name": "a-dead-letters", "threshold": threshold, "comparison_operator": comparison,
            "evaluation_periods": 1, "treat_missing_data": "notBreaching", "period": 60, "namespace": "AWS/SQS",
            "metric_name": "ApproximateNumberOfMessagesVisible", "statistic": "Maximum", "metric_query": []
        } } }] })
        .to_string()
    }

    #[test]
    fn alarms_of_all_plans_are_probed_and_one_that_rings_for_nothing_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check(dir.path()).is_err(), "without an alarm nothing is shown");
        fs::write(dir.path().join("startup.json"), plan(0, "GreaterThanThreshold")).unwrap();
        assert_eq!(check(dir.path()).unwrap(), "1 alarms of all profiles");
        fs::write(dir.path().join("local.json"), plan(-1, "GreaterThanThreshold")).unwrap();
        let error = check(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("`a-dead-letters` always rings or never does, whatever its metrics are"),
            "{error}"
        );
    }
}
