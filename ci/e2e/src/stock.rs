//! Putting goods on sale, and counting them.
//!
//! Items are written in the shapes that the squads' functions read: prices in the orders table, pools and nodes in
//! the inventory table.

use anyhow::Context;
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
use lakeside_domain::{
    ids::{NodeId, Sku},
    money::{Currency, Money},
    stock::{Counts, Pool},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, table},
    records,
};

/// Something with a price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goods {
    /// What.
    pub sku: Sku,
    /// Price of one unit in cents.
    pub price_minor: i64,
}

impl Goods {
    /// Goods that nobody else has, so that tests do not sell each other's stock.
    ///
    /// # Errors
    /// Never in practice: the SKU is well-formed.
    pub fn unique(price_minor: i64) -> anyhow::Result<Self> {
        let suffix = Uuid::new_v4().simple().to_string().to_uppercase();
        let sku = format!("E2E-{}", suffix.get(..16).unwrap_or_default());
        Ok(Self { sku: Sku::parse(&sku)?, price_minor })
    }
}

/// Units as they come in: first into the nodes, and so into what may be promised.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeSupply {
    /// The warehouse or store.
    pub node: NodeId,
    /// Units on hand there.
    pub units: u64,
}

/// Units on hand at nodes, as their names and counts.
///
/// # Errors
/// If a name is malformed.
pub fn at_nodes(nodes: &[(&str, u64)]) -> anyhow::Result<Vec<NodeSupply>> {
    nodes.iter().map(|(node, units)| Ok(NodeSupply { node: NodeId::parse(node)?, units: *units })).collect()
}

#[derive(Serialize)]
struct Price {
    price: Money,
}

#[derive(Serialize)]
struct OnHand {
    on_hand: u64,
    version: u64,
}

/// A pool's item. The first of a SKU's is found by the index of all SKUs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolItem<'a> {
    #[serde(flatten)]
    counts: Counts,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_shard: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a Sku>,
}

/// The goods that are put on sale here are all in this partition of the index.
const STOCK_SHARD: &str = "STOCK#0";

/// Puts `goods` on sale with what the nodes have, spread over `pools` pools. What is on sale already stays as it is.
///
/// # Errors
/// If a table refuses.
pub async fn put_on_sale(
    cloud: &Cloud,
    goods: &Goods,
    nodes: &[NodeSupply],
    pools: u8,
) -> anyhow::Result<()> {
    put_into_catalogue(cloud, goods).await?;
    let pk = format!("SKU#{}", goods.sku);
    for NodeSupply { node, units } in nodes {
        let item = OnHand { on_hand: *units, version: 1 };
        put_new(cloud, table::INVENTORY, &pk, &format!("NODE#{node}"), &item).await?;
    }
    let total: u64 = nodes.iter().map(|supply| supply.units).sum();
    for (pool, units) in split(total, pools).into_iter().enumerate() {
        let pool_key = format!("POOL#{pool}");
        let indexed = (pool == 0).then_some(&goods.sku);
        let stock_shard = indexed.map(|_| STOCK_SHARD);
        let item = PoolItem { counts: Pool::received(units).counts(), version: 1, stock_shard, sku: indexed };
        put_new(cloud, table::INVENTORY, &pk, &pool_key, &item).await?;
    }
    Ok(())
}

/// Gives `goods` their price; there is nothing of them yet. What has a price keeps it.
///
/// # Errors
/// If the table refuses.
pub async fn put_into_catalogue(cloud: &Cloud, goods: &Goods) -> anyhow::Result<()> {
    let price = Price { price: Money::new(goods.price_minor, Currency::USD) };
    put_new(cloud, table::ORDERS, &format!("SKU#{}", goods.sku), "PRICE", &price).await
}

/// `total` in `parts` parts that differ by one at most.
fn split(total: u64, parts: u8) -> Vec<u64> {
    let parts = u64::from(parts.max(1));
    (0..parts).map(|part| total / parts + u64::from(part < total % parts)).collect()
}

async fn put_new(
    cloud: &Cloud,
    table: &str,
    pk: &str,
    sk: &str,
    item: &impl Serialize,
) -> anyhow::Result<()> {
    let put = cloud
        .dynamodb
        .put_item()
        .table_name(cloud.name(table))
        .set_item(Some(serde_dynamo::to_item(item)?))
        .item("pk", AttributeValue::S(pk.into()))
        .item("sk", AttributeValue::S(sk.into()))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await;
    match put {
        Err(error)
            if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
        {
            Ok(())
        }
        other => other.map(drop).with_context(|| format!("cannot write {pk} {sk}")),
    }
}

/// The pools of one SKU.
///
/// # Errors
/// If they cannot be read, or one of them does not add up (I1).
pub async fn pools(cloud: &Cloud, sku: &Sku) -> anyhow::Result<Vec<Pool>> {
    records::with_key(cloud, table::INVENTORY, &format!("SKU#{sku}"))
        .await?
        .into_iter()
        .filter(|item| text(item, "sk").starts_with("POOL#"))
        .map(|item| serde_json::from_value(item).with_context(|| format!("a pool of {sku} is not sound")))
        .collect()
}

/// The counts of one SKU over all its pools.
///
/// # Errors
/// As [`pools`].
pub async fn level(cloud: &Cloud, sku: &Sku) -> anyhow::Result<Counts> {
    Ok(sum(pools(cloud, sku).await?))
}

/// The counts of several pools together.
pub fn sum(pools: impl IntoIterator<Item = Pool>) -> Counts {
    let zero = Counts { available: 0, held: 0, sold: 0, received: 0 };
    pools.into_iter().map(Pool::counts).fold(zero, |sum, pool| Counts {
        available: sum.available.saturating_add(pool.available),
        held: sum.held.saturating_add(pool.held),
        sold: sum.sold.saturating_add(pool.sold),
        received: sum.received.saturating_add(pool.received),
    })
}

/// Units of one SKU on hand over all nodes.
///
/// # Errors
/// If they cannot be read.
pub async fn on_hand(cloud: &Cloud, sku: &Sku) -> anyhow::Result<u64> {
    let items = records::with_key(cloud, table::INVENTORY, &format!("SKU#{sku}")).await?;
    Ok(items.iter().filter_map(|item| item.get("on_hand").and_then(Value::as_u64)).sum())
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supply_is_spread_evenly_and_whole() {
        assert_eq!(split(50, 3), [17, 17, 16]);
        assert_eq!(split(2, 4), [1, 1, 0, 0]);
        assert_eq!(split(7, 0), [7]);
    }
}
