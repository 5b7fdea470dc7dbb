//! What is granted: exceptions and proofs cover exactly what they name.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::path::{Path, PathBuf};

use lakeside_policies::Suite;
use serde_json::{Value, json};

const REASON: &str = "the tests of exceptions want one";

fn suite() -> Suite {
    let policies: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform-terraform/policies");
    Suite::load(&policies).unwrap()
}

/// A plan with logs that are kept for ever, at these addresses.
fn logs_for_ever(addresses: &[&str]) -> String {
    let resources: Vec<Value> = addresses
        .iter()
        .map(|address| {
            json!({"address": address, "mode": "managed", "type": "aws_cloudwatch_log_group", "change": {
                "after": {"name": "a", "kms_key_id": "arn:aws:kms:us-east-1:123456789012:key/a", "retention_in_days": 0},
                "after_unknown": {}}})
        })
        .collect();
    json!({"resource_changes": resources}).to_string()
}

fn denied(exception: &Value, plan: &str) -> usize {
    let suite = suite().with_grants(&json!({"exceptions": {"x": exception}}).to_string()).unwrap();
    suite.judge(plan).unwrap().denied.len()
}

#[test]
fn an_exception_covers_the_rule_that_it_names() {
    let plan = logs_for_ever(&["aws_cloudwatch_log_group.a"]);
    assert_eq!(denied(&json!({"rule": "logs/retention", "reason": REASON}), &plan), 0);
    assert_eq!(denied(&json!({"rule": "logs/encryption", "reason": REASON}), &plan), 1);
}

#[test]
fn an_exception_covers_the_subjects_and_addresses_that_it_names() {
    let plan = logs_for_ever(&["aws_cloudwatch_log_group.a", "aws_cloudwatch_log_group.b"]);
    let of = |more: Value| {
        let mut exception = json!({"rule": "logs/retention", "reason": REASON});
        exception.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        denied(&exception, &plan)
    };
    assert_eq!(of(json!({"subjects": ["a"]})), 0);
    assert_eq!(of(json!({"subjects": ["b"]})), 2);
    assert_eq!(of(json!({"addresses": ["aws_cloudwatch_log_group.a"]})), 1);
    assert_eq!(of(json!({"subjects": ["b"], "addresses": ["aws_cloudwatch_log_group.a"]})), 2);
}

#[test]
fn an_exception_may_cover_all_instances_of_a_resource() {
    let plan = logs_for_ever(&["aws_cloudwatch_log_group.a[\"x\"]", "aws_cloudwatch_log_group.ab"]);
    let exception =
        json!({"rule": "logs/retention", "addresses": ["aws_cloudwatch_log_group.a[*]"], "reason": REASON});
    assert_eq!(denied(&exception, &plan), 1);
}

#[test]
fn an_exception_that_was_needed_is_told() {
    let suite = suite();
    let grants = json!({"exceptions": {
        "needed": {"rule": "logs/retention", "reason": REASON},
        "needless": {"rule": "logs/encryption", "reason": REASON}}});
    let verdict = suite
        .with_grants(&grants.to_string())
        .unwrap()
        .judge(&logs_for_ever(&["aws_cloudwatch_log_group.a"]))
        .unwrap();
    assert_eq!(verdict.exceptions.into_iter().collect::<Vec<_>>(), ["needed"]);
}

#[test]
fn an_exception_may_overlook_that_something_is_not_seen_and_no_fault() {
    let exception = json!({"rule": "logs/retention", "unseen": ["retention_in_days"], "reason": REASON});
    let plan = logs_for_ever(&["aws_cloudwatch_log_group.a"]);
    assert_eq!(denied(&exception, &plan), 1);
    let mut hidden: Value = serde_json::from_str(&plan).unwrap();
    hidden["resource_changes"][0]["change"]["after_unknown"] =
        json!({"name": true, "retention_in_days": true});
    let suite = suite().with_grants(&json!({"exceptions": {"x": exception}}).to_string()).unwrap();
    let verdict = suite.judge(&hidden.to_string()).unwrap();
    assert_eq!(verdict.exceptions.len(), 1);
    assert!(verdict.unseen.iter().all(|sentence| !sentence.contains("`retention_in_days`")), "{verdict:?}");
    assert!(verdict.unseen.iter().any(|sentence| sentence.contains("`name`")), "{verdict:?}");
}

#[test]
fn an_exception_needs_a_reason() {
    let error = suite().with_grants(r#"{"exceptions":{"x":{"rule":"logs/retention","reason":"because"}}}"#);
    assert!(error.err().unwrap().to_string().contains("`because` is no reason"));
    assert!(suite().with_grants(r#"{"exceptions":{"x":{"rule":"logs/retention"}}}"#).is_err());
    assert!(suite().with_grants(r#"{"excuses":{}}"#).is_err());
}

/// A rule without a guard in front of a queue whose function sends mail.
fn a_consumer_that_sends_mail() -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform-terraform/policies/fixtures");
    std::fs::read_to_string(fixtures.join("rules/replay/denied.json")).unwrap()
}

#[test]
fn a_consumer_that_knows_what_it_did_may_hear_replays() {
    let after = |name: &str, days: u32| {
        let grants = json!({"replay": {name: {"remembers_days": days, "by": REASON}}});
        suite().with_grants(&grants.to_string()).unwrap().judge(&a_consumer_that_sends_mail()).unwrap()
    };
    let proven = after("tell-suppliers", 61);
    assert_eq!((proven.denied.len(), proven.proofs.len()), (0, 1));
    // An archive may be as old as that.
    assert_eq!(after("tell-suppliers", 60).denied.len(), 1);
    assert_eq!(after("suppliers-of-others", 61).denied.len(), 1);
}
