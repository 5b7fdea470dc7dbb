//! Who says what: the line `Emits:` of each function's module, and the state machines.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::events::Event;

/// A function or a state machine that says events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// Whose it is.
    pub squad: String,
    /// Its name.
    pub name: String,
    /// What it says.
    pub events: BTreeSet<String>,
}

/// Everybody who says something.
///
/// # Errors
/// If an event is said by nobody, or by a function of another domain than its own.
pub fn producers(workspace: &Path, events: &[Event]) -> anyhow::Result<Vec<Producer>> {
    let mut producers = Vec::new();
    for crate_ in subdirectories(&workspace.join("handlers"))? {
        producers.extend(of_crate(&crate_, &name_of(&crate_), events)?);
    }
    for root in subdirectories(&workspace.join("squad-modules"))? {
        if root.join("handlers").is_dir() {
            producers.extend(of_crate(&root.join("handlers"), &name_of(&root), events)?);
        }
    }
    producers.extend(state_machines(&workspace.join("asl"), events)?);
    producers.sort();
    for event in events {
        let sayers: Vec<&Producer> =
            producers.iter().filter(|producer| producer.events.contains(&event.detail_type)).collect();
        if sayers.is_empty() {
            bail!("no function's `//! Emits:` names {}, so nobody says it", event.detail_type);
        }
        if let Some(stranger) = sayers.iter().find(|producer| producer.squad != event.domain) {
            bail!(
                "{} of {} says {}, which is of {}",
                stranger.name,
                stranger.squad,
                event.detail_type,
                event.domain
            );
        }
    }
    Ok(producers)
}

fn subdirectories(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_dir());
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The functions of a crate: the modules that have a binary.
fn of_crate(dir: &Path, squad: &str, events: &[Event]) -> anyhow::Result<Vec<Producer>> {
    let mut producers = Vec::new();
    let Ok(binaries) = fs::read_dir(dir.join("src/bin")) else { return Ok(producers) };
    for binary in binaries {
        let binary = binary?.path();
        let name = binary.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let module = dir.join("src").join(format!("{}.rs", name.replace('-', "_")));
        let text =
            fs::read_to_string(&module).with_context(|| format!("cannot read {}", module.display()))?;
        let Some(emits) = emits(&text) else { bail!("{} does not say what it emits", module.display()) };
        let events = named(&emits, events);
        if !events.is_empty() {
            producers.push(Producer { squad: squad.to_owned(), name, events });
        }
    }
    Ok(producers)
}

/// What stands behind `//! Emits:`, until the next heading of the module's comment.
fn emits(module: &str) -> Option<String> {
    let mut lines = module.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let first = lines.find_map(|line| line.strip_prefix("Emits:"))?;
    let is_heading = |line: &str| {
        line.is_empty()
            || line.split_once(':').is_some_and(|(word, _)| {
                matches!(word, "Idempotency key" | "Retries" | "Parks" | "Refuses" | "Consumes")
            })
    };
    let rest: Vec<&str> = lines.take_while(|line| !is_heading(line)).collect();
    Some(format!("{first} {}", rest.join(" ")))
}

fn named(text: &str, events: &[Event]) -> BTreeSet<String> {
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    events
        .iter()
        .map(|event| &event.detail_type)
        .filter(|name| words.contains(name.as_str()))
        .cloned()
        .collect()
}

/// What the tasks of a state machine put on a bus.
fn state_machines(dir: &Path, events: &[Event]) -> anyhow::Result<Vec<Producer>> {
    let mut producers = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let Some(name) = name_of(&path).strip_suffix(".asl.json").map(str::to_owned) else { continue };
        let definition: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let mut said = BTreeSet::new();
        detail_types(&definition, &mut said);
        let of_domain = events.iter().find(|event| said.contains(&event.detail_type));
        if let Some(event) = of_domain {
            producers.push(Producer { squad: event.domain.clone(), name, events: said });
        }
    }
    Ok(producers)
}

fn detail_types(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("DetailType").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| detail_types(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| detail_types(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{events::events, workspace};

    #[test]
    fn what_a_module_emits_ends_at_the_next_heading() {
        let module = "//! Holds stock.\n//!\n//! Consumes: OrderCreated.\n//! Emits: per batch one StockReserved\n\
                      //! or StockReservationFailed; through the outbox.\n//! Idempotency key: OrderCreated's.\n\nuse x;\n";
        let known = events().unwrap();
        let said: Vec<String> = named(&emits(module).unwrap(), &known).into_iter().collect();
        assert_eq!(said, ["StockReservationFailed", "StockReserved"]);
        assert_eq!(emits("//! Nothing of it.\n"), None);
    }

    #[test]
    fn whoever_says_an_event_builds_it_in_its_crate() {
        let workspace = workspace();
        for producer in producers(&workspace, &events().unwrap()).unwrap() {
            let sources = workspace.join("handlers").join(&producer.squad).join("src");
            let mut text = fs::read_to_string(workspace.join("asl/order-fulfilment.asl.json")).unwrap();
            for entry in fs::read_dir(sources).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let source = fs::read_to_string(path).unwrap();
                    text.push_str(source.split("#[cfg(test)]").next().unwrap());
                }
            }
            for event in &producer.events {
                let built = [format!("{event} {{"), format!("\"DetailType\": \"{event}\"")];
                assert!(built.iter().any(|built| text.contains(built)), "{} says {event}", producer.name);
            }
        }
    }

    #[test]
    fn an_event_that_nobody_says_is_found() {
        let mut known = events().unwrap();
        known.push(Event {
            domain: "orders".into(),
            detail_type: "OrderForgotten".into(),
            ..known[0].clone()
        });
        let error = producers(&workspace(), &known).unwrap_err().to_string();
        assert_eq!(error, "no function's `//! Emits:` names OrderForgotten, so nobody says it");
        known.pop();
        let level = known.iter_mut().find(|event| event.detail_type == "StockLevelChanged").unwrap();
        level.domain = "orders".into();
        let error = producers(&workspace(), &known).unwrap_err().to_string();
        assert_eq!(error, "publish-levels of inventory says StockLevelChanged, which is of orders");
    }
}
