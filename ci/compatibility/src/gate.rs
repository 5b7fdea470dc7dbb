//! Every contract against the one before: nothing that breaks a reader or a writer goes through.

use std::collections::BTreeMap;

use anyhow::Context;
use lakeside_contracts::announced::Announced;
use serde_json::Value;

use crate::{
    changes::{self, Change},
    repository::Files,
    rules::{Kind, Rule},
    schema::{Schema, SchemaError},
};

const SCHEMA: &str = ".schema.json";
const ANNOUNCED: &str = "compatibility/announced.json";

/// What came of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many contracts there are.
    pub contracts: usize,
    /// What breaks somebody, a sentence each.
    pub faults: Vec<String>,
    /// What does not, and is worth saying.
    pub notes: Vec<String>,
}

/// Compares every contract with the one before.
///
/// # Errors
/// If a file is no JSON.
pub fn judge(previous: &Files, current: &Files) -> anyhow::Result<Verdict> {
    let announced = announced(previous)?;
    let [before, after] = [contracts(previous)?, contracts(current)?];
    let mut verdict = Verdict { contracts: after.len(), ..Verdict::default() };
    for (id, old) in &before {
        match after.get(id) {
            Some(new) => {
                let kind = if is_asked(id, previous) { Kind::Request } else { kind(id) };
                verdict.compare(id, kind, old, new, &announced);
            }
            None if announced.retirements.iter().any(|retired| retired.contract == *id) => {
                verdict.notes.push(format!("{id} is retired, as was announced"));
            }
            None => {
                let heir =
                    after.iter().find(|(other, new)| !before.contains_key(*other) && is_heir(old, new));
                let heir = heir.map(|(heir, _)| format!(", or is {heir} now")).unwrap_or_default();
                verdict.faults.push(format!("{id} is gone{heir} ({})", Rule::ContractRemoved.name()));
            }
        }
    }
    for (id, new) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
        if let Err(error) = Schema::read(new) {
            verdict.faults.push(format!("{id}: {error}"));
        }
        if let Some(older) = older_version(id).filter(|older| after.contains_key(older)) {
            verdict
                .notes
                .push(format!("{id} is new beside {older}: say both until nobody reads the old one"));
        }
    }
    verdict.announcements(&self::announced(current)?);
    Ok(verdict)
}

impl Verdict {
    fn compare(&mut self, id: &str, kind: Kind, old: &Value, new: &Value, announced: &Announced) {
        let read = |value, when: &str| {
            Schema::read(value).map_err(|error: SchemaError| format!("{id}{when}: {error}"))
        };
        match (read(old, " of before"), read(new, "")) {
            (Ok(old), Ok(new)) => {
                for change in changes::breaking(&old, &new, kind) {
                    if is_announced(&change, id, announced) {
                        self.notes.push(format!("{id}: {change}, as was announced"));
                    } else {
                        self.faults.push(format!("{id}: {change}{}", advice(&change)));
                    }
                }
            }
            (old, new) => self.faults.extend(old.err().into_iter().chain(new.err())),
        }
    }

    /// An announcement is a promise of somebody who has looked: it says what it rests on.
    fn announcements(&mut self, announced: &Announced) {
        let values = announced.values.iter().map(|value| (&value.contract, &value.reason, &value.readers));
        let retirements =
            announced.retirements.iter().map(|gone| (&gone.contract, &gone.reason, &gone.readers));
        for (contract, reason, readers) in values.chain(retirements) {
            if reason.trim().is_empty() || readers.trim().is_empty() {
                self.faults.push(format!(
                    "what is announced of {contract} must say its reason, and the release that readers have"
                ));
            }
        }
    }
}

fn advice(change: &Change) -> &'static str {
    if change.value.is_some() {
        ": readers must know it first, so announce it in compatibility/announced.json"
    } else {
        ""
    }
}

fn is_announced(change: &Change, id: &str, announced: &Announced) -> bool {
    change.rule == Rule::ValueAdded
        && announced.values.iter().any(|value| {
            value.contract == id && value.field == change.field && Some(&value.value) == change.value.as_ref()
        })
}

fn announced(files: &Files) -> anyhow::Result<Announced> {
    files.get(ANNOUNCED).map_or_else(|| Ok(Announced::default()), |text| Ok(Announced::parse(text)?))
}

/// The schemas by what they are of: `events/orders/order-created/v1`.
fn contracts(files: &Files) -> anyhow::Result<BTreeMap<String, Value>> {
    let schemas = files.iter().filter_map(|(path, text)| Some((path.strip_suffix(SCHEMA)?, text)));
    schemas
        .map(|(id, text)| {
            let schema = serde_json::from_str(text).with_context(|| format!("{id} is no JSON"))?;
            Ok((id.to_owned(), schema))
        })
        .collect()
}

fn kind(id: &str) -> Kind {
    match id.split('/').next() {
        Some("events") => Kind::Event,
        Some("commands") => Kind::Command,
        _ => Kind::Answer,
    }
}

/// Whether the door checks bodies by this contract: it has a model of those that clients send.
fn is_asked(id: &str, files: &Files) -> bool {
    id.rsplit_once('/').is_some_and(|(folder, _)| files.contains_key(&format!("{folder}.model.json")))
}

/// The same in another place, or under another name.
fn is_heir(old: &Value, new: &Value) -> bool {
    let data = |value: &Value| value.pointer("/properties").cloned();
    old.get("title") == new.get("title") || data(old) == data(new)
}

fn older_version(id: &str) -> Option<String> {
    let (folder, version) = id.rsplit_once("/v")?;
    let version: u32 = version.parse().ok()?;
    Some(format!("{folder}/v{}", version.checked_sub(1).filter(|older| *older > 0)?))
}
