//! Adjusting and reconciling on the inventory squad's table, and the index by which all SKUs are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use futures::future::try_join_all;
use lakeside_domain::{
    adjustment::{Changes, Effect, PoolChange, Refusal, Stock},
    ids::{AdjustmentId, NodeId, Sku},
    rebalancing::Move,
    reconciliation::SkuStock,
    stock::{Pool, PoolId},
};
use lakeside_kit::dynamo::{Item, Key, SK, StoreError, get, number, string};
use serde::Deserialize;

use crate::{
    adjust_stock::{AdjustmentStore, NewAdjustment},
    adjustment_record::{AdjustmentRecord, ConflictRecord, RefusedRecord, adjustment_key},
    inventory_table::{InventoryTable, NodeStock, node_key, pool_key, refused, update_action},
    reconcile_stock::{Page, Position, ReconcileStore},
    stock_error::Committed,
};

const REFUSED_KEPT_SECONDS: u32 = 30 * 24 * 3600;

/// The index of SKUs: its name, and its partition key, which only the first pool of a SKU has.
const STOCK_INDEX: &str = "skus-by-shard";
const STOCK: &str = "stockShard";
/// Partitions of the index, so that no single one takes all of its writes.
const STOCK_SHARDS: u8 = 4;
/// SKUs of one page.
const PAGE: i32 = 100;

/// The key of how many pools a SKU should have; operations write it.
fn wanted_pools_key(sku: &Sku) -> Key {
    Key::new(format!("SKU#{sku}"), "POOLS")
}

fn position_key() -> Key {
    Key::new("POSITION#reconcile-stock", "POSITION")
}

fn stock_partition(shard: u8) -> AttributeValue {
    string(format!("STOCK#{shard}"))
}

/// What the first pool's item carries for the index.
fn index_attributes(sku: &Sku) -> Item {
    let sum = sku.as_str().bytes().fold(0_u8, u8::wrapping_add);
    let shard = sum.checked_rem(STOCK_SHARDS).unwrap_or_default();
    [(STOCK.to_owned(), stock_partition(shard)), ("sku".to_owned(), string(sku.as_str()))].into()
}

impl InventoryTable {
    /// Units for a pool, from nowhere or from another pool; where there is no pool, it begins.
    fn fill(
        &self,
        sku: &Sku,
        pool: PoolId,
        units: u64,
        seen: Option<u64>,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut set = "available = if_not_exists(available, :none) + :units, \
            received = if_not_exists(received, :none) + :units, held = if_not_exists(held, :none), \
            sold = if_not_exists(sold, :none)"
            .to_owned();
        let mut values: Item = [(":units".to_owned(), number(units))].into();
        if pool == PoolId(0) {
            set.push_str(", stockShard = :shard, sku = :sku");
            let attributes = index_attributes(sku);
            values.extend(
                [(":shard", STOCK), (":sku", "sku")].into_iter().filter_map(|(name, attribute)| {
                    Some((name.to_owned(), attributes.get(attribute)?.clone()))
                }),
            );
        }
        let mut update = self.update_stock(&pool_key(sku, pool), &set);
        if let Some(seen) = seen {
            update = update.condition_expression("attribute_not_exists(pk) OR available <= :seen");
            values.insert(":seen".into(), number(seen));
        }
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        update.build().map(update_action).map_err(refused)
    }

    /// Units out of what a pool has available.
    fn drain(&self, sku: &Sku, pool: PoolId, set: &str, units: u64) -> Result<TransactWriteItem, StoreError> {
        self.update_stock(&pool_key(sku, pool), &format!("available = available - :units, {set}"))
            .condition_expression("available >= :units")
            .expression_attribute_values(":units", number(units))
            .build()
            .map(update_action)
            .map_err(refused)
    }

    fn change(&self, change: &PoolChange) -> Result<TransactWriteItem, StoreError> {
        let PoolChange { sku, pool, effect, units } = change;
        match effect {
            Effect::Add => self.fill(sku, *pool, *units, None),
            Effect::Remove => self.drain(sku, *pool, "received = received - :units", *units),
            Effect::Sell => self.drain(sku, *pool, "sold = sold + :units", *units),
        }
    }

    /// What a node gets or gives.
    fn shelve(&self, sku: &Sku, node: &NodeId, units: i64) -> Result<TransactWriteItem, StoreError> {
        let key = node_key(sku, node);
        let update = if units > 0 {
            self.update_stock(&key, "on_hand = if_not_exists(on_hand, :none) + :units")
        } else {
            self.update_stock(&key, "on_hand = on_hand - :units").condition_expression("on_hand >= :units")
        };
        let update = update.expression_attribute_values(":units", number(units.unsigned_abs()));
        update.build().map(update_action).map_err(refused)
    }

    /// A count that a refusal relies on. An item that does not exist counts nothing.
    fn at_most(&self, key: &Key, count: &str, most: u64) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.name())
            .set_key(Some(key.to_item()))
            .condition_expression(format!("attribute_not_exists(pk) OR {count} <= :most"))
            .expression_attribute_values(":most", number(most))
            .build()
            .map_err(refused)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn made(&self, node: &NodeId, changes: &Changes) -> Result<Vec<TransactWriteItem>, StoreError> {
        let at_node = changes.node.iter().map(|(sku, units)| self.shelve(sku, node, *units));
        at_node.chain(changes.pools.iter().map(|change| self.change(change))).collect()
    }

    fn relied_on(&self, node: &NodeId, refusal: &Refusal) -> Result<Vec<TransactWriteItem>, StoreError> {
        let short =
            refusal.node.iter().map(|(sku, most)| self.at_most(&node_key(sku, node), "on_hand", *most));
        let promised = refusal.pools.iter();
        let promised =
            promised.map(|((sku, pool), most)| self.at_most(&pool_key(sku, *pool), "available", *most));
        short.chain(promised).collect()
    }

    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.client().put_item().table_name(self.name()).set_item(Some(item)).send().await?;
        Ok(())
    }
}

