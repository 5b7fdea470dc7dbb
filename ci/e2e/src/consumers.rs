//! Consumers that are one directory: found by where they lie, and known by what their rules hear.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, bail};
use lakeside_contracts::{Delivery, generate::event_schema_path};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{capture::DOMAINS, cloud::Cloud, settings::workspace_root};

/// A consumer, its function, its queue and its table, which all have one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The name, without the deployment's prefix.
    pub name: String,
    /// What it hears.
    pub rules: Vec<Rule>,
}

/// What one rule hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The rule's ARN.
    pub arn: String,
    /// The bus's whole name.
    pub bus: String,
    /// The producer.
    pub source: String,
    /// The events.
    pub detail_types: BTreeSet<String>,
}

impl Rule {
    /// Whether it hears this event.
    pub fn hears(&self, event: &Delivery) -> bool {
        event.source == self.source && self.detail_types.contains(&event.detail_type)
    }
}

/// The names of those in this checkout, in order.
///
/// # Errors
/// If the checkout cannot be read.
pub fn names() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace_root().join("squad-modules"))? {
        let entry = entry?;
        if entry.path().join("handlers/Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

impl Consumer {
    /// The consumer with this name, as it is deployed.
    ///
    /// # Errors
    /// If it hears nothing, or not by source and detail-type.
    pub async fn deployed(cloud: &Cloud, name: &str) -> anyhow::Result<Self> {
        let mut rules = Vec::new();
        for domain in DOMAINS {
            let bus = cloud.name(domain.name());
            let prefix = format!("{}-", cloud.name(name));
            let listed = cloud.events.list_rules().event_bus_name(&bus).name_prefix(prefix).send().await?;
            for rule in listed.rules() {
                let arn = rule.arn().context("a rule without ARN")?.to_owned();
                let pattern: Value = serde_json::from_str(rule.event_pattern().unwrap_or_default())?;
                let texts = |name: &str| -> BTreeSet<String> {
                    let texts = pattern.get(name).and_then(Value::as_array).into_iter().flatten();
                    texts.filter_map(Value::as_str).map(str::to_owned).collect()
                };
                let source = texts("source").pop_first().context("a rule without source")?;
                rules.push(Rule { arn, bus: bus.clone(), source, detail_types: texts("detail-type") });
            }
        }
        if rules.is_empty() {
            bail!("{name} hears nothing");
        }
        Ok(Self { name: name.to_owned(), rules })
    }

    /// Whether one of its rules hears this event.
    pub fn hears(&self, event: &Delivery) -> bool {
        self.rules.iter().any(|rule| rule.hears(event))
    }
}

/// The same story told three times, each time of a later version: the contract's example about something that nothing
/// else is about.
///
/// # Errors
/// If the contract has no example.
pub fn story(source: &str, detail_type: &str) -> anyhow::Result<Vec<Delivery>> {
    let domain = source.strip_prefix("lakeside.").unwrap_or(source);
    let path = event_schema_path(domain, detail_type).replace("v1.schema.json", "examples/v1.json");
    let text = fs::read_to_string(workspace_root().join("contracts").join(&path))
        .with_context(|| format!("no example {path}"))?;
    let example: Value = serde_json::from_str(&text)?;
    let about = Uuid::new_v4();
    (0..3)
        .map(|telling| {
            let mut detail = example.clone();
            make_new(&mut detail, about, telling);
            Ok(Delivery {
                id: String::new(),
                source: source.to_owned(),
                detail_type: detail_type.to_owned(),
                detail,
                replay_name: None,
            })
        })
        .collect()
}

/// Another SKU and another order throughout, an id of its own, and a later version where there is one.
fn make_new(value: &mut Value, about: Uuid, telling: u64) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| make_new(item, about, telling)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match (name.as_str(), &*field) {
            ("eventId", Value::String(_)) => *field = Uuid::new_v4().to_string().into(),
            ("orderId" | "correlationId", Value::String(_)) => *field = about.to_string().into(),
            ("sku", Value::String(_)) => {
                *field = format!("E2E-{}", &about.simple().to_string()[..12].to_uppercase()).into();
            }
            ("version", Value::Number(version)) => {
                *field = version.as_u64().unwrap_or_default().saturating_add(telling).into();
            }
            _ => make_new(field, about, telling),
        }),
        _ => {}
    }
}

/// Takes everything out of a consumer's table, as its owner.
///
/// # Errors
/// If the table refuses.
pub async fn empty(cloud: &Cloud, table: &str) -> anyhow::Result<()> {
    let name = cloud.name(table);
    let mut pages = cloud.dynamodb.scan().table_name(&name).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        let mut item = item?;
        let mut request = cloud.dynamodb.delete_item().table_name(&name);
        for key in ["pk", "sk"] {
            request = request.key(key, item.remove(key).context("an item without key")?);
        }
        request.send().await?;
    }
    Ok(())
}

/// Every queue but this consumer's, and every rule on the buses but this consumer's.
///
/// # Errors
/// If they cannot be listed.
pub async fn all_others(cloud: &Cloud, name: &str) -> anyhow::Result<Map<String, Value>> {
    let own = cloud.name(name);
    let mut others = Map::new();
    for (queue, depth) in cloud.queue_depths().await? {
        others.insert(format!("queue {queue}"), depth.into());
    }
    for domain in DOMAINS {
        let bus = cloud.name(domain.name());
        let listed = cloud.events.list_rules().event_bus_name(&bus).send().await?;
        for rule in listed.rules() {
            let rule_name = rule.name().unwrap_or_default();
            others.insert(format!("rule {rule_name}"), rule.event_pattern().unwrap_or_default().into());
        }
    }
    others.retain(|thing, _| !thing.split(' ').any(|word| word.starts_with(&own)));
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_about_one_new_thing_in_three_versions() {
        let story = story("lakeside.inventory", "StockLevelChanged").unwrap();
        let of = |pointer: &str| -> Vec<Value> {
            story.iter().map(|event| event.detail.pointer(pointer).unwrap().clone()).collect()
        };
        assert_eq!(of("/data/version"), [412, 413, 414]);
        let distinct =
            |pointer: &str| of(pointer).iter().map(Value::to_string).collect::<BTreeSet<_>>().len();
        assert_eq!((distinct("/metadata/eventId"), distinct("/data/sku")), (3, 1));
        assert_ne!(of("/data/sku")[0], "TENT-2P");
    }
}
