//! The view of stock in memory. Its conditions are those of [`crate::store_stock_table`].

use std::{cell::RefCell, collections::BTreeMap};

use lakeside_domain::{
    ids::{NodeId, Sku},
    level::Level,
};
use lakeside_kit::{conditions, dynamo::StoreError, memory::Lifted};

use crate::{
    project_store_stock::{Recorded, StockCount, StockProjection},
    stock_query::{Page, SkuStock, StockView},
};

conditions! {
    NewerLevel: "what is available gives way to what is newer only",
    NewerOnHand: "what a node has gives way to what is newer only",
}

/// The view.
#[derive(Debug, Default)]
pub struct MemoryStoreStock {
    /// What may still be promised of each SKU.
    pub available: RefCell<BTreeMap<Sku, Level>>,
    /// What each node has.
    pub on_hand: RefCell<BTreeMap<(NodeId, Sku), Level>>,
    lifted: Lifted<Condition>,
}

impl MemoryStoreStock {
    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }

    /// As [`StockProjection::record`].
    pub fn record(&self, count: &StockCount) -> Recorded {
        let StockCount { sku, node, level } = count;
        match node {
            Some(node) => {
                let key = (node.clone(), sku.clone());
                self.newest(Condition::NewerOnHand, &mut self.on_hand.borrow_mut(), key, *level)
            }
            None => self.newest(Condition::NewerLevel, &mut self.available.borrow_mut(), sku.clone(), *level),
        }
    }

    fn newest<K: Ord>(
        &self,
        condition: Condition,
        levels: &mut BTreeMap<K, Level>,
        key: K,
        level: Level,
    ) -> Recorded {
        let newer = levels.get(&key).is_none_or(|known| known.version < level.version);
        if !self.lifted.passes(condition, newer) {
            return Recorded::Older;
        }
        levels.insert(key, level);
        Recorded::Yes
    }

    /// As [`StockView::of_sku`].
    pub fn of_sku(&self, sku: &Sku) -> SkuStock {
        let on_hand = self.on_hand.borrow();
        let of_sku = on_hand.iter().filter(|((_, of), _)| of == sku);
        SkuStock {
            available: self.available.borrow().get(sku).map(|level| level.units),
            nodes: of_sku.map(|((node, _), level)| (node.clone(), level.units)).collect(),
        }
    }

    /// As [`StockView::at_node`].
    pub fn at_node(&self, node: &NodeId, after: Option<&Sku>, limit: usize) -> Page {
        let on_hand = self.on_hand.borrow();
        let here =
            on_hand.iter().filter(|((at, sku), _)| at == node && after.is_none_or(|after| sku > after));
        let mut stock: Vec<_> = here.map(|((_, sku), level)| (sku.clone(), level.units)).collect();
        let more = stock.len() > limit;
        stock.truncate(limit);
        Page { stock, more }
    }
}

impl StockProjection for MemoryStoreStock {
    async fn record(&self, count: &StockCount) -> Result<Recorded, StoreError> {
        Ok(self.record(count))
    }
}

impl StockView for MemoryStoreStock {
    async fn of_sku(&self, sku: &Sku) -> Result<SkuStock, StoreError> {
        Ok(self.of_sku(sku))
    }

    async fn at_node(&self, node: &NodeId, after: Option<&Sku>, limit: usize) -> Result<Page, StoreError> {
        Ok(self.at_node(node, after, limit))
    }
}
