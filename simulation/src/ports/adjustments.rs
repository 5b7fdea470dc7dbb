//! The inventory squad's table, as far as no order is the reason.

use std::{cell::RefCell, collections::BTreeSet};

use lakeside_domain::{
    adjustment::Stock,
    ids::{AdjustmentId, NodeId, Sku},
    rebalancing::Move,
    reconciliation::SkuStock,
};
use lakeside_inventory::{
    adjust_stock::{AdjustmentStore, NewAdjustment},
    adjustment_record::{AdjustmentRecord, ConflictRecord, RefusedRecord},
    reconcile_stock::{Page, Position, ReconcileStore},
    stock_error::Committed,
};
use lakeside_kit::dynamo::StoreError;

use super::Port;
use crate::{faults::Fault, mutants::Mutant};

impl AdjustmentStore for Port {
    async fn adjustment(&self, id: AdjustmentId) -> Result<Option<AdjustmentRecord>, StoreError> {
        self.call("read adjustment", |world| Ok(world.inventory.adjustment(id))).await
    }

    async fn stock_at(&self, node: &NodeId, skus: &BTreeSet<&Sku>) -> Result<Stock, StoreError> {
        // Pools and node are read one after the other.
        let pools = self.call("read pools", |world| Ok(world.inventory.availability(skus))).await?;
        let on_hand =
            self.call("read node", |world| Ok(world.inventory.stock_at(node, skus).on_hand)).await?;
        Ok(Stock { pools, on_hand })
    }

    async fn adjust(&self, new: &NewAdjustment) -> Result<Committed, StoreError> {
        if self.world.planted(Mutant::NodeAlone) {
            let mut new = new.clone();
            if let Ok(changes) = &mut new.decision {
                changes.pools.clear();
            }
            return self.call("adjust", |world| Ok(world.adjust(&new))).await;
        }
        self.call("adjust", |world| Ok(world.adjust(new))).await
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.call("record conflict", |world| {
            world.inventory.record_adjustment_conflict(conflict);
            Ok(())
        })
        .await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.call("record refused sale", |world| {
            let mut all = world.inventory.refused_sales.borrow_mut();
            all.insert(message_id.to_owned(), refused.clone());
            Ok(())
        })
        .await
    }
}

/// What an invocation has read of a SKU, for one that believes the first it reads.
#[derive(Default)]
pub struct LastReading(RefCell<Option<(Sku, SkuStock)>>);

impl ReconcileStore for Port {
    async fn position(&self) -> Result<Position, StoreError> {
        self.call("read position", |world| Ok(world.inventory.position.borrow().clone())).await
    }

    async fn keep_position(&self, position: &Position) -> Result<(), StoreError> {
        self.call("keep position", |world| {
            world.inventory.position.borrow_mut().clone_from(position);
            Ok(())
        })
        .await
    }

    async fn skus(&self, from: &Position) -> Result<Page, StoreError> {
        self.call("read skus", |world| {
            let mut page = world.inventory.skus(from);
            if world.strikes(Fault::StaleIndex) {
                page.skus.pop();
            }
            Ok(page)
        })
        .await
    }

    async fn stock_of(&self, sku: &Sku) -> Result<SkuStock, StoreError> {
        let world = &self.world;
        if let Some((of, reading)) = &*self.last_reading.0.borrow()
            && of == sku
            && world.planted(Mutant::OneReading)
        {
            return Ok(reading.clone());
        }
        // Items are read one after the other. Whatever is written raises the version of something that is read.
        let pools = self
            .call("read pools", |world| Ok(world.inventory.pools_of(sku, world.stock_writes.get())))
            .await?;
        let nodes = self
            .call("read nodes", |world| Ok(world.inventory.nodes_of(sku, world.stock_writes.get())))
            .await?;
        let wanted_pools = world.inventory.wanted_pools.borrow().get(sku).copied();
        let reading = SkuStock { pools, nodes, wanted_pools };
        *self.last_reading.0.borrow_mut() = Some((sku.clone(), reading.clone()));
        Ok(reading)
    }

    async fn move_units(&self, sku: &Sku, step: Move) -> Result<Committed, StoreError> {
        self.call("move units", |world| Ok(world.move_units(sku, step))).await
    }
}
