//! The gate on a checkout: what it compares with, and what it says.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

const EVENT: &str = "contracts/events/shop/parcel-packed/v1.schema.json";
const SMALL: &str = r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"integer"}}}"#;
const GROWN: &str = r#"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}"#;

struct Checkout(TempDir);

impl Checkout {
    /// On `main`, with one commit.
    fn new() -> Self {
        let checkout = Self(tempfile::tempdir().unwrap());
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout.write(GROWN);
        checkout.commit();
        checkout
    }

    fn write(&self, schema: &str) {
        let file = self.0.path().join(EVENT);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, schema).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "Change something"]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.0.path()).args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@lakeside.example",
        ]);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn gate(&self, base: Option<&str>) -> Output {
        gate(self.0.path(), base)
    }
}

fn gate(checkout: &Path, base: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contracts-gate"));
    command.arg("--checkout").arg(checkout).env_remove("LAKESIDE_CONTRACTS_BASE");
    if let Some(base) = base {
        command.env("LAKESIDE_CONTRACTS_BASE", base);
    }
    command.output().unwrap()
}

fn says(output: &Output, words: &str) -> bool {
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    text.contains(words)
}

#[test]
fn a_branch_is_compared_with_where_it_left_the_main_branch() {
    let checkout = Checkout::new();
    let fork = checkout.git(&["rev-parse", "HEAD"]);
    checkout.git(&["switch", "--quiet", "--create", "mine"]);
    checkout.write(SMALL);
    // Committed or not.
    for _ in 0..2 {
        let output = checkout.gate(None);
        assert!(!output.status.success());
        assert!(says(&output, "events/shop/parcel-packed/v1: b is gone (field-removed)"), "{output:?}");
        assert!(says(&output, &fork[..12]), "{output:?}");
        checkout.commit();
    }
    // What others did on the main branch meanwhile is not this change's business.
    checkout.git(&["switch", "--quiet", "main"]);
    checkout.write("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}");
    checkout.commit();
    checkout.git(&["switch", "--quiet", "mine"]);
    checkout.write(GROWN);
    assert!(checkout.gate(None).status.success());
}

#[test]
fn on_the_main_branch_the_change_is_what_is_not_committed_or_the_last_commit() {
    let checkout = Checkout::new();
    assert!(says(&checkout.gate(None), "skipped: this clone does not go back"));
    checkout.write(SMALL);
    assert!(!checkout.gate(None).status.success());
    checkout.commit();
    assert!(!checkout.gate(None).status.success());
    checkout.commit();
    assert!(checkout.gate(None).status.success());
    // A named revision goes before it.
    assert!(!checkout.gate(Some("HEAD~2")).status.success());
    assert!(checkout.gate(Some("HEAD~1")).status.success());
}

#[test]
fn without_anything_to_compare_with_it_is_skipped_unless_a_revision_was_named() {
    let checkout = Checkout::new();
    checkout.commit();
    let clone = tempfile::tempdir().unwrap();
    let source = format!("file://{}", checkout.0.path().display());
    let target = clone.path().join("clone");
    checkout.git(&["clone", "--quiet", "--depth=1", &source, target.to_str().unwrap()]);
    let output = gate(&target, None);
    assert!(output.status.success() && says(&output, "skipped: this clone does not go back"), "{output:?}");

    checkout.git(&["branch", "--quiet", "--move", "trunk"]);
    let output = checkout.gate(None);
    assert!(output.status.success() && says(&output, "skipped: this clone has no main branch"), "{output:?}");

    for name in ["gone", "--all"] {
        let output = checkout.gate(Some(name));
        assert!(!output.status.success() && says(&output, "is not in this clone"), "{output:?}");
    }

    fs::remove_dir_all(checkout.0.path().join(".git")).unwrap();
    let output = checkout.gate(None);
    assert!(output.status.success() && says(&output, "skipped: this is no git checkout"), "{output:?}");
    assert!(!checkout.gate(Some("main")).status.success());
}
