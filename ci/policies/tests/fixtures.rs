//! Every rule of the policies, on plans in which it alone finds a fault, and on plans in which nobody does.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lakeside_policies::{Rule, Suite, rules, without};
use serde_json::{Value, json};

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform-terraform/policies")
}

/// The fixtures of a rule whose names begin so: what they are called and what is in them.
fn fixtures(rule: &Rule, kind: &str) -> Vec<(String, String)> {
    let dir = policies().join("fixtures").join(&rule.package).join(&rule.name);
    let mut fixtures: Vec<(String, String)> = fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(kind))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    fixtures.sort();
    fixtures
}

#[test]
fn every_rule_has_a_plan_that_it_denies_and_one_that_it_allows() {
    let rules = rules(&policies()).unwrap();
    assert!(rules.len() > 40, "only {} rules were found", rules.len());
    for rule in &rules {
        for kind in ["denied.json", "allowed.json"] {
            assert_eq!(fixtures(rule, kind).len(), 1, "{} has no {kind}", rule.full_name());
        }
    }
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let named: BTreeSet<String> = rules(&policies()).unwrap().iter().map(Rule::full_name).collect();
    let mut found = BTreeSet::new();
    for package in fs::read_dir(policies().join("fixtures")).unwrap() {
        let package = package.unwrap();
        for rule in fs::read_dir(package.path()).unwrap() {
            let (package, rule) = (package.file_name(), rule.unwrap().file_name());
            found.insert(format!("{}/{}", package.to_string_lossy(), rule.to_string_lossy()));
        }
    }
    assert_eq!(found, named);
}

#[test]
fn a_plan_with_one_fault_is_denied_for_it_alone() {
    let suite = Suite::load(&policies()).unwrap();
    for rule in rules(&policies()).unwrap() {
        for (name, plan) in fixtures(&rule, "denied") {
            let verdict = suite.judge(&plan).unwrap();
            assert_eq!(verdict.denied.len(), 1, "{name}: {verdict:?}");
            let sentence = verdict.denied.first().unwrap();
            assert!(sentence.ends_with(&format!(" [{}]", rule.full_name())), "{name}: {sentence}");
            assert!(
                named_in(&plan).iter().any(|address| sentence.starts_with(&format!("{address}: "))),
                "{sentence}"
            );
            assert_eq!(verdict.unseen, BTreeSet::new(), "{name}");
        }
    }
}

