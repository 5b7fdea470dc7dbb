//! Adjusting and reconciling on the table in memory.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_domain::{
    adjustment::{Changes, Effect, PoolChange, Refusal, Stock},
    ids::{AdjustmentId, NodeId, Sku},
    rebalancing::Move,
    reconciliation::{NodeCount, PoolCounts, SkuStock},
    stock::PoolId,
};
use lakeside_kit::dynamo::StoreError;

use super::{Condition, Counts, MemoryInventory, signed, unsigned};
use crate::{
    adjust_stock::{AdjustmentStore, NewAdjustment},
    adjustment_record::{AdjustmentRecord, ConflictRecord, RefusedRecord, adjustment_key},
    reconcile_stock::{Page, Position, ReconcileStore},
    stock_error::Committed,
};

/// SKUs of one page.
const PAGE: usize = 2;

impl MemoryInventory {
    /// The record under this id.
    pub fn adjustment(&self, id: AdjustmentId) -> Option<AdjustmentRecord> {
        self.adjustments.borrow().get(&id).cloned()
    }

    /// As [`AdjustmentStore::stock_at`].
    pub fn stock_at(&self, node: &NodeId, skus: &BTreeSet<&Sku>) -> Stock {
        let nodes = self.nodes.borrow();
        let at_node = |sku: &Sku| Some((sku.clone(), unsigned(*nodes.get(&(sku.clone(), node.clone()))?)));
        Stock {
            pools: self.availability(skus),
            on_hand: skus.iter().filter_map(|sku| at_node(sku)).collect(),
        }
    }

    /// As [`AdjustmentStore::adjust`].
    pub fn adjust(&self, new: &NewAdjustment) -> Committed {
        let asked = &new.record.adjustment;
        let id = asked.adjustment_id;
        let first = !self.adjustments.borrow().contains_key(&id);
        let goes = self.lifted.passes(Condition::AdjustFirst, first)
            && match &new.decision {
                Ok(changes) => self.can_be(&asked.node, changes),
                Err(refusal) => self.is_so(&asked.node, refusal),
            };
        if !goes {
            return Committed::Stale;
        }
        if let Ok(changes) = &new.decision {
            self.make(&asked.node, changes);
        }
        self.adjustments.borrow_mut().insert(id, new.record.clone());
        self.outboxes.write(adjustment_key(id), id, &new.outbox);
        Committed::Yes
    }

    fn can_be(&self, node: &NodeId, changes: &Changes) -> bool {
        let nodes = self.nodes.borrow();
        let at_node = |sku: &Sku| nodes.get(&(sku.clone(), node.clone())).copied();
        let mut gives = changes.node.iter().filter(|(_, units)| **units < 0);
        let on_hand =
            gives.all(|(sku, units)| at_node(sku).is_some_and(|left| left.saturating_add(*units) >= 0));
        let mut takes = changes.pools.iter().filter(|change| change.effect != Effect::Add);
        let available = takes.all(|c| self.has_available(&c.sku, c.pool, c.units));
        self.lifted.passes(Condition::AdjustOnHand, on_hand)
            && self.lifted.passes(Condition::AdjustAvailable, available)
    }

    fn is_so(&self, node: &NodeId, refusal: &Refusal) -> bool {
        let nodes = self.nodes.borrow();
        let at_node = |sku: &Sku| nodes.get(&(sku.clone(), node.clone())).copied().unwrap_or_default();
        let short = refusal.node.iter().all(|(sku, most)| at_node(sku) <= signed(*most));
        let promised = refusal.pools.iter().all(|((sku, pool), most)| self.is_short(sku, *pool, *most));
        self.lifted.passes(Condition::AdjustNodeShort, short)
            && self.lifted.passes(Condition::AdjustPromised, promised)
    }

    fn make(&self, node: &NodeId, changes: &Changes) {
        for (sku, units) in &changes.node {
            self.move_at((sku.clone(), node.clone()), *units);
        }
        for PoolChange { sku, pool, effect, units } in &changes.pools {
            let step: fn(&mut Counts, i64) = match effect {
                Effect::Add => |c, n| {
                    c.available += n;
                    c.received += n;
                },
                Effect::Remove => |c, n| {
                    c.available -= n;
                    c.received -= n;
                },
                Effect::Sell => |c, n| {
                    c.available -= n;
                    c.sold += n;
                },
            };
            self.shift(sku, *pool, *units, step);
        }
    }

    fn has_available(&self, sku: &Sku, pool: PoolId, units: u64) -> bool {
        self.pools.borrow().get(&(sku.clone(), pool)).is_some_and(|c| c.available >= signed(units))
    }

