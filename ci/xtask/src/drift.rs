//! Drift: what a second plan would change although nothing has changed.
//!
//! Some of it is the emulator's: it forgets or rewrites attributes of a type of resource. Each is listed by name in
//! `ci/known-drift.json` with its reason. Any other drift is a fault in the Terraform.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::layout::{CloudPaths, Layout};
use crate::progress::Progress;
use crate::terraform::{Terraform, groups};

/// One attribute of one resource that a plan would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// The root's name.
    pub root: String,
    /// The resource's address in it.
    pub address: String,
    /// The resource's type.
    pub resource: String,
    /// The attribute at the top of the resource, or the action where it is not an update.
    pub attribute: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    resource: String,
    attributes: BTreeSet<String>,
    reason: String,
}

impl std::fmt::Display for Drift {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {} {}", self.root, self.address, self.attribute)
    }
}

/// Plans every root again and compares what would change with the list.
pub fn check(
    layout: &Layout,
    progress: &Progress,
    terraform: &Terraform,
    paths: &CloudPaths,
) -> anyhow::Result<()> {
    let known = read_known(&layout.root.join("ci/known-drift.json"))?;
    let workspace = crate::cloud::workspace(layout, terraform, paths)?;
    let mut found = BTreeSet::new();
    for root in groups(layout)?.iter().flatten() {
        let step = progress.step(&format!("second plan of {}", root.name));
        let plan = workspace.plan(&step, root)?;
        let drifts = of_plan(&root.name, &plan);
        step.done(&format!("{} attributes drift", drifts.len()));
        found.extend(drifts);
    }
    let (unexpected, settled) = compare(&found, &known);
    for (resource, attribute) in &settled {
        progress.say(&format!("  no longer drifts, so take it off the list: {resource} {attribute}"));
    }
    for drift in &unexpected {
        progress.say(&format!("  unexpected drift: {drift}"));
    }
    for entry in &known {
        let (resource, reason) = (&entry.resource, &entry.reason);
        let count = found.iter().filter(|drift| entry.covers(drift)).count();
        progress.say(&format!("  known drift: {count} attributes of {resource}: {reason}"));
    }
    match unexpected.len() {
        0 => Ok(()),
        count => {
            bail!("a second plan would change {count} attributes that ci/known-drift.json does not list")
        }
    }
}

fn read_known(file: &Path) -> anyhow::Result<Vec<Known>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let known: Vec<Known> = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a list of resource, attributes and reason", file.display()))?;
    if let Some(entry) = known.iter().find(|entry| entry.reason.trim().is_empty()) {
        bail!("{} gives no reason for the drift of {}", file.display(), entry.resource);
    }
    Ok(known)
}

impl Known {
    fn covers(&self, drift: &Drift) -> bool {
        self.resource == drift.resource && self.attributes.contains(&drift.attribute)
    }
}

/// Drift that is not listed, and what is listed that does not drift.
fn compare(found: &BTreeSet<Drift>, known: &[Known]) -> (Vec<Drift>, Vec<(String, String)>) {
    let unexpected = found.iter().filter(|drift| !known.iter().any(|entry| entry.covers(drift)));
    let listed = known.iter().flat_map(|entry| {
        entry.attributes.iter().map(|attribute| (entry.resource.clone(), attribute.clone()))
    });
    let settled = listed.filter(|(resource, attribute)| {
        !found.iter().any(|drift| drift.resource == *resource && drift.attribute == *attribute)
    });
    (unexpected.cloned().collect(), settled.collect())
}

