//! The saga's definition: first as a graph, over every way through it, then state by state on the emulator.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails must fail its test"
)]

#[path = "asl/emulator.rs"]
mod emulator;
#[path = "asl/graph.rs"]
mod graph;
#[path = "asl/services.rs"]
mod services;
#[path = "asl/stage.rs"]
mod stage;
#[path = "asl/teststate.rs"]
mod teststate;

use lakeside_domain::saga::{STEPS, owed_compensations};
use lakeside_e2e::asl::Definition;
use serde_json::Value;

const PLACEHOLDERS: [&str; 9] = [
    "reserve_stock_queue_url",
    "capture_payment_queue_url",
    "refund_payment_queue_url",
    "allocate_function_arn",
    "release_stock_function_arn",
    "create_label_function_arn",
    "void_label_function_arn",
    "fulfilment_table_name",
    "fulfilment_bus_name",
];

/// States that say how it ended; they are neither steps nor compensations.
const FAILED: &str = "PublishFailed";
const PARKED: &str = "PublishParked";

fn compensations() -> Vec<&'static str> {
    owed_compensations(last_step())
}

fn last_step() -> &'static str {
    STEPS.last().unwrap().name
}

fn is_step(state: &str) -> bool {
    STEPS.iter().any(|step| step.name == state)
}

fn is_compensation(state: &str) -> bool {
    compensations().contains(&state)
}

fn kind(state: &Value) -> &str {
    state["Type"].as_str().unwrap()
}

fn tasks(definition: &Definition) -> Vec<(&str, &Value)> {
    definition.all_states().into_iter().filter(|(_, state)| kind(state) == "Task").collect()
}

fn waits_for_token(task: &Value) -> bool {
    task["Resource"].as_str().unwrap().ends_with(".waitForTaskToken")
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// Seconds of waiting until a retrier gives up, without jitter.
fn patience(retrier: &Value) -> f64 {
    let (interval, rate) =
        (retrier["IntervalSeconds"].as_f64().unwrap(), retrier["BackoffRate"].as_f64().unwrap());
    let cap = retrier["MaxDelaySeconds"].as_f64().unwrap();
    let attempts = i32::try_from(retrier["MaxAttempts"].as_i64().unwrap()).unwrap();
    (0..attempts).map(|n| (interval * rate.powi(n)).min(cap)).sum()
}
