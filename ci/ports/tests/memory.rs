//! The tables in memory keep every contract, and with any condition lifted they do not: so the suites would notice an
//! adapter that lacks it.

use std::future::Future;

use lakeside_fulfilment::memory::{self as fulfilment_memory, MemoryFulfilment};
use lakeside_growth::memory::{
    self as growth_memory, MemoryGrowth,
    listings::{self as listings_memory, MemoryListings},
};
use lakeside_inventory::memory::{
    self as inventory_memory, MemoryInventory,
    store_stock::{self as store_stock_memory, MemoryStoreStock},
};
use lakeside_orders::memory::{self as orders_memory, MemoryOrders, MemoryStatus};
use lakeside_port_contracts::{
    Failure, adjustments, fulfilment, inventory, leases, listings, loyalty, notices, orders,
    random::{self, Step},
    status, store_stock,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

fn kept(failures: &[Failure]) {
    assert!(failures.is_empty(), "{failures:#?}");
}

async fn inventory_without(condition: Option<inventory_memory::Condition>) -> Vec<Failure> {
    let table = MemoryInventory::default();
    if let Some(condition) = condition {
        table.lift(condition);
    }
    let mut failures = inventory::failures(&table, &table).await;
    failures.extend(adjustments::failures(&table, &table).await);
    failures
}

async fn fulfilment_without(condition: Option<fulfilment_memory::Condition>) -> Vec<Failure> {
    let table = MemoryFulfilment::new(leases::DURATIONS);
    if let Some(condition) = condition {
        table.lift(condition);
    }
    let mut failures = fulfilment::failures(&table, &table).await;
    failures.extend(leases::failures(&table, &table).await);
    failures
}

async fn growth_without(condition: Option<growth_memory::Condition>) -> Vec<Failure> {
    let table = MemoryGrowth::new(leases::DURATIONS);
    if let Some(condition) = condition {
        table.lift(condition);
    }
    let mut failures = loyalty::failures(&table, &table).await;
    failures.extend(notices::failures(&table, &table).await);
    failures.extend(leases::failures(&table, &table).await);
    failures
}

async fn orders_without(condition: Option<orders_memory::Condition>) -> Vec<Failure> {
    let (table, view) = (MemoryOrders::default(), MemoryStatus::default());
    if let Some(condition) = condition {
        table.lift(condition);
        view.lift(condition);
    }
    let mut failures = orders::failures(&table, &table).await;
    failures.extend(status::failures(&view, &()).await);
    failures
}

async fn store_stock_without(condition: Option<store_stock_memory::Condition>) -> Vec<Failure> {
    let view = MemoryStoreStock::default();
    if let Some(condition) = condition {
        view.lift(condition);
    }
    store_stock::failures(&view, &()).await
}

#[tokio::test]
async fn the_view_of_stock_keeps_its_contracts() {
    kept(&store_stock_without(None).await);
}

#[tokio::test]
async fn each_condition_of_the_view_of_stock_is_missed() {
    each_is_missed(store_stock_memory::Condition::ALL, store_stock_without).await;
}

#[tokio::test]
async fn a_table_that_does_not_count_writes_of_stock_is_noticed() {
    let table = MemoryInventory::default();
    table.writes.unversioned.set(true);
    assert!(!inventory::failures(&table, &table).await.is_empty());
}

async fn listings_without(condition: Option<listings_memory::Condition>) -> Vec<Failure> {
    let table = MemoryListings::new(listings::DURATIONS);
    if let Some(condition) = condition {
        table.lift(condition);
    }
    listings::failures(&table, &table).await
}

#[tokio::test]
async fn the_listings_keep_their_contracts() {
    kept(&listings_without(None).await);
}

#[tokio::test]
async fn each_condition_of_the_listings_is_missed() {
    each_is_missed(listings_memory::Condition::ALL, listings_without).await;
}

#[tokio::test]
async fn the_inventory_table_keeps_its_contracts() {
    kept(&inventory_without(None).await);
}

#[tokio::test]
async fn the_fulfilment_table_keeps_its_contracts() {
    kept(&fulfilment_without(None).await);
}

#[tokio::test]
async fn the_growth_table_keeps_its_contracts() {
    kept(&growth_without(None).await);
}

#[tokio::test]
async fn the_orders_tables_keep_their_contracts() {
    kept(&orders_without(None).await);
}

/// Lifts each condition in turn and expects a case to fail.
async fn each_is_missed<C, F>(conditions: &[C], without: impl Fn(Option<C>) -> F)
where
    C: Copy + std::fmt::Debug,
    F: Future<Output = Vec<Failure>>,
{
    let mut survivors = Vec::new();
    for condition in conditions {
        if without(Some(*condition)).await.is_empty() {
            survivors.push(condition);
        }
    }
    assert!(survivors.is_empty(), "no case misses {survivors:?}");
}

#[tokio::test]
async fn each_condition_of_the_inventory_table_is_missed() {
    each_is_missed(inventory_memory::Condition::ALL, inventory_without).await;
}

#[tokio::test]
async fn each_condition_of_the_fulfilment_table_is_missed() {
    each_is_missed(fulfilment_memory::Condition::ALL, fulfilment_without).await;
}

#[tokio::test]
async fn each_condition_of_the_growth_table_is_missed() {
    each_is_missed(growth_memory::Condition::ALL, growth_without).await;
}

#[tokio::test]
async fn each_condition_of_the_orders_tables_is_missed() {
    each_is_missed(orders_memory::Condition::ALL, orders_without).await;
}

/// Sequences that are the same in every run of the test. The names in them are not, and their order decides too what a
/// sequence shows: hence so many.
fn sequences() -> Vec<Vec<Step>> {
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(any::<Step>(), 30);
    (0..2_000).filter_map(|_| Some(steps.new_tree(&mut runner).ok()?.current())).collect()
}

#[tokio::test]
async fn random_sequences_miss_what_histories_can_break_of_the_inventory_table() {
    let mut survivors = Vec::new();
    'conditions: for condition in inventory_memory::Condition::ALL {
        for steps in sequences() {
            let (whole, lacking) = (MemoryInventory::default(), MemoryInventory::default());
            lacking.lift(*condition);
            let cast = random::inventory::Cast::new().unwrap();
            let stories =
                [cast.play(&whole, &whole, &steps).await, cast.play(&lacking, &lacking, &steps).await];
            if let [Ok(one), Ok(other)] = stories
                && one != other
            {
                continue 'conditions;
            }
        }
        survivors.push(condition);
    }
    // Reservation and allocation stand together in every history, and nodes never go: these take what a case puts past
    // the ports.
    let apart = [
        inventory_memory::Condition::UndoCommitted,
        inventory_memory::Condition::UndoNodeExists,
        inventory_memory::Condition::UndoStanding,
    ];
    assert_eq!(survivors, apart.each_ref());
}

