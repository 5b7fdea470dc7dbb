//! Who hears what, as plans have it: `<root>/<profile>.json` below a directory, as `cargo xtask policies` leaves them.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::listeners::{Kind, Rule, domain_of, sorted};

/// Every rule on a domain's bus in the plans of a profile.
///
/// Left out are the rules that say again what is said on a bus on the bus of the same name in another Region.
///
/// # Errors
/// If there is no plan, or one hides whom a rule feeds.
pub fn rules(plans: &Path, profile: &str) -> anyhow::Result<Vec<Rule>> {
    let entries = fs::read_dir(plans).with_context(|| format!("cannot read {}", plans.display()))?;
    let mut rules = Vec::new();
    for entry in entries {
        let dir = entry?.path();
        let path = dir.join(format!("{profile}.json"));
        if !path.is_file() {
            continue;
        }
        let root = dir.file_name().unwrap_or_default().to_string_lossy();
        let plan: Value = serde_json::from_str(&fs::read_to_string(&path)?)
            .with_context(|| format!("{} is no plan", path.display()))?;
        rules.extend(of_plan(directory(&root), &plan).with_context(|| format!("in {}", path.display()))?);
    }
    if rules.is_empty() {
        bail!("no plan with {profile}.tfvars in {} has a rule", plans.display());
    }
    Ok(sorted(rules))
}

/// Plans of the platform are not called as its directory is.
fn directory(root: &str) -> &str {
    if root == "platform" { "region" } else { root }
}

fn of_plan(root: &str, plan: &Value) -> anyhow::Result<Vec<Rule>> {
    let mut resources = Vec::new();
    collect(plan.pointer("/planned_values/root_module"), &mut resources);
    let of_type = |kind: &str| -> Vec<&Value> {
        let of_type = resources.iter().filter(|resource| text(resource, "type") == Some(kind));
        of_type.filter_map(|resource| resource.get("values")).collect()
    };
    let mappings = of_type("aws_lambda_event_source_mapping");
    let targets = of_type("aws_cloudwatch_event_target");
    let mut rules = Vec::new();
    for rule in of_type("aws_cloudwatch_event_rule") {
        let (Some(pattern), Some(name)) = (text(rule, "event_pattern"), text(rule, "name")) else { continue };
        let bus = text(rule, "event_bus_name").unwrap_or("default");
        let Some(domain) = domain_of(bus) else { continue };
        for target in targets.iter().filter(|target| text(target, "rule") == Some(name)) {
            let arn =
                text(target, "arn").ok_or_else(|| anyhow!("it is hidden whom the rule {name} feeds"))?;
            if arn.ends_with(&format!(":event-bus/{bus}")) {
                continue;
            }
            let (kind, listener) = listener(arn, &mappings);
            rules.push(Rule {
                root: root.to_owned(),
                name: name.to_owned(),
                bus: bus.to_owned(),
                pattern: serde_json::from_str(pattern).with_context(|| format!("the pattern of {name}"))?,
                listener: short(listener, bus, domain.name()).to_owned(),
                kind,
            });
        }
    }
    Ok(rules)
}

fn collect<'a>(module: Option<&'a Value>, found: &mut Vec<&'a Value>) {
    let list = |name: &str| module.and_then(|module| module.get(name)).and_then(Value::as_array);
    found.extend(list("resources").into_iter().flatten());
    for child in list("child_modules").into_iter().flatten() {
        collect(Some(child), found);
    }
}

fn text<'a>(values: &'a Value, name: &str) -> Option<&'a str> {
    values.get(name).and_then(Value::as_str)
}

/// Who hears what comes to this ARN: behind a queue the function that reads it.
fn listener<'a>(arn: &'a str, mappings: &[&'a Value]) -> (Kind, &'a str) {
    let reader = mappings.iter().find(|mapping| text(mapping, "event_source_arn") == Some(arn));
    let arn = reader.and_then(|mapping| text(mapping, "function_name")).unwrap_or(arn);
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or(arn));
    let kind = Kind::of_service(service);
    let name = match kind {
        // With the alias behind it.
        Kind::Function => resource.split(':').nth(1),
        _ => resource.rsplit([':', '/']).next(),
    };
    (kind, name.unwrap_or(resource))
}

/// A name without the installation's prefix, which is that of its bus; nor the domain, of what there is one for each.
fn short<'a>(name: &'a str, bus: &str, domain: &str) -> &'a str {
    let prefix = bus.strip_suffix(domain).unwrap_or_default();
    let name = name.strip_prefix(prefix).unwrap_or(name);
    name.strip_suffix(domain).and_then(|name| name.strip_suffix('-')).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(name: &str, target: &Value) -> [Value; 2] {
        let pattern = r#"{"source":["lakeside.orders"]}"#;
        [
            json!({"type": "aws_cloudwatch_event_rule",
                "values": {"name": name, "event_bus_name": "lakeside-orders", "event_pattern": pattern}}),
            json!({"type": "aws_cloudwatch_event_target", "values": {"rule": name, "arn": target}}),
        ]
    }

    fn plan(resources: &[Value]) -> Value {
        let mapping = json!({"type": "aws_lambda_event_source_mapping", "values": {
            "event_source_arn": "arn:aws:sqs:us-east-1:1:lakeside-reserve-stock",
            "function_name": "arn:aws:lambda:us-east-1:1:function:lakeside-reserve-stock:live"}});
        json!({"planned_values": {"root_module": {
            "resources": [mapping], "child_modules": [{"resources": resources}]}}})
    }

    #[test]
    fn a_listener_is_what_stands_behind_the_target() {
        for (arn, kind, listener) in [
            ("arn:aws:sqs:us-east-1:1:lakeside-reserve-stock", Kind::Function, "reserve-stock"),
            ("arn:aws:sns:us-east-1:1:lakeside-low-stock", Kind::Topic, "low-stock"),
            (
                "arn:aws:firehose:us-east-1:1:deliverystream/lakeside-analytics-orders",
                Kind::Stream,
                "analytics",
            ),
            ("arn:aws:events:us-east-1:2:event-bus/security", Kind::Bus, "security"),
            ("arn:aws:sqs:us-east-1:1:lakeside-nobody", Kind::Other, "nobody"),
        ] {
            let rules = of_plan("growth", &plan(&rule("lakeside-some", &arn.into()))).unwrap();
            let heard: Vec<_> = rules.iter().map(|rule| (rule.kind, rule.listener.as_str())).collect();
            assert_eq!(heard, [(kind, listener)]);
        }
    }

    #[test]
    fn what_goes_to_the_same_bus_elsewhere_is_heard_by_nobody_else() {
        let elsewhere = "arn:aws:events:us-west-2:1:event-bus/lakeside-orders".into();
        assert_eq!(of_plan("region", &plan(&rule("lakeside-forward-orders", &elsewhere))).unwrap(), []);
    }

    #[test]
    fn a_plan_that_hides_a_target_is_refused() {
        let error = of_plan("growth", &plan(&rule("lakeside-some", &Value::Null))).unwrap_err();
        assert_eq!(error.to_string(), "it is hidden whom the rule lakeside-some feeds");
    }

    #[test]
    fn a_directory_without_plans_is_refused() {
        let dir = std::env::temp_dir().join(format!("lakeside-no-plans-{}", std::process::id()));
        fs::create_dir_all(dir.join("orders")).unwrap();
        let error = rules(&dir, "enterprise").unwrap_err().to_string();
        fs::remove_dir_all(&dir).unwrap();
        assert!(error.starts_with("no plan with enterprise.tfvars"), "{error}");
    }
}