/// Reads `terraform show -json` of a plan.
pub fn of_plan(root: &str, plan: &Value) -> Vec<Drift> {
    let changes =
        plan.get("resource_changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut drifts = Vec::new();
    for resource in changes {
        let address = resource.get("address").and_then(Value::as_str).unwrap_or_default();
        let kind = resource.get("type").and_then(Value::as_str).unwrap_or_default();
        let Some(change) = resource.get("change") else { continue };
        let actions: Vec<&str> = change
            .get("actions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let attributes = match actions.as_slice() {
            ["no-op" | "read"] => Vec::new(),
            ["update"] => changed_attributes(change),
            // A replacement is as bad as it is, whatever attribute brings it about.
            other => vec![format!("({})", other.join(", "))],
        };
        drifts.extend(attributes.into_iter().map(|attribute| Drift {
            root: root.to_owned(),
            address: address.to_owned(),
            resource: kind.to_owned(),
            attribute,
        }));
    }
    drifts
}

fn changed_attributes(change: &Value) -> Vec<String> {
    let object = |name: &str| change.get(name).and_then(Value::as_object);
    let (before, after, unknown) = (object("before"), object("after"), object("after_unknown"));
    let names: BTreeSet<&String> =
        [before, after, unknown].into_iter().flatten().flat_map(serde_json::Map::keys).collect();
    names
        .into_iter()
        .filter(|name| {
            let of = |map: Option<&serde_json::Map<String, Value>>| {
                map.and_then(|map| map.get(name.as_str())).cloned().unwrap_or_default()
            };
            of(before) != of(after) || is_unknown(&of(unknown))
        })
        .cloned()
        .collect()
}

/// `after_unknown` is true, or holds true somewhere, where a value is known only after the apply.
fn is_unknown(value: &Value) -> bool {
    match value {
        Value::Bool(unknown) => *unknown,
        Value::Array(values) => values.iter().any(is_unknown),
        Value::Object(values) => values.values().any(is_unknown),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drift(address: &str, attribute: &str) -> Drift {
        let (root, resource) = ("orders".into(), "aws_thing".into());
        Drift { root, address: address.into(), resource, attribute: attribute.into() }
    }

    #[test]
    fn an_update_is_told_by_the_attributes_that_differ() {
        let plan = json!({"resource_changes": [
            {"address": "aws_sqs_queue.same", "change": {"actions": ["no-op"], "before": {"a": 1}, "after": {"a": 1}}},
            {"address": "data.aws_region.r", "change": {"actions": ["read"], "before": null, "after": {"a": 1}}},
            {"address": "module.m.aws_thing.a[\"x\"]", "type": "aws_thing", "change": {
                "actions": ["update"],
                "before": {"name": "a", "tags": {"k": "v"}, "missing": null, "arn": "x"},
                "after": {"name": "a", "tags": {"k": "w"}},
                "after_unknown": {"arn": true, "tags": {}, "list": [{"id": false}]}}}
        ]});
        let address = "module.m.aws_thing.a[\"x\"]";
        assert_eq!(of_plan("orders", &plan), [drift(address, "arn"), drift(address, "tags")]);
    }

    #[test]
    fn a_replacement_a_creation_and_a_removal_are_told_by_their_actions() {
        let change = |actions: &[&str]| json!({"actions": actions, "before": {"a": 1}, "after": {"a": 2}});
        let plan = json!({"resource_changes": [
            {"address": "a", "type": "aws_thing", "change": change(&["delete", "create"])},
            {"address": "b", "type": "aws_thing", "change": change(&["create"])},
            {"address": "c", "type": "aws_thing", "change": change(&["delete"])}
        ]});
        let expected = [drift("a", "(delete, create)"), drift("b", "(create)"), drift("c", "(delete)")];
        assert_eq!(of_plan("orders", &plan), expected);
    }

    #[test]
    fn what_is_not_listed_is_unexpected_and_what_is_listed_in_vain_is_told() {
        let known = |resource: &str, attribute: &str| Known {
            resource: resource.into(),
            attributes: BTreeSet::from([attribute.into()]),
            reason: "the emulator forgets it".into(),
        };
        let known = [known("aws_thing", "tags"), known("aws_other", "tags")];
        let found = BTreeSet::from([drift("a", "tags"), drift("b", "tags"), drift("a", "policy")]);
        let settled = ("aws_other".to_owned(), "tags".to_owned());
        assert_eq!(compare(&found, &known), (vec![drift("a", "policy")], vec![settled]));
    }

    #[test]
    fn an_entry_needs_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known.json");
        fs::write(&file, r#"[{"resource":"a","attributes":["tags"],"reason":" "}]"#).unwrap();
        assert!(read_known(&file).unwrap_err().to_string().contains("gives no reason"));
        fs::write(&file, r#"[{"resource":"a"}]"#).unwrap();
        assert!(read_known(&file).is_err());
    }
}
