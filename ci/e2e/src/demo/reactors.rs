//! What everybody else did who heard of an order, none of whom the order waited for.

use std::ops::ControlFlow;

use anyhow::{Context, ensure};
use lakeside_contracts::api::{OrderList, StockOfSku};
use lakeside_domain::ids::Sku;
use serde_json::Value;
use uuid::Uuid;

use super::DEADLINE;
use crate::{
    cloud::Cloud,
    consumers,
    customer::Customer,
    growth::{self, Growth},
    levels::caught_up,
    mailbox,
    marketplaces::MARKETPLACES,
    poll::eventually,
    records,
};

fn tell(who: &str, what: &str) {
    println!("  {:>9}  {who:<10} {what}", "");
}

/// Points, and what the customer was told.
pub async fn growth(
    cloud: &Cloud,
    customer: &Customer,
    order_id: Uuid,
    award: &str,
    told: &[&str],
) -> anyhow::Result<()> {
    let sent: Vec<(&str, &str)> = told.iter().map(|what| (*what, "SENT")).collect();
    let growth = Growth::settled(cloud, order_id, award, &sent, DEADLINE).await?;
    let points = growth.award.map_or(0, |(_, points)| points);
    let account = growth::points(cloud, &customer.id).await?;
    tell("points", &format!("{points} for this order, {account} on the account"));
    for (what, (_, channel)) in growth.notices {
        tell("told", &format!("{what} by {}", channel.unwrap_or_default()));
    }
    let arrived = mailbox::of(cloud, &customer.contact).await?;
    let about_this = arrived.iter().filter(|text| text.contains(&order_id.to_string())).count();
    ensure!(about_this == told.len(), "the customer got {about_this} messages instead of {}", told.len());
    Ok(())
}

/// What is seen of a SKU: by customers, on the marketplaces, and by each consumer of one directory that keeps its level.
pub async fn stock(cloud: &Cloud, customer: &Customer, sku: &Sku) -> anyhow::Result<()> {
    let there = caught_up(cloud, sku, DEADLINE).await?;
    let reply = cloud.api.stock(Some(&customer.token), sku.as_str()).await?;
    let seen: StockOfSku = serde_json::from_value(reply.json()?).context("no stock at the door")?;
    ensure!(Some(seen.available) == there.available, "the door says {} of {sku}", seen.available);
    let nodes: Vec<String> =
        seen.nodes.iter().map(|node| format!("{} at {}", node.on_hand, node.node)).collect();
    tell("stock", &format!("GET /stock/{sku}: {} may be promised, {}", seen.available, nodes.join(", ")));
    let shown = eventually("the newest level on every marketplace", DEADLINE, async || {
        let listings = cloud.sandbox.listings(sku.as_str()).await?;
        let shown: Vec<(&str, Option<u64>)> = MARKETPLACES
            .iter()
            .map(|(name, _)| (*name, listings.get(*name).and_then(|listing| Some(listing.level?.available))))
            .collect();
        Ok(if shown.iter().all(|(_, available)| *available == there.available) {
            ControlFlow::Break(shown.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        } else {
            ControlFlow::Continue(format!("they show {shown:?}"))
        })
    })
    .await?;
    tell("shown", &format!("{} on {}", seen.available, shown.join(" and ")));
    for consumer in consumers::names()? {
        let Some(kept) = kept(cloud, &consumer, sku, seen.available).await? else { continue };
        tell("fed", &format!("{kept} to {consumer}"));
    }
    Ok(())
}

/// What a consumer keeps of a SKU, once that is the newest level; nothing if it keeps no levels.
async fn kept(cloud: &Cloud, consumer: &str, sku: &Sku, newest: u64) -> anyhow::Result<Option<u64>> {
    let read = async || -> anyhow::Result<Option<u64>> {
        let items = records::with_key(cloud, consumer, &format!("SKU#{sku}")).await?;
        Ok(items.iter().find_map(|item| item.get("available").and_then(Value::as_u64)))
    };
    if read().await?.is_none() {
        return Ok(None);
    }
    eventually(&format!("the newest level at {consumer}"), DEADLINE, async || {
        Ok(match read().await? {
            Some(level) if level == newest => ControlFlow::Break(Some(level)),
            other => ControlFlow::Continue(format!("it has {other:?}")),
        })
    })
    .await
}

/// The customer's own list of orders, newest first.
pub async fn list(cloud: &Cloud, customer: &Customer) -> anyhow::Result<()> {
    let reply = cloud.api.list(Some(&customer.token), &[]).await?;
    let list: OrderList = serde_json::from_value(reply.json()?).context("no list at the door")?;
    let mut orders = Vec::new();
    for order in list.orders {
        let (id, status) = (order.order_id.to_string(), serde_json::to_value(order.status)?);
        orders.push(format!("{}… {}", id.get(..8).unwrap_or(&id), status.as_str().unwrap_or_default()));
    }
    tell("list", &format!("GET /orders: {}", orders.join(", ")));
    Ok(())
}
