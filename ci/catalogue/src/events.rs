//! The types of events, from the contracts.

use anyhow::Context as _;
use lakeside_contracts::{Domain, generate::documents};
use serde_json::Value;

/// A type of event, in its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose it is.
    pub domain: String,
    /// EventBridge `detail-type`.
    pub detail_type: String,
    /// Its folder below `contracts/events/<domain>/`.
    pub folder: String,
    /// The newest version of its contract.
    pub version: u32,
    /// The schema of its `detail`.
    pub schema: Value,
    /// A `detail`.
    pub example: Value,
}

/// Every type of event that there is, by domain and name.
///
/// # Errors
/// If the contracts cannot be written.
pub fn events() -> anyhow::Result<Vec<Event>> {
    let documents = documents()?;
    let mut events: Vec<Event> = Vec::new();
    for document in &documents {
        let parts: Vec<&str> = document.path.split('/').collect();
        let ["events", domain, folder, file] = parts.as_slice() else { continue };
        let version = file.strip_prefix('v').and_then(|file| file.strip_suffix(".schema.json"));
        let Some(version) = version.and_then(|version| version.parse().ok()) else { continue };
        let schema: Value = serde_json::from_str(&document.text)?;
        let detail_type =
            schema.get("title").and_then(Value::as_str).context("an event without title")?.to_owned();
        let example = format!("events/{domain}/{folder}/examples/v{version}.json");
        let example =
            documents.iter().find(|d| d.path == example).with_context(|| format!("no {example}"))?;
        let example = serde_json::from_str(&example.text)?;
        events.retain(|older| older.folder != *folder || older.version > version);
        let (domain, folder) = ((*domain).to_owned(), (*folder).to_owned());
        events.push(Event { domain, detail_type, folder, version, schema, example });
    }
    let position = |event: &Event| Domain::ALL.iter().position(|domain| domain.name() == event.domain);
    events.sort_by(|a, b| (position(a), &a.detail_type).cmp(&(position(b), &b.detail_type)));
    Ok(events)
}
