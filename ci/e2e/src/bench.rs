//! Measures single orders: how long one takes, and how many calls of AWS it costs.
//!
//! Calls are counted by the emulator's own recording, which this switches on and off again. It sees what arrives
//! over HTTP: what the functions call, by the credentials of their roles. It does not see what AWS's services
//! (and the emulator inside itself) do among themselves: queues polled for functions, messages and events that
//! the state machine, the API and the rules send.

use std::{collections::BTreeMap, time::Duration};

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
/// CloudTrail answers at most this many events at once.
const PAGE: u32 = 50;

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
    let before = if recording { calls_of_functions(cloud).await? } else { BTreeMap::new() };
    let mut durations = Vec::with_capacity(ORDERS);
    for number in 1..=ORDERS {
        let order = NewOrder::of(&[(&headlamp, 1)]);
        let journey = follow(cloud, &customer, &order, FULFILLED, DEADLINE, |_| {}).await?;
        println!("order {number:>2} of {ORDERS}: {:.2} s", journey.duration().as_secs_f64());
        durations.push(journey.duration());
    }
    cloud.quiet(DEADLINE).await?;
    durations.sort_unstable();
    println!("\n{}", bold("From 202 to FULFILLED"));
    println!("  median {:.2} s", median(&durations).as_secs_f64());
    println!("  {:.2} s to {:.2} s", seconds(durations.first()), seconds(durations.last()));
    if recording {
        let after = calls_of_functions(cloud).await?;
        record_calls(cloud, false).await?;
        print_calls(&before, &after);
    } else {
        println!("\nThis cloud records no calls, so none are counted.");
    }
    Ok(())
}

fn print_calls(before: &BTreeMap<String, usize>, after: &BTreeMap<String, usize>) {
    println!("\n{}", bold("Calls of AWS by functions, per order"));
    let mut total = 0.0;
    for (call, count) in after {
        let count = count.saturating_sub(before.get(call).copied().unwrap_or_default());
        let per_order = to_f64(count) / to_f64(ORDERS);
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

/// How often each action was called with other credentials than this process's own.
async fn calls_of_functions(cloud: &Cloud) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut calls = BTreeMap::new();
    let mut next = Value::Null;
    loop {
        let mut request = json!({ "MaxResults": PAGE });
        if let (Some(request), true) = (request.as_object_mut(), next.is_string()) {
            request.insert("NextToken".into(), next.clone());
        }
        let page = cloud.signed.json("cloudtrail", "CloudTrail_20131101.LookupEvents", &request).await?;
        let events = page.get("Events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for event in events {
            let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("AccessKeyId") != cloud.access_key_id() {
                let service = text("EventSource").trim_end_matches(".amazonaws.com");
                *calls.entry(format!("{service} {}", text("EventName"))).or_default() += 1;
            }
        }
        next = page.get("NextToken").cloned().unwrap_or_default();
        if !next.is_string() {
            return Ok(calls);
        }
        ensure!(!events.is_empty(), "the recording does not come to an end");
    }
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