fn named_in(plan: &str) -> Vec<String> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let resources = plan["resource_changes"].as_array().unwrap();
    resources.iter().map(|resource| resource["address"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_without_a_fault_is_allowed() {
    let suite = Suite::load(&policies()).unwrap();
    for rule in rules(&policies()).unwrap() {
        for (name, plan) in fixtures(&rule, "allowed") {
            let verdict = suite.judge(&plan).unwrap();
            assert_eq!(verdict.denied, BTreeSet::new(), "{name}");
            assert_eq!(verdict.unseen, BTreeSet::new(), "{name}");
        }
    }
}

#[test]
fn a_rule_that_is_emptied_is_missed() {
    for rule in rules(&policies()).unwrap() {
        let denied = fixtures(&rule, "denied");
        for &body in &rule.bodies {
            let emptied =
                Suite::load_with(
                    &policies(),
                    |file, text| {
                        if file == rule.file { without(body, &text) } else { text }
                    },
                )
                .unwrap()
                .only(&rule.package);
            assert!(
                denied.iter().any(|(_, plan)| emptied.judge(plan).unwrap().denied.is_empty()),
                "{}:{} can be emptied and nobody notices",
                rule.file.display(),
                body + 1
            );
        }
    }
}

/// What a rule looks at and cannot see yet, it says, and it denies nothing for want of it.
#[test]
fn a_rule_that_cannot_see_says_so() {
    let suite = Suite::load(&policies()).unwrap();
    let mut hidden = 0;
    for rule in rules(&policies()).unwrap() {
        if rule.package == "tags" {
            continue; // Reads what has tags; the next test hides them.
        }
        let reads = suite.reads(&rule.package).unwrap();
        let suite = suite.only(&rule.package);
        for (kind, attributes) in reads[&rule.name].as_object().unwrap() {
            for attribute in attributes.as_array().unwrap() {
                let attribute = attribute.as_str().unwrap();
                let Some((plan, address)) = hide(&rule, kind, attribute) else { continue };
                let verdict = suite.judge(&plan).unwrap();
                let expected = format!(
                    "{address}: `{attribute}` is known only after the apply, so plan again once it is there [{}]",
                    rule.full_name()
                );
                assert!(verdict.unseen.contains(&expected), "{expected}\n{verdict:?}");
                let ours = format!("{address}: ");
                assert!(!verdict.denied.iter().any(|sentence| sentence.starts_with(&ours)), "{verdict:?}");
                hidden += 1;
            }
        }
    }
    assert!(hidden > 60, "only {hidden} attributes were hidden");
}

#[test]
fn tags_that_cannot_be_seen_are_said_to_be() {
    let suite = Suite::load(&policies()).unwrap();
    let rule = rules(&policies()).unwrap().into_iter().find(|rule| rule.package == "tags").unwrap();
    let (plan, address) = hide(&rule, "aws_sns_topic", "tags_all").unwrap();
    let verdict = suite.judge(&plan).unwrap();
    assert!(
        verdict
            .unseen
            .iter()
            .any(|sentence| sentence.starts_with(&format!("{address}: `tags_all` is known")))
    );
    assert_eq!(verdict.denied, BTreeSet::new());
}

/// A plan that is allowed, with one attribute of one resource as Terraform tells it when it is not known.
fn hide(rule: &Rule, kind: &str, attribute: &str) -> Option<(String, String)> {
    for (_, plan) in fixtures(rule, "allowed") {
        let mut plan: Value = serde_json::from_str(&plan).unwrap();
        let resources = plan["resource_changes"].as_array_mut().unwrap();
        let Some(resource) = resources.iter_mut().find(|resource| resource["type"] == kind) else { continue };
        let address = resource["address"].as_str().unwrap().to_owned();
        resource["change"]["after"].as_object_mut().unwrap().remove(attribute);
        resource["change"]["after_unknown"][attribute] = json!(true);
        return Some((plan.to_string(), address));
    }
    None
}

#[test]
fn an_attribute_of_which_a_part_is_unknown_is_unseen() {
    let suite = Suite::load(&policies()).unwrap();
    let plan = json!({"resource_changes": [{
        "address": "aws_cloudwatch_event_target.a", "mode": "managed", "type": "aws_cloudwatch_event_target",
        "change": {
            "after": {"rule": "a", "arn": "arn:aws:sqs:us-east-1:123456789012:a", "dead_letter_config": [{}],
                "retry_policy": [{"maximum_retry_attempts": 1, "maximum_event_age_in_seconds": 60}]},
            "after_unknown": {"dead_letter_config": [{"arn": true}]}}}]});
    let verdict = suite.judge(&plan.to_string()).unwrap();
    assert_eq!(verdict.denied, BTreeSet::new());
    assert!(verdict.unseen.iter().all(|sentence| sentence.contains("`dead_letter_config`")), "{verdict:?}");
    assert_eq!(verdict.unseen.len(), 2);
}

#[test]
fn what_is_destroyed_is_not_judged() {
    let suite = Suite::load(&policies()).unwrap();
    let plan = json!({"resource_changes": [{
        "address": "aws_sqs_queue.a", "mode": "managed", "type": "aws_sqs_queue",
        "change": {"actions": ["delete"], "before": {"name": "a"}, "after": null, "after_unknown": {}}}]});
    assert_eq!(suite.judge(&plan.to_string()).unwrap(), lakeside_policies::Verdict::default());
}

#[test]
fn what_is_no_plan_is_refused() {
    let suite = Suite::load(&policies()).unwrap();
    assert!(suite.judge("{}").unwrap_err().to_string().contains("terraform show -json"));
    assert!(suite.judge("[").is_err());
}

#[test]
fn the_readme_lists_every_rule_and_no_other() {
    let readme = fs::read_to_string(policies().join("README.md")).unwrap();
    let listed: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.contains('/') && !name.contains('.'))
        .collect();
    let named: BTreeSet<String> = rules(&policies()).unwrap().iter().map(Rule::full_name).collect();
    assert_eq!(listed, named);
}
