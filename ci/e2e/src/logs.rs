//! What the functions have written into their logs.

use std::collections::HashSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Cloud;

/// The emulator answers so many events at most and does not say that there are more.
const MOST: usize = 10_000;

/// Every line of every function's log.
///
/// # Errors
/// If the logs cannot be read.
pub async fn all(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    lines(cloud, None).await
}

/// The lines about one order, in the order of each function's log.
///
/// # Errors
/// If the logs cannot be read.
pub async fn about(cloud: &Cloud, order_id: Uuid) -> anyhow::Result<Vec<Line>> {
    let own = order_id.to_string();
    let lines = lines(cloud, Some(&own)).await?;
    let read = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).map(Line);
    Ok(read.filter(|line| line.text("correlation_id") == Some(&own)).collect())
}

/// The lines of every function's log, or those of them that have a text.
async fn lines(cloud: &Cloud, text: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let prefix = json!({ "logGroupNamePrefix": format!("/aws/lambda/{}", cloud.name("")) });
    let groups = pages(cloud, "DescribeLogGroups", &prefix, "logGroups").await?;
    for group in groups.iter().filter_map(|group| group.get("logGroupName")) {
        let events = events(cloud, group, text).await?;
        lines.extend(events.iter().filter_map(|event| event.get("message")?.as_str().map(str::to_owned)));
    }
    Ok(lines)
}

/// What the functions have logged since then, in milliseconds after the epoch: by function, without prefix.
///
/// # Errors
/// If the logs cannot be read.
pub async fn since(cloud: &Cloud, millis: i64) -> anyhow::Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    let prefix = format!("/aws/lambda/{}", cloud.name(""));
    let request = json!({ "logGroupNamePrefix": prefix });
    for group in pages(cloud, "DescribeLogGroups", &request, "logGroups").await? {
        let name = group.get("logGroupName").and_then(Value::as_str).context("a log group without name")?;
        let function = name.strip_prefix(&prefix).context("a log group of somebody else")?.to_owned();
        let request = json!({ "logGroupName": name, "startTime": millis });
        let events = pages(cloud, "FilterLogEvents", &request, "events").await?;
        ensure!(events.len() < MOST, "{function} has logged too much to be counted");
        let messages = events.iter().filter_map(|event| event.get("message")?.as_str());
        lines.extend(messages.map(|message| (function.clone(), message.to_owned())));
    }
    Ok(lines)
}

/// What a log group has; what is there twice, to the millisecond, once.
async fn events(cloud: &Cloud, group: &Value, text: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let mut request = json!({ "logGroupName": group, "startTime": 0 });
    if let (Some(text), Some(request)) = (text, request.as_object_mut()) {
        request.insert("filterPattern".into(), format!("\"{text}\"").into());
    }
    let (mut found, mut seen, mut since) = (Vec::new(), HashSet::new(), 0);
    loop {
        let page = pages(cloud, "FilterLogEvents", &request, "events").await?;
        let is_full = page.len() >= MOST;
        let newest = page.iter().filter_map(|event| event.get("timestamp")?.as_i64()).max().unwrap_or(since);
        for event in page {
            if seen.insert(event.to_string()) {
                found.push(event);
            }
        }
        if !is_full {
            return Ok(found);
        }
        ensure!(newest > since, "more than {MOST} events of {group} are of one millisecond");
        since = newest;
        request.as_object_mut().context("a request is an object")?.insert("startTime".into(), since.into());
    }
}

/// One line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub Value);

impl Line {
    /// A field that is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }
}

async fn pages(cloud: &Cloud, action: &str, request: &Value, items: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut request = request.clone();
    loop {
        let page = cloud.signed.json("logs", &format!("Logs_20140328.{action}"), &request).await?;
        found.extend(page.get(items).and_then(Value::as_array).into_iter().flatten().cloned());
        match page.get("nextToken").filter(|token| token.is_string()) {
            Some(token) => {
                let request = request.as_object_mut().context("a request is an object")?;
                request.insert("nextToken".into(), token.clone());
            }
            None => return Ok(found),
        }
    }
}