    fn is_short(&self, sku: &Sku, pool: PoolId, most: u64) -> bool {
        self.pools.borrow().get(&(sku.clone(), pool)).is_none_or(|c| c.available <= signed(most))
    }

    /// As [`AdjustmentStore::record_conflict`].
    pub fn record_adjustment_conflict(&self, conflict: &ConflictRecord) {
        let key = (conflict.adjustment_id, conflict.fingerprint.clone());
        self.adjustment_conflicts.borrow_mut().insert(key, conflict.clone());
    }

    /// As [`ReconcileStore::skus`], without a lag.
    pub fn skus(&self, from: &Position) -> Page {
        let pools = self.pools.borrow();
        let all: BTreeSet<&Sku> = pools.keys().map(|(sku, _)| sku).collect();
        let skus = all.into_iter().filter(|sku| from.after.as_ref().is_none_or(|after| *sku > after));
        let skus: Vec<Sku> = skus.take(PAGE).cloned().collect();
        let full = skus.len() == PAGE;
        let next = skus.last().filter(|_| full).map(|last| Position { shard: 0, after: Some(last.clone()) });
        Page { skus, next: next.unwrap_or_default() }
    }

    /// The pools of a SKU as reconciling reads them.
    pub fn pools_of(&self, sku: &Sku, version: u64) -> BTreeMap<PoolId, PoolCounts> {
        let pools = self.pools.borrow();
        let of_sku = pools.iter().filter(|((of, _), _)| of == sku);
        let counts = |c: &Counts| {
            let Counts { available, held, sold, received } = *c;
            PoolCounts { available, held, sold, received, version }
        };
        of_sku.map(|((_, pool), c)| (*pool, counts(c))).collect()
    }

    /// The nodes of a SKU as reconciling reads them.
    pub fn nodes_of(&self, sku: &Sku, version: u64) -> BTreeMap<NodeId, NodeCount> {
        let nodes = self.nodes.borrow();
        let of_sku = nodes.iter().filter(|((of, _), _)| of == sku);
        of_sku.map(|((_, node), on_hand)| (node.clone(), NodeCount { on_hand: *on_hand, version })).collect()
    }

    /// As [`ReconcileStore::stock_of`], all at once.
    pub fn stock_of(&self, sku: &Sku) -> SkuStock {
        let wanted_pools = self.wanted_pools.borrow().get(sku).copied();
        SkuStock { pools: self.pools_of(sku, 0), nodes: self.nodes_of(sku, 0), wanted_pools }
    }

    /// As [`ReconcileStore::move_units`].
    pub fn move_units(&self, sku: &Sku, step: Move) -> Committed {
        let Move { from, to, units, seen } = step;
        let available = self.has_available(sku, from, units);
        if !(self.lifted.passes(Condition::MoveAvailable, available)
            && self.lifted.passes(Condition::MoveShort, self.is_short(sku, to, seen)))
        {
            return Committed::Stale;
        }
        self.shift(sku, from, units, |c, n| {
            c.available -= n;
            c.received -= n;
        });
        self.shift(sku, to, units, |c, n| {
            c.available += n;
            c.received += n;
        });
        Committed::Yes
    }
}

impl AdjustmentStore for MemoryInventory {
    async fn adjustment(&self, id: AdjustmentId) -> Result<Option<AdjustmentRecord>, StoreError> {
        self.trouble.read(|| self.adjustment(id))
    }

    async fn stock_at(&self, node: &NodeId, skus: &BTreeSet<&Sku>) -> Result<Stock, StoreError> {
        self.trouble.read(|| self.stock_at(node, skus))
    }

    async fn adjust(&self, new: &NewAdjustment) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.adjust(new))
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.trouble.read(|| self.record_adjustment_conflict(conflict))
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.trouble.read(|| {
            self.refused_sales.borrow_mut().insert(message_id.to_owned(), refused.clone());
        })
    }
}

impl ReconcileStore for MemoryInventory {
    async fn position(&self) -> Result<Position, StoreError> {
        self.trouble.read(|| self.position.borrow().clone())
    }

    async fn keep_position(&self, position: &Position) -> Result<(), StoreError> {
        self.trouble.read(|| *self.position.borrow_mut() = position.clone())
    }

    async fn skus(&self, from: &Position) -> Result<Page, StoreError> {
        self.trouble.read(|| self.skus(from))
    }

    async fn stock_of(&self, sku: &Sku) -> Result<SkuStock, StoreError> {
        self.trouble.read(|| self.stock_of(sku))
    }

    async fn move_units(&self, sku: &Sku, step: Move) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.move_units(sku, step))
    }
}
