//! Our own rules of AWS Config, by the engine that Config runs them with: what each holds to be right, and what not.
//!
//! The items have the form that Config's published resource schemas give; none was recorded in a real account.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cfn_guard::{ValidateInput, run_checks};

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../platform-terraform/guardrails/account/rules")
}

/// `PASS`, `FAIL`, or `SKIP` where the rule is about something else.
fn verdict(rule: &str, item: &str) -> String {
    let rule = std::fs::read_to_string(rules().join(format!("{rule}.guard"))).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/items").join(format!("{item}.json"));
    let item = std::fs::read_to_string(file).unwrap();
    let answer = run_checks(
        ValidateInput { content: &item, file_name: "item" },
        ValidateInput { content: &rule, file_name: "rule" },
        false,
    );
    let answer: serde_json::Value = serde_json::from_str(&answer.unwrap()).unwrap();
    answer["status"].as_str().unwrap().to_owned()
}

/// Holds all items against one rule: the right ones, the wrong ones, and those that are not its business.
fn holds(rule: &str, right: &[&str], wrong: &[&str], other: &[&str]) {
    for (expected, items) in [("PASS", right), ("FAIL", wrong), ("SKIP", other)] {
        for item in items {
            assert_eq!(verdict(rule, item), expected, "{rule} of {item}");
        }
    }
}

#[test]
fn a_queue_has_a_dead_letter_queue_or_is_one() {
    holds(
        "queues-have-dead-letter-queue",
        &["queue", "queue-with-policy-as-text"],
        &["queue-without-dead-letter-queue", "queue-that-is-only-called-nearly-so"],
        &["queue-that-is-one", "fifo-queue-that-is-one", "topic"],
    );
}

#[test]
fn a_queue_is_encrypted_by_a_customers_key() {
    holds(
        "queues-encrypted-by-customer-key",
        &["queue", "queue-that-is-one"],
        &["queue-encrypted-by-sqs", "queue-encrypted-by-aws"],
        &["bucket"],
    );
}

#[test]
fn a_table_can_be_brought_back_to_any_second() {
    holds("tables-have-recovery", &["table"], &["table-without-recovery"], &["queue"]);
}

#[test]
fn a_table_is_encrypted_by_a_customers_key() {
    holds(
        "tables-encrypted-by-customer-key",
        &["table"],
        &["table-encrypted-by-dynamodb", "table-whose-key-is-being-disabled"],
        &["queue"],
    );
}

#[test]
fn a_topic_is_encrypted_by_a_customers_key() {
    holds(
        "topics-encrypted-by-customer-key",
        &["topic"],
        &["topic-not-encrypted", "topic-encrypted-by-aws"],
        &["queue"],
    );
}

#[test]
fn a_bucket_is_encrypted_by_a_customers_key() {
    holds(
        "buckets-encrypted-by-customer-key",
        &["bucket"],
        &[
            "bucket-encrypted-by-s3",
            "bucket-encrypted-by-aws",
            "bucket-encrypted-by-no-named-key",
            "bucket-of-unknown-encryption",
        ],
        &["table"],
    );
}

#[test]
fn every_rule_is_held_against_something() {
    let files: BTreeSet<String> = std::fs::read_dir(rules())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let tests = include_str!("config_rules.rs");
    let untested: Vec<&String> =
        files.iter().filter(|rule| !tests.contains(&format!("\"{rule}\""))).collect();
    assert!(untested.is_empty() && !files.is_empty(), "no test holds anything against {untested:?}");
}
