//! The view of stock on DynamoDB: one item per SKU for what may still be promised, and one per SKU and node. An index finds
//! what a node has.

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use lakeside_domain::ids::{NodeId, Sku};
use lakeside_kit::dynamo::{Item, Key, SK, StoreError, number, string};
use serde::{Deserialize, Serialize};

use crate::{
    project_store_stock::{Recorded, StockCount, StockProjection},
    stock_query::{Page, SkuStock, StockView},
};

/// The index of nodes' items: its name, and its partition key.
const NODE_INDEX: &str = "stock-by-node";
const BY_NODE: &str = "byNode";
const LEVEL: &str = "LEVEL";

/// The view's table.
#[derive(Debug, Clone)]
pub struct StoreStockTable {
    client: Client,
    table: String,
}

#[derive(Serialize, Deserialize)]
struct LevelItem {
    available: u64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeItem {
    by_node: String,
    sku: Sku,
    on_hand: u64,
    version: u64,
}

/// What the index carries of a node's item.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Indexed {
    sku: Sku,
    on_hand: u64,
}

fn level_key(sku: &Sku) -> Key {
    Key::new(partition(sku), LEVEL)
}

fn partition(sku: &Sku) -> String {
    format!("SKU#{sku}")
}

fn node_partition(node: &NodeId) -> String {
    format!("NODE#{node}")
}

fn item_of(count: &StockCount) -> Result<Item, StoreError> {
    let StockCount { sku, node, level } = count;
    let version = level.version;
    match node {
        None => level_key(sku).item_of(&LevelItem { available: level.units, version }),
        Some(node) => {
            let by_node = node_partition(node);
            let key = Key::new(partition(sku), &by_node);
            key.item_of(&NodeItem { by_node, sku: sku.clone(), on_hand: level.units, version })
        }
    }
}

impl StoreStockTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl StockProjection for StoreStockTable {
    async fn record(&self, count: &StockCount) -> Result<Recorded, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item_of(count)?))
            .condition_expression("attribute_not_exists(pk) OR version < :version")
            .expression_attribute_values(":version", number(count.level.version))
            .send()
            .await;
        match put {
            Ok(_) => Ok(Recorded::Yes),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(PutItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(Recorded::Older)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl StockView for StoreStockTable {
    async fn of_sku(&self, sku: &Sku) -> Result<SkuStock, StoreError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(partition(sku)))
            .into_paginator()
            .items()
            .send();
        let mut stock = SkuStock::default();
        while let Some(item) = items.next().await {
            let item = item?;
            let Some(AttributeValue::S(sk)) = item.get(SK).cloned() else { continue };
            let key = Key::new(partition(sku), &sk);
            if sk == LEVEL {
                stock.available = Some(key.read::<LevelItem>(item)?.available);
            } else if let Some(node) = sk.strip_prefix("NODE#").and_then(|node| NodeId::parse(node).ok()) {
                stock.nodes.insert(node, key.read::<NodeItem>(item)?.on_hand);
            }
        }
        Ok(stock)
    }

    async fn at_node(&self, node: &NodeId, after: Option<&Sku>, limit: usize) -> Result<Page, StoreError> {
        let mut condition = format!("{BY_NODE} = :node");
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(NODE_INDEX)
            .expression_attribute_values(":node", string(node_partition(node)))
            // One more than asked for tells whether there is more.
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        if let Some(after) = after {
            condition.push_str(" AND sku > :after");
            query = query.expression_attribute_values(":after", string(after.as_str()));
        }
        let found = query.key_condition_expression(condition).send().await?;
        let more_unread = found.last_evaluated_key.is_some();
        let key = Key::new(node_partition(node), NODE_INDEX);
        let mut stock = Vec::new();
        for item in found.items.unwrap_or_default() {
            let Indexed { sku, on_hand } = key.read(item)?;
            stock.push((sku, on_hand));
        }
        let more = more_unread || stock.len() > limit;
        stock.truncate(limit);
        Ok(Page { stock, more })
    }
}
