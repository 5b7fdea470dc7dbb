//! What the plans have whether anybody orders or not, against what `lakeside cost` reckons with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::fingerprint::files_below;
use crate::layout::Layout;

const FILE: &str = "ops/data/fixed.json";
const METRICS: &str = "docs/metrics.md";

type Counts = BTreeMap<String, i64>;

/// Compares what is counted below a directory of plans with the data of the command line.
pub fn check(layout: &Layout, plans: &Path) -> anyhow::Result<String> {
    let read = |name: &str| {
        fs::read_to_string(layout.root.join(name)).with_context(|| format!("cannot read {name}"))
    };
    let metrics = read(METRICS)?;
    let kept: Value = serde_json::from_str(&read(FILE)?).with_context(|| format!("{FILE} is no JSON"))?;
    let mut faults = Vec::new();
    let profiles = kept.get("profiles").and_then(Value::as_object);
    for (profile, kept) in profiles.with_context(|| format!("{FILE} has no profiles"))? {
        let kept: Counts = serde_json::from_value(kept.clone())?;
        let counted = of_profile(plans, profile, &metrics)?;
        if counted != kept {
            faults.push(format!("\"{profile}\": {}", serde_json::to_string(&counted)?));
        }
    }
    match (profiles.map_or(0, serde_json::Map::len), faults.is_empty()) {
        (0, _) => bail!("{FILE} has no profile"),
        (count, true) => Ok(format!("{count} profiles")),
        _ => bail!("{FILE} is not what the plans have; they have {}", faults.join(", ")),
    }
}

/// What all plans of a profile have together.
fn of_profile(plans: &Path, profile: &str, metrics: &str) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    let file = format!("{profile}.json");
    for path in files_below(plans)? {
        if path.file_name().is_some_and(|name| name == file.as_str()) && !is_guardrail(&path) {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let plan =
                serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
            add(&mut counts, &plan);
        }
    }
    if counts.is_empty() {
        bail!("no root has a plan with the profile {profile}");
    }
    let consumers = counts.get("queue-consumers").copied().unwrap_or_default();
    *counts.entry("custom-metrics".into()).or_default() += declared(metrics, consumers);
    Ok(counts)
}

/// What binds accounts is there once for all that runs in them.
fn is_guardrail(path: &Path) -> bool {
    path.parent()
        .and_then(Path::file_name)
        .is_some_and(|root| root.to_string_lossy().starts_with("guardrails"))
}

fn add(counts: &mut Counts, plan: &Value) {
    let changes = plan.get("resource_changes").and_then(Value::as_array).into_iter().flatten();
    let resources: Vec<(&str, &Value)> = changes
        .filter_map(|change| Some((change.get("type")?.as_str()?, change.pointer("/change/after")?)))
        .filter(|(_, after)| !after.is_null())
        .collect();
    let length = |value: &Value, name: &str| {
        i64::try_from(value.get(name).and_then(Value::as_array).map_or(0, Vec::len)).unwrap_or_default()
    };
    for (kind, after) in &resources {
        let text = |name: &str| after.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| after.get(name).and_then(Value::as_i64).unwrap_or_default();
        let mut one = |name: &str, more: i64| *counts.entry(name.into()).or_default() += more;
        match *kind {
            "aws_cloudwatch_metric_alarm" => {
                let queries = after.get("metric_query").and_then(Value::as_array).into_iter().flatten();
                let of_metric = |query: &&Value| {
                    query.get("metric").and_then(Value::as_array).is_some_and(|metric| !metric.is_empty())
                };
                let metrics = queries.filter(of_metric).count();
                one("alarm-metrics", i64::try_from(metrics.max(1)).unwrap_or_default());
            }
            "aws_cloudwatch_dashboard" => one("dashboards", 1),
            "aws_cloudwatch_log_metric_filter" => one("custom-metrics", 1),
            "aws_kms_key" => one("keys", 1),
            "aws_secretsmanager_secret" => one("secrets", 1),
            "aws_wafv2_web_acl" => {
                one("firewalls", 1);
                one("firewall-rules", length(after, "rule"));
            }
            "aws_lambda_event_source_mapping" if text("event_source_arn").contains(":sqs:") => {
                one("queue-consumers", 1);
            }
            "aws_lambda_provisioned_concurrency_config" => {
                let memory = resources.iter().find_map(|(kind, function)| {
                    let same = *kind == "aws_lambda_function"
                        && function.get("function_name") == after.get("function_name");
                    function.get("memory_size").and_then(Value::as_i64).filter(|_| same)
                });
                one(
                    "provisioned-mb",
                    number("provisioned_concurrent_executions") * memory.unwrap_or_default(),
                );
            }
            "aws_scheduler_schedule" => one("scheduled-runs-a-day", runs_a_day(text("schedule_expression"))),
            "aws_vpc_endpoint" if text("vpc_endpoint_type") == "Interface" => {
                one("endpoints", length(after, "subnet_ids").max(1));
            }
            "aws_nat_gateway" => one("nat-gateways", 1),
            "aws_route53_health_check" => one("health-checks", 1),
            _ => {}
        }
    }
}