impl AdjustmentStore for InventoryTable {
    async fn adjustment(&self, id: AdjustmentId) -> Result<Option<AdjustmentRecord>, StoreError> {
        get(self.client(), self.name(), &adjustment_key(id)).await
    }

    async fn stock_at(&self, node: &NodeId, skus: &BTreeSet<&Sku>) -> Result<Stock, StoreError> {
        let read = skus.iter().map(async |sku| {
            let mut pools = BTreeMap::new();
            for (id, pool) in self.of_sku::<Pool>(sku, "POOL#").await? {
                if let Ok(id) = id.parse() {
                    pools.insert(PoolId(id), pool.available());
                }
            }
            let at_node: Option<NodeStock> = get(self.client(), self.name(), &node_key(sku, node)).await?;
            Ok::<_, StoreError>(((*sku).clone(), pools, at_node))
        });
        let mut stock = Stock::default();
        for (sku, pools, at_node) in try_join_all(read).await? {
            stock.on_hand.extend(at_node.map(|node| (sku.clone(), node.on_hand)));
            stock.pools.insert(sku, pools);
        }
        Ok(stock)
    }

    async fn adjust(&self, new: &NewAdjustment) -> Result<Committed, StoreError> {
        let asked = &new.record.adjustment;
        let key = adjustment_key(asked.adjustment_id);
        let mut actions = vec![self.first(&key, &new.record, &new.outbox)?];
        actions.extend(match &new.decision {
            Ok(changes) => self.made(&asked.node, changes)?,
            Err(refusal) => self.relied_on(&asked.node, refusal)?,
        });
        self.commit(actions).await
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        let pk = adjustment_key(conflict.adjustment_id).pk;
        self.put(Key::new(pk, format!("CONFLICT#{}", conflict.fingerprint)).item_of(conflict)?).await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        let mut item = Key::new(format!("SALE#{message_id}"), "REFUSED").item_of(refused)?;
        let ttl = refused.received_at.plus_seconds(REFUSED_KEPT_SECONDS).as_epoch_seconds();
        item.insert("ttl".into(), number(ttl));
        self.put(item).await
    }
}

#[derive(Deserialize)]
struct StockKey {
    sku: Sku,
}

#[derive(Deserialize)]
struct WantedPools {
    count: u8,
}

impl ReconcileStore for InventoryTable {
    async fn position(&self) -> Result<Position, StoreError> {
        Ok(get(self.client(), self.name(), &position_key()).await?.unwrap_or_default())
    }

    async fn keep_position(&self, position: &Position) -> Result<(), StoreError> {
        self.put(position_key().item_of(position)?).await
    }

    async fn skus(&self, from: &Position) -> Result<Page, StoreError> {
        let mut values: Item = HashMap::from([(":shard".to_owned(), stock_partition(from.shard))]);
        let mut wanted = "stockShard = :shard".to_owned();
        if let Some(after) = &from.after {
            wanted.push_str(" AND sku > :after");
            values.insert(":after".into(), string(after.as_str()));
        }
        let found = self
            .client()
            .query()
            .table_name(self.name())
            .index_name(STOCK_INDEX)
            .key_condition_expression(wanted)
            .set_expression_attribute_values(Some(values))
            .limit(PAGE)
            .send()
            .await?;
        let keys = found.items.unwrap_or_default().into_iter();
        let skus: Vec<Sku> = keys
            .map(|item| Ok(Key::new(STOCK, "sku").read::<StockKey>(item)?.sku))
            .collect::<Result<_, StoreError>>()?;
        let next_shard = from.shard.saturating_add(1);
        let next = match (found.last_evaluated_key, skus.last()) {
            (Some(_), Some(last)) => Position { shard: from.shard, after: Some(last.clone()) },
            _ if next_shard < STOCK_SHARDS => Position { shard: next_shard, after: None },
            _ => Position::default(),
        };
        Ok(Page { skus, next })
    }

    async fn stock_of(&self, sku: &Sku) -> Result<SkuStock, StoreError> {
        let mut stock = SkuStock::default();
        let mut pages = self
            .client()
            .query()
            .table_name(self.name())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(format!("SKU#{sku}")))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item?;
            let Some(AttributeValue::S(sk)) = item.get(SK).cloned() else { continue };
            let key = Key::new(format!("SKU#{sku}"), &sk);
            if let Some(Ok(pool)) = sk.strip_prefix("POOL#").map(str::parse) {
                stock.pools.insert(PoolId(pool), key.read(item)?);
            } else if let Some(Ok(node)) = sk.strip_prefix("NODE#").map(NodeId::parse) {
                stock.nodes.insert(node, key.read(item)?);
            } else if key == wanted_pools_key(sku) {
                stock.wanted_pools = Some(key.read::<WantedPools>(item)?.count);
            }
        }
        Ok(stock)
    }

    async fn move_units(&self, sku: &Sku, step: Move) -> Result<Committed, StoreError> {
        let Move { from, to, units, seen } = step;
        let given = self.drain(sku, from, "received = received - :units", units)?;
        let gotten = self.fill(sku, to, units, Some(seen))?;
        self.commit(vec![given, gotten]).await
    }
}
