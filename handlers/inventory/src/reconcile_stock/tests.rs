use std::cell::{Cell, RefCell};

use lakeside_domain::{
    ids::NodeId,
    reconciliation::{NodeCount, PoolCounts},
};

use lakeside_kit::memory::MemoryMetrics;

use super::*;
use crate::{
    goods::{pool, sku, stocked},
    memory::{Counts, MemoryInventory},
};

async fn run(table: &MemoryInventory) -> Reconciled {
    handle(table, &(), Request::default()).await.unwrap()
}

#[tokio::test]
async fn stock_that_agrees_is_looked_at_sku_by_sku() {
    let table = stocked(&[("TENT", "wh-east", 5), ("STOVE", "wh-east", 1), ("ROPE", "store-lake", 0)]);
    assert_eq!(run(&table).await, Reconciled { agree: 3, ..Reconciled::default() });
    assert_eq!(*table.position.borrow(), Position::default(), "the next run begins again");
}

#[tokio::test]
async fn a_run_goes_on_where_the_last_one_ended() {
    let names: Vec<String> = (10..40).map(|n| format!("SKU-{n}")).collect();
    let stock: Vec<(&str, &str, i64)> = names.iter().map(|n| (n.as_str(), "wh-east", 1)).collect();
    let table = stocked(&stock);
    assert_eq!(run(&table).await.agree, 2 * PAGES);
    assert_eq!(table.position.borrow().after, Some(sku("SKU-29")));
    assert_eq!(run(&table).await.agree, 30 - 2 * PAGES);
    assert_eq!(run(&table).await.agree, 2 * PAGES);
}

#[tokio::test]
async fn a_difference_is_told_and_nothing_of_that_sku_is_moved() {
    let table = stocked(&[("TENT", "wh-east", 8), ("STOVE", "wh-east", 1)]);
    table.pools.borrow_mut().insert((sku("TENT"), PoolId(1)), Counts { received: 1, ..Counts::default() });
    let found = run(&table).await;
    assert_eq!(found.different.keys().collect::<Vec<_>>(), [&sku("TENT")]);
    assert_eq!((found.agree, found.moves), (1, 0));
    assert_eq!(pool(&table, "TENT"), Counts::received(8));
}

#[tokio::test]
async fn operations_ask_for_single_skus() {
    let table = stocked(&[("TENT", "wh-east", 8), ("STOVE", "wh-east", 1)]);
    let request = serde_json::from_str(r#"{"skus": ["TENT"], "version": "0"}"#).unwrap();
    assert_eq!(handle(&table, &(), request).await.unwrap().agree, 1);
    let scheduled: Request =
        serde_json::from_str(r#"{"version": "0", "detail-type": "Scheduled Event"}"#).unwrap();
    assert_eq!(scheduled, Request::default());
}

#[tokio::test]
async fn pools_are_evened_out_and_new_ones_filled_as_operations_want() {
    let table = stocked(&[("TENT", "wh-east", 9)]);
    assert_eq!(run(&table).await.moves, 0, "one pool has all there is");
    table.wanted_pools.borrow_mut().insert(sku("TENT"), 3);
    assert_eq!(run(&table).await.moves, 2);
    let counts: Vec<Counts> = table.pools.borrow().values().copied().collect();
    assert_eq!(counts, [Counts::received(3); 3]);
    table.wanted_pools.borrow_mut().insert(sku("TENT"), 1);
    assert_eq!(run(&table).await.moves, 2);
    assert_eq!(pool(&table, "TENT"), Counts::received(9));
    assert_eq!(run(&table).await, Reconciled { agree: 1, ..Reconciled::default() });
}

#[tokio::test]
async fn a_move_that_was_overtaken_is_left_to_the_next_run() {
    let table = stocked(&[("TENT", "wh-east", 9)]);
    table.wanted_pools.borrow_mut().insert(sku("TENT"), 3);
    table.trouble.overtaken.set(1);
    assert_eq!(run(&table).await.moves, 0);
    assert_eq!(run(&table).await.moves, 2);
}

/// A SKU that changes while it is read: so many readings, each another one, and then the last for good.
struct Busy {
    readings: RefCell<Vec<SkuStock>>,
    broken: Cell<bool>,
}

impl ReconcileStore for Busy {
    async fn position(&self) -> Result<Position, StoreError> {
        Ok(Position::default())
    }

    async fn keep_position(&self, _: &Position) -> Result<(), StoreError> {
        Ok(())
    }

    async fn skus(&self, _: &Position) -> Result<Page, StoreError> {
        Ok(Page { skus: vec![sku("TENT")], next: Position::default() })
    }

    async fn stock_of(&self, _: &Sku) -> Result<SkuStock, StoreError> {
        if self.broken.get() {
            return Err(StoreError::Busy);
        }
        let mut readings = self.readings.borrow_mut();
        Ok(if readings.len() > 1 { readings.remove(0) } else { readings[0].clone() })
    }

    async fn move_units(&self, _: &Sku, _: Move) -> Result<Committed, StoreError> {
        Ok(Committed::Stale)
    }
}

/// One unit in a pool, and this many at a node, each written so often.
fn reading(on_hand: i64, version: u64) -> SkuStock {
    let counts = PoolCounts { available: 1, received: 1, version: 1, ..PoolCounts::default() };
    SkuStock {
        pools: [(PoolId(0), counts)].into(),
        nodes: [(NodeId::parse("wh-east").unwrap(), NodeCount { on_hand, version })].into(),
        wanted_pools: None,
    }
}

async fn found(readings: Vec<SkuStock>) -> Reconciled {
    let busy = Busy { readings: RefCell::new(readings), broken: Cell::new(false) };
    handle(&busy, &(), Request::default()).await.unwrap()
}

#[tokio::test]
async fn what_was_torn_while_it_was_read_is_no_difference() {
    let torn = vec![reading(0, 1), reading(1, 2)];
    assert_eq!(found(torn).await, Reconciled { agree: 1, ..Reconciled::default() });
    // The same count again, and yet it was written in between.
    let there_and_back = vec![reading(0, 1), reading(0, 3), reading(1, 4)];
    assert_eq!(found(there_and_back).await, Reconciled { agree: 1, ..Reconciled::default() });
}

#[tokio::test]
async fn a_difference_that_is_the_same_twice_is_one() {
    let settles = vec![reading(0, 1), reading(0, 2), reading(0, 2)];
    assert_eq!(found(settles).await.different.len(), 1);
}

#[tokio::test]
async fn a_sku_that_never_settles_is_left_to_another_run() {
    let never = (1..100).map(|version| reading(0, version)).collect();
    assert_eq!(found(never).await, Reconciled { unsettled: 1, ..Reconciled::default() });
}

#[tokio::test]
async fn a_sku_that_cannot_be_read_fails_the_run() {
    let busy = Busy { readings: RefCell::default(), broken: Cell::new(true) };
    let error = handle(&busy, &(), Request::default()).await.unwrap_err();
    assert!(matches!(error, ReconcileError::Unreadable(..)), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry);
}

#[tokio::test]
async fn every_run_says_how_many_skus_differ_and_be_it_none() {
    let metrics = MemoryMetrics::default();
    let table = stocked(&[("TENT", "wh-east", 8), ("STOVE", "wh-east", 1)]);
    handle(&table, &metrics, Request::default()).await.unwrap();
    table.pools.borrow_mut().insert((sku("TENT"), PoolId(1)), Counts { received: 1, ..Counts::default() });
    handle(&table, &metrics, Request::default()).await.unwrap();
    assert_eq!(metrics.values(STOCK_DIFFERENCES), [0, 1]);
}