/// How often a schedule of the form `rate(15 minutes)` runs.
fn runs_a_day(expression: &str) -> i64 {
    let inner = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
    let (count, unit) = inner.split_once(' ').unwrap_or_default();
    let minutes = if unit.starts_with("minute") { 1 } else { 60 };
    count.parse::<i64>().ok().and_then(|count| (24 * 60_i64).checked_div(count * minutes)).unwrap_or_default()
}

/// The metrics of our own, by function, that the table of metrics declares.
fn declared(metrics: &str, consumers: i64) -> i64 {
    const SQUADS: i64 = 4;
    let rows = metrics.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('|').nth(2))
        .map(|counted_by| {
            if counted_by.contains("every function with a queue") {
                return consumers;
            }
            let each = |name: &str| if name.contains("<squad>") { SQUADS } else { 1 };
            counted_by.split(',').map(each).sum()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "| metric | unit | counted by | meaning |\n|---|---|---|---|\n\
        | `A` | Count | `one`, `two` | x, y |\n| `B` | Count | `<squad>-publish-outbox` | z |\n\
        | `C` | Count | every function with a queue | z |\n";

    fn plan() -> Value {
        let change = |kind: &str, after: Value| json!({ "type": kind, "change": { "after": after } });
        json!({ "resource_changes": [
            change("aws_cloudwatch_metric_alarm", json!({ "metric_query": [] })),
            change("aws_cloudwatch_metric_alarm", json!({ "metric_query": [
                { "metric": [{}] }, { "metric": [{}] }, { "metric": [] } ] })),
            change("aws_kms_key", Value::Null),
            change("aws_wafv2_web_acl", json!({ "rule": [{}, {}] })),
            change("aws_lambda_event_source_mapping", json!({ "event_source_arn": "arn:aws:sqs:r:1:q" })),
            change("aws_lambda_event_source_mapping", json!({ "event_source_arn": "arn:aws:dynamodb:r:1:t" })),
            change("aws_lambda_function", json!({ "function_name": "f", "memory_size": 256 })),
            change("aws_lambda_provisioned_concurrency_config",
                json!({ "function_name": "f", "provisioned_concurrent_executions": 5 })),
            change("aws_scheduler_schedule", json!({ "schedule_expression": "rate(15 minutes)" })),
        ]})
    }

    #[test]
    fn a_plan_says_what_is_there_whether_anybody_orders_or_not() {
        let mut counts = Counts::new();
        add(&mut counts, &plan());
        let told: Vec<(&str, i64)> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let due = [
            ("alarm-metrics", 3),
            ("firewall-rules", 2),
            ("firewalls", 1),
            ("provisioned-mb", 1280),
            ("queue-consumers", 1),
            ("scheduled-runs-a-day", 96),
        ];
        assert_eq!(told, due);
    }

    #[test]
    fn metrics_are_counted_for_each_function_that_has_them() {
        assert_eq!(declared(TABLE, 18), 2 + 4 + 18);
        assert_eq!(runs_a_day("rate(1 minute)"), 1440);
        assert_eq!(runs_a_day("rate(2 hours)"), 12);
        assert_eq!(runs_a_day("cron(0 3 * * ? *)"), 0);
    }

    #[test]
    fn data_that_the_plans_do_not_have_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().to_path_buf();
        let layout = Layout { target: top.join("target"), local: top.join(".local"), root: top.clone() };
        for (file, text) in [
            (METRICS, TABLE.to_owned()),
            ("plans/orders/startup.json", plan().to_string()),
            ("plans/guardrails-account/startup.json", plan().to_string()),
        ] {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), text).unwrap();
        }
        fs::create_dir_all(top.join("ops/data")).unwrap();
        let keep = |counts: &Value| {
            let kept = json!({ "profiles": { "startup": counts } });
            fs::write(top.join(FILE), kept.to_string()).unwrap();
            check(&layout, &top.join("plans"))
        };
        let mut counts = of_profile(&top.join("plans"), "startup", TABLE).unwrap();
        assert_eq!(keep(&json!(counts)).unwrap(), "1 profiles");
        counts.insert("alarm-metrics".into(), 2);
        assert!(keep(&json!(counts)).unwrap_err().to_string().contains("\"alarm-metrics\":3"));
        assert!(of_profile(&top.join("plans"), "enterprise", TABLE).is_err());
    }
}
