//! Both makes answer the same and leave the same behind: what is compared in speed is the same work.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use lakeside_bench::{
    batches,
    makes::{Function, Make, environment},
    sandbox::Sandbox,
    table::Tables,
};
use serde_json::{Value, json};

fn given(variable: &str) -> PathBuf {
    let value = env::var_os(variable);
    value.unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask bench`, which sets it")).into()
}

/// The ids of the messages that failed, in order.
fn failed(answer: &Value) -> Vec<String> {
    let mut failed: Vec<String> = answer["batchItemFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect();
    failed.sort();
    failed
}

async fn outcome(function: Function, make: &Make) -> (Vec<Vec<String>>, BTreeMap<String, Value>) {
    let tables = Tables::serve().await.unwrap();
    let mut environment = environment(function, &tables.endpoint);
    environment.push(("AWS_ENDPOINT_URL_SFN", tables.saga.clone()));
    let log = env::temp_dir().join(format!("lakeside-bench-{}-{}.log", function.name(), make.name));
    let mut sandbox = Sandbox::start(make, &environment, &log).await.unwrap();
    let mut answers = Vec::new();
    for batch in batches::telling(function) {
        answers.push(failed(&sandbox.invoke(batch).await.unwrap()));
    }
    (answers, tables.contents(function).await.unwrap())
}

async fn are_the_same(function: Function) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let rust = outcome(function, &function.in_rust(&given("LAKESIDE_BENCH_BINARIES"))).await;
    let python = outcome(function, &function.in_python(&given("LAKESIDE_BENCH_PYTHON"), &sources)).await;
    assert_eq!(rust.0, python.0, "messages that fail");
    let keys = |contents: &BTreeMap<String, Value>| contents.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&rust.1), keys(&python.1), "items");
    for (key, item) in &rust.1 {
        assert_eq!(item, &python.1[key], "{key}");
    }
    assert!(rust.1.len() > 20 && rust.0.iter().flatten().count() > 2, "nothing was told apart: {rust:?}");
}

#[tokio::test]
async fn orders_are_ingested_alike() {
    are_the_same(Function::OrderIngest).await;
}

#[tokio::test]
async fn stock_is_reserved_alike() {
    are_the_same(Function::ReserveStock).await;
}

#[test]
fn failures_are_read_whatever_their_order() {
    let answer = json!({ "batchItemFailures": [{ "itemIdentifier": "b" }, { "itemIdentifier": "a" }] });
    assert_eq!(failed(&answer), ["a", "b"]);
}
