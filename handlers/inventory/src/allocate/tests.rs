use lakeside_contracts::commands::{CommandMetadata, OrderCommand};
use lakeside_domain::{
    reservation::{ReservationStatus, Take},
    stock::PoolId,
};
use lakeside_kit::memory::ManualClock;
use uuid::Uuid;

use super::*;
use crate::{
    goods::{hold, pool, sku, stocked},
    memory::MemoryInventory,
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));
const EXPIRES_AT: i64 = 10_000;

/// Tents at two nodes and stoves at one, all units of the order held.
fn held() -> MemoryInventory {
    let table = stocked(&[("TENT", "wh-east", 1), ("TENT", "wh-west", 1), ("STOVE", "wh-west", 1)]);
    let take = |name: &str, units| Take { sku: sku(name), pool: PoolId(0), units };
    let takes = vec![take("TENT", 2), take("STOVE", 1)];
    hold(&table, "TENT", 2);
    hold(&table, "STOVE", 1);
    let expires_at = Timestamp::from_millis(EXPIRES_AT);
    let reservation = Reservation { order_id: ORDER, status: ReservationStatus::Held, takes, expires_at };
    table.reservations.borrow_mut().insert(ORDER, reservation);
    table
}

async fn run(table: &MemoryInventory, at: i64) -> AllocateStockResult {
    let metadata = CommandMetadata { correlation_id: ORDER.as_uuid(), causation_id: ORDER.as_uuid() };
    let command = Command::AllocateStock(OrderCommand { order_id: ORDER, metadata });
    handle(table, &ManualClock::at(at), command).await.unwrap()
}

fn reason(result: &AllocateStockResult) -> &str {
    match result {
        AllocateStockResult::Refused { reason } => reason.as_str(),
        AllocateStockResult::Allocated { .. } => "ALLOCATED",
    }
}

#[tokio::test]
async fn a_split_order_leaves_from_two_nodes_and_its_hold_is_sold() {
    let table = held();
    let first = run(&table, 0).await;
    let AllocateStockResult::Allocated { shipments } = &first else { panic!("allocated") };
    assert_eq!(shipments.len(), 2);
    assert_eq!(pool(&table, "TENT").sold, 2);
    assert_eq!(table.nodes.borrow().values().sum::<i64>(), 0);
    assert_eq!(run(&table, 0).await, first, "again");
    assert_eq!(table.outboxes.published(), ["StockCommitted", "WarehouseAllocated"]);
}

#[tokio::test]
async fn a_payment_at_the_end_of_the_hold_is_decided_by_the_millisecond() {
    assert_eq!(reason(&run(&held(), EXPIRES_AT - 1).await), "ALLOCATED");
    assert_eq!(reason(&run(&held(), EXPIRES_AT).await), HOLD_ENDED);
    assert_eq!(reason(&run(&held(), EXPIRES_AT + 1).await), HOLD_ENDED);
}

#[tokio::test]
async fn released_stock_is_never_sold() {
    let table = held();
    table.reservations.borrow_mut().get_mut(&ORDER).unwrap().status = ReservationStatus::Released;
    assert_eq!(reason(&run(&table, 0).await), HOLD_ENDED);
    table.reservations.borrow_mut().clear();
    assert_eq!(reason(&run(&table, 0).await), HOLD_ENDED);
}

#[tokio::test]
async fn nodes_that_cannot_cover_the_order_refuse_it() {
    let table = held();
    table.nodes.borrow_mut().clear();
    assert_eq!(reason(&run(&table, 0).await), NODES_SHORT);
    assert_eq!(pool(&table, "TENT").held, 2);
}

#[tokio::test]
async fn an_allocation_that_was_overtaken_is_decided_again() {
    let table = held();
    table.trouble.overtaken.set(1);
    assert_eq!(reason(&run(&table, 0).await), "ALLOCATED");
}
