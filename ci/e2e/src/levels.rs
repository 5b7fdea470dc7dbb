//! What was told of stock: the view that others read, beside the table that it is about.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use lakeside_domain::ids::Sku;
use serde_json::Value;

use crate::{
    cloud::{Cloud, table},
    poll::eventually,
    records,
};

/// What there is of one SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// Units that may still be promised.
    pub available: Option<u64>,
    /// Units on hand, by node.
    pub nodes: BTreeMap<String, u64>,
}

impl Levels {
    /// As an item of the inventory table, known by its sort key, adds to it.
    pub fn add_stock(&mut self, sk: &str, item: &Value) {
        let count = |name: &str| item.get(name).and_then(Value::as_u64).unwrap_or_default();
        if sk.starts_with("POOL#") {
            self.available = Some(self.available.unwrap_or_default().saturating_add(count("available")));
        } else if let Some(node) = sk.strip_prefix("NODE#") {
            self.nodes.insert(node.to_owned(), count("on_hand"));
        }
    }

    /// As an item of the view adds to it.
    pub fn add_seen(&mut self, sk: &str, item: &Value) {
        let count = |name: &str| item.get(name).and_then(Value::as_u64);
        if sk == "LEVEL" {
            self.available = count("available");
        } else if let Some(node) = sk.strip_prefix("NODE#") {
            self.nodes.insert(node.to_owned(), count("onHand").unwrap_or_default());
        }
    }
}

async fn read(
    cloud: &Cloud,
    sku: &Sku,
    table: &str,
    add: fn(&mut Levels, &str, &Value),
) -> anyhow::Result<Levels> {
    let mut levels = Levels::default();
    for item in records::with_key(cloud, table, &format!("SKU#{sku}")).await? {
        add(&mut levels, item.get("sk").and_then(Value::as_str).unwrap_or_default(), &item);
    }
    Ok(levels)
}

/// What the table has of a SKU.
///
/// # Errors
/// If it cannot be read.
pub async fn true_levels(cloud: &Cloud, sku: &Sku) -> anyhow::Result<Levels> {
    read(cloud, sku, table::INVENTORY, Levels::add_stock).await
}

/// What the view has of a SKU.
///
/// # Errors
/// If it cannot be read.
pub async fn seen_levels(cloud: &Cloud, sku: &Sku) -> anyhow::Result<Levels> {
    read(cloud, sku, table::STORE_STOCK, Levels::add_seen).await
}

/// Waits until the view has of a SKU what the table has, and answers it.
///
/// # Errors
/// If that takes longer than `deadline`.
pub async fn caught_up(cloud: &Cloud, sku: &Sku, deadline: Duration) -> anyhow::Result<Levels> {
    eventually(&format!("a true view of {sku}"), deadline, async || {
        let (is, seen) = (true_levels(cloud, sku).await?, seen_levels(cloud, sku).await?);
        Ok(if is == seen {
            ControlFlow::Break(seen)
        } else {
            ControlFlow::Continue(format!("there are {is:?}, seen are {seen:?}"))
        })
    })
    .await
}
