//! What marketplaces are told: levels of stock on the inventory bus, what came of them, and what opens the marketplaces.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use anyhow::Context;
use lakeside_contracts::{
    Delivery, Event, EventData, Metadata, SCHEMA_VERSION, WireTime, events::StockLevelChanged,
};
use lakeside_domain::{events::EventId, ids::Sku, time::Timestamp};
use serde_json::{Value, to_value};
use uuid::Uuid;

use crate::{
    capture::publish_again,
    cloud::{Cloud, table},
    poll::eventually,
    queues::{DEAD_LETTERS, FIFO},
    records::with_key,
    sandbox::Level,
};

/// The sandbox's marketplaces, and what opens each at first.
pub const MARKETPLACES: [(&str, &str); 2] =
    [("alpine-market", "sandbox-alpine-market-1"), ("trailhead", "sandbox-trailhead-1")];

/// The queue of a marketplace.
pub fn queue(cloud: &Cloud, marketplace: &str) -> String {
    cloud.name(&format!("publish-stock-{marketplace}{FIFO}"))
}

/// The queue of its dead letters.
pub fn dead_letter_queue(cloud: &Cloud, marketplace: &str) -> String {
    cloud.name(&format!("publish-stock-{marketplace}{DEAD_LETTERS}{FIFO}"))
}

/// The name of the secret with a marketplace's credential.
pub fn secret(cloud: &Cloud, marketplace: &str) -> String {
    cloud.name(&format!("growth/marketplaces/{marketplace}"))
}

/// Makes `credential` the current version of a marketplace's secret.
///
/// # Errors
/// If there is no such secret.
pub async fn put_credential(cloud: &Cloud, marketplace: &str, credential: &str) -> anyhow::Result<()> {
    let put = cloud.secrets.put_secret_value().secret_id(secret(cloud, marketplace));
    put.secret_string(credential).send().await.with_context(|| format!("no secret for {marketplace}"))?;
    Ok(())
}

/// Puts what opens each marketplace into its secret; answers how many there are.
///
/// # Errors
/// If there is no secret for one.
pub async fn seed(cloud: &Cloud) -> anyhow::Result<usize> {
    for (marketplace, credential) in MARKETPLACES {
        put_credential(cloud, marketplace, credential).await?;
        cloud.sandbox.open_marketplace(marketplace, credential).await?;
    }
    Ok(MARKETPLACES.len())
}

/// A SKU that nobody else has, which begins with `kind`.
///
/// # Errors
/// If that is too long for a SKU.
pub fn unique_sku(kind: &str) -> anyhow::Result<Sku> {
    let suffix = Uuid::new_v4().simple().to_string().to_uppercase();
    Ok(Sku::parse(&format!("{kind}{}", suffix.get(..10).unwrap_or_default()))?)
}

/// The news that so much of `sku` may still be promised; `story` is its correlation id.
///
/// # Errors
/// Never in practice: it has a JSON form.
pub fn level_changed(sku: &Sku, level: Level, story: Uuid) -> anyhow::Result<Delivery> {
    let Level { available, version } = level;
    let source = StockLevelChanged::DOMAIN.source();
    let event_id = EventId::derive(source, sku.as_str(), StockLevelChanged::DETAIL_TYPE, version);
    let metadata = Metadata {
        event_id,
        occurred_at: WireTime(Timestamp::from_millis(1_795_770_060_000)),
        correlation_id: story,
        causation_id: story,
        schema_version: SCHEMA_VERSION,
    };
    Ok(Delivery {
        id: String::new(),
        source: source.into(),
        detail_type: StockLevelChanged::DETAIL_TYPE.into(),
        detail: to_value(Event {
            metadata,
            data: StockLevelChanged { sku: sku.clone(), available, version },
        })?,
        replay_name: None,
    })
}

/// Says on the inventory bus that so much may still be promised.
///
/// # Errors
/// If the bus does not take it.
pub async fn say(cloud: &Cloud, sku: &Sku, level: Level, story: Uuid) -> anyhow::Result<()> {
    publish_again(cloud, &[level_changed(sku, level, story)?]).await
}

/// What we know of a listing: its status and the level.
///
/// # Errors
/// If the table refuses.
pub async fn listing(cloud: &Cloud, marketplace: &str, sku: &Sku) -> anyhow::Result<Option<(String, Level)>> {
    let items = with_key(cloud, table::GROWTH, &format!("LISTING#{marketplace}#{sku}")).await?;
    let Some(item) = items.first() else { return Ok(None) };
    let status = item.get("status").and_then(Value::as_str).context("a listing without status")?;
    Ok(Some((status.to_owned(), serde_json::from_value(item.clone())?)))
}

/// Waits until we know the same of every marketplace: this status of this level.
///
/// # Errors
/// If that takes longer than `deadline`.
pub async fn settled(
    cloud: &Cloud,
    sku: &Sku,
    status: &str,
    level: Level,
    deadline: Duration,
) -> anyhow::Result<()> {
    eventually(&format!("version {} of {sku} everywhere", level.version), deadline, async || {
        let mut known = BTreeMap::new();
        for (marketplace, _) in MARKETPLACES {
            known.insert(marketplace, listing(cloud, marketplace, sku).await?);
        }
        let stands = known.values().all(|listing| *listing == Some((status.to_owned(), level)));
        Ok(if stands { ControlFlow::Break(()) } else { ControlFlow::Continue(format!("{known:?}")) })
    })
    .await
}

/// Waits until no level of stock is under way to any marketplace.
///
/// # Errors
/// If that takes longer than `deadline`.
pub async fn told(cloud: &Cloud, deadline: Duration) -> anyhow::Result<()> {
    cloud.drained(&cloud.name("route-stock"), deadline).await?;
    for (marketplace, _) in MARKETPLACES {
        cloud.drained(&queue(cloud, marketplace), deadline).await?;
    }
    Ok(())
}