#[tokio::test]
async fn random_sequences_miss_each_condition_of_the_fulfilment_table() {
    let mut survivors = Vec::new();
    'conditions: for condition in fulfilment_memory::Condition::ALL {
        for steps in sequences() {
            let lacking = MemoryFulfilment::new(leases::DURATIONS);
            lacking.lift(*condition);
            let whole = MemoryFulfilment::new(leases::DURATIONS);
            let cast = random::fulfilment::Cast::default();
            let stories =
                [cast.play(&whole, &whole, &steps).await, cast.play(&lacking, &lacking, &steps).await];
            if let [Ok(one), Ok(other)] = stories
                && one != other
            {
                continue 'conditions;
            }
        }
        survivors.push(condition);
    }
    assert!(survivors.is_empty(), "no sequence misses {survivors:?}");
}

#[tokio::test]
async fn random_sequences_miss_each_condition_of_the_growth_table() {
    let mut survivors = Vec::new();
    'conditions: for condition in growth_memory::Condition::ALL {
        for steps in sequences() {
            let (whole, lacking) =
                (MemoryGrowth::new(leases::DURATIONS), MemoryGrowth::new(leases::DURATIONS));
            lacking.lift(*condition);
            let cast = random::growth::Cast::new().unwrap();
            let stories = [
                cast.play(&whole, &whole, &whole, &steps).await,
                cast.play(&lacking, &lacking, &lacking, &steps).await,
            ];
            if let [Ok(one), Ok(other)] = stories
                && one != other
            {
                continue 'conditions;
            }
        }
        survivors.push(condition);
    }
    assert!(survivors.is_empty(), "no sequence misses {survivors:?}");
}
