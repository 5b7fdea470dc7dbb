//! Measures single orders: how long one takes, and how many calls of AWS it costs.
//!
//! Calls are counted by the emulator's own recording, which this switches on and off again. It sees what arrives
//! over HTTP: what the functions call, by the credentials of their roles. It does not see what AWS's services
//! (and the emulator inside itself) do among themselves: queues polled for functions, messages and events that
//! the state machine, the API and the rules send.

pub mod load;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    api::NewOrder,
    cloud::Cloud,
    customer::Customer,
    demo_stock::goods,
    journey::{FULFILLED, follow},
    terminal::bold,
};

const ORDERS: usize = 20;
const DEADLINE: Duration = Duration::from_mins(2);
/// The emulator's recording answers the newest of each action, and no more of them.
const NEWEST: usize = 50;
/// What functions call.
const ACTIONS: [&str; 12] = [
    "BatchGetItem",
    "DeleteItem",
    "DescribeExecution",
    "GetExecutionHistory",
    "GetItem",
    "PutEvents",
    "PutItem",
    "Query",
    "SendTaskSuccess",
    "StartExecution",
    "TransactWriteItems",
    "UpdateItem",
];

/// Places orders one after the other and prints what was measured.
///
/// # Errors
/// If an order is not fulfilled.
pub async fn run(cloud: &Cloud) -> anyhow::Result<()> {
    let customer = Customer::sign_up(cloud).await?;
    let headlamp = goods("HEADLAMP-400")?;
    // The first order starts every function; it is no measure of the others.
    follow(cloud, &customer, &NewOrder::of(&[(&headlamp, 1)]), FULFILLED, DEADLINE, |_| {}).await?;
    cloud.quiet(DEADLINE).await?;
    let recording = record_calls(cloud, true).await?;
    let mut calls = BTreeMap::new();
    let mut durations = Vec::with_capacity(ORDERS);
    for number in 1..=ORDERS {
        let began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let order = NewOrder::of(&[(&headlamp, 1)]);
        let journey = follow(cloud, &customer, &order, FULFILLED, DEADLINE, |_| {}).await?;
        println!("order {number:>2} of {ORDERS}: {:.2} s", journey.duration().as_secs_f64());
        durations.push(journey.duration());
        cloud.quiet(DEADLINE).await?;
        if recording {
            count_calls(cloud, began, &mut calls).await?;
        }
    }
    durations.sort_unstable();
    println!("\n{}", bold("From 202 to FULFILLED"));
    println!("  median {:.2} s", median(&durations).as_secs_f64());
    println!("  {:.2} s to {:.2} s", seconds(durations.first()), seconds(durations.last()));
    if recording {
        record_calls(cloud, false).await?;
        print_calls(&calls);
    } else {
        println!("\nThis cloud records no calls, so none are counted.");
    }
    Ok(())
}

fn print_calls(calls: &BTreeMap<String, usize>) {
    println!("\n{}", bold("Calls of AWS by functions, per order"));
    let mut total = 0.0;
    for (call, count) in calls {
        let per_order = to_f64(*count) / to_f64(ORDERS);
        total += per_order;
        println!("  {call:<44} {per_order:>6.1}");
    }
    println!("  {:<44} {total:>6.1}", "all");
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn median(sorted: &[Duration]) -> Duration {
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (at(middle.saturating_sub(1)) + at(middle)) / 2 } else { at(middle) }
}

fn seconds(duration: Option<&Duration>) -> f64 {
    duration.copied().unwrap_or_default().as_secs_f64()
}

/// Switches the recording of calls on or off; `false` where there is none.
async fn record_calls(cloud: &Cloud, on: bool) -> anyhow::Result<bool> {
    let url = format!("{}/_ministack/config", cloud.endpoint);
    let body = json!({ "cloudtrail._recording_enabled": on.to_string() });
    let answer = cloud.http.post(url).json(&body).send().await.context("the cloud does not answer")?;
    Ok(answer.status().is_success())
}

/// Adds how often each action was called since `began`, in seconds since the epoch, with other credentials than this
/// process's own.
async fn count_calls(cloud: &Cloud, began: f64, calls: &mut BTreeMap<String, usize>) -> anyhow::Result<()> {
    for action in ACTIONS {
        let attribute = json!([{ "AttributeKey": "EventName", "AttributeValue": action }]);
        let request = json!({ "LookupAttributes": attribute, "StartTime": began, "MaxResults": NEWEST });
        let page = cloud.signed.json("cloudtrail", "CloudTrail_20131101.LookupEvents", &request).await?;
        let events = page.get("Events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        ensure!(events.len() < NEWEST, "too many calls of {action} to count");
        for event in events {
            let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("AccessKeyId") != cloud.access_key_id() {
                let service = text("EventSource").trim_end_matches(".amazonaws.com");
                *calls.entry(format!("{service} {action}")).or_default() += 1;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let seconds = |list: &[u64]| list.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(median(&seconds(&[1, 2, 9])), Duration::from_secs(2));
        assert_eq!(median(&seconds(&[1, 2, 4, 9])), Duration::from_secs(3));
    }
}
