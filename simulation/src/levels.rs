//! The writes of pools and nodes on their way to `publish-levels`, and what must come of them.

use std::{collections::BTreeMap, rc::Rc};

use lakeside_domain::{
    ids::{NodeId, Sku},
    level::Level,
};
use lakeside_inventory::{
    memory::stock_writes::StockWrite,
    project_store_stock::{Recorded, StockCount, StockProjection},
    publish_levels::LevelStore,
};
use lakeside_kit::dynamo::StoreError;
use serde_json::{Value, json};

use crate::{
    mutants::Mutant,
    ports::Port,
    streams::{LEVELS, SHARDS},
    world::World,
};

fn image(write: &StockWrite, (units, version): (i64, u64)) -> Value {
    let count = if write.key.sk.starts_with("POOL#") { "available" } else { "on_hand" };
    json!({
        "pk": {"S": write.key.pk}, "sk": {"S": write.key.sk},
        count: {"N": units.to_string()}, "version": {"N": version.to_string()},
    })
}

impl World {
    /// Brings what was written of stock to the stream.
    pub fn flow_stock(self: &Rc<Self>) {
        for write in self.inventory.writes.take() {
            let mut images = json!({"NewImage": image(&write, write.new)});
            if let Some(old) = write.old {
                images["OldImage"] = image(&write, old);
            }
            // All items of a SKU are in one shard, and so is what changes them.
            let shard = write.key.pk.bytes().fold(0, |sum: u64, byte| sum.wrapping_add(byte.into())) % SHARDS;
            self.append((LEVELS, shard), images);
        }
    }

    /// At rest the view of stock is what the table has.
    pub fn view_is_true(&self) {
        let mut available: BTreeMap<Sku, i64> = BTreeMap::new();
        for ((sku, _), counts) in self.inventory.pools.borrow().iter() {
            *available.entry(sku.clone()).or_default() += counts.available;
        }
        let view = self.store_stock.available.borrow();
        let seen: BTreeMap<Sku, i64> =
            view.iter().map(|(sku, level)| (sku.clone(), signed(*level))).collect();
        self.check(seen == available, "view of stock", || {
            format!("{available:?} may be promised, and the view has {seen:?}")
        });
        let view = self.store_stock.on_hand.borrow();
        let seen: BTreeMap<(Sku, NodeId), i64> =
            view.iter().map(|((node, sku), level)| ((sku.clone(), node.clone()), signed(*level))).collect();
        let on_hand = self.inventory.nodes.borrow();
        self.check(seen == *on_hand, "view of stock", || {
            format!("{on_hand:?} lie in the nodes, and the view has {seen:?}")
        });
    }
}

fn signed(level: Level) -> i64 {
    level.units.try_into().unwrap()
}

impl LevelStore for Port {
    async fn pools(&self, sku: &Sku) -> Result<Vec<Level>, StoreError> {
        self.call("read levels", |world| {
            let now = world.inventory.levels(sku);
            let before = world.levels_read.borrow_mut().insert(sku.clone(), now.clone());
            let stale = world.planted(Mutant::LevelReadEventually) && world.engine.chance(0.3);
            Ok(before.filter(|_| stale).unwrap_or(now))
        })
        .await
    }
}

impl StockProjection for Port {
    async fn record(&self, count: &StockCount) -> Result<Recorded, StoreError> {
        self.call("keep count of stock", |world| Ok(world.store_stock.record(count))).await
    }
}
