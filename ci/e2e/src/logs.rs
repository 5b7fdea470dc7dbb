//! What the functions have written into their logs.

use anyhow::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Cloud;

/// Every line of every function's log.
///
/// # Errors
/// If the logs cannot be read.
pub async fn all(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let prefix = json!({ "logGroupNamePrefix": format!("/aws/lambda/{}", cloud.name("")) });
    let groups = pages(cloud, "DescribeLogGroups", &prefix, "logGroups").await?;
    for group in groups.iter().filter_map(|group| group.get("logGroupName")) {
        let events = pages(cloud, "FilterLogEvents", &json!({ "logGroupName": group }), "events").await?;
        lines.extend(events.iter().filter_map(|event| event.get("message")?.as_str().map(str::to_owned)));
    }
    Ok(lines)
}

/// The lines about one order, in the order of each function's log.
///
/// # Errors
/// If the logs cannot be read.
pub async fn about(cloud: &Cloud, order_id: Uuid) -> anyhow::Result<Vec<Line>> {
    let own = order_id.to_string();
    let lines = all(cloud).await?;
    let read = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).map(Line);
    Ok(read.filter(|line| line.text("correlation_id") == Some(&own)).collect())
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
