use lakeside_contracts::commands::{AllocateStockResult, CommandMetadata, OrderCommand};
use lakeside_domain::{reservation::Take, stock::PoolId};
use lakeside_kit::memory::{ManualClock, MemoryMetrics};
use uuid::Uuid;

use super::*;
use crate::{
    allocate,
    goods::{hold, pool, sku, stocked},
    memory::MemoryInventory,
};

const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));

fn command() -> OrderCommand {
    OrderCommand {
        order_id: ORDER,
        metadata: CommandMetadata { correlation_id: ORDER.as_uuid(), causation_id: ORDER.as_uuid() },
    }
}

/// Ten tents, three of them held for the order.
fn held() -> MemoryInventory {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    hold(&table, "TENT", 3);
    let takes = vec![Take { sku: sku("TENT"), pool: PoolId(0), units: 3 }];
    let expires_at = Timestamp::from_millis(10_000);
    let reservation = Reservation { order_id: ORDER, status: ReservationStatus::Held, takes, expires_at };
    table.reservations.borrow_mut().insert(ORDER, reservation);
    table
}

async fn release(table: &MemoryInventory, command: Command) -> Result<ReleaseResult, StockError> {
    handle(table, &ManualClock::at(1000), &(), command).await
}

#[tokio::test]
async fn a_hold_goes_back_once() {
    let table = held();
    for _ in 0..3 {
        let result = release(&table, Command::ReleaseStock(command())).await.unwrap();
        assert_eq!(result, ReleaseResult::Released);
        assert_eq!(pool(&table, "TENT").available, 10);
    }
    assert_eq!(table.outboxes.published(), ["StockReleased"]);
}

#[tokio::test]
async fn an_allocation_is_undone_step_by_step_and_each_step_is_harmless_twice() {
    let table = held();
    let allocated =
        allocate::handle(&table, &ManualClock::at(1000), Command::AllocateStock(command())).await.unwrap();
    assert!(matches!(allocated, AllocateStockResult::Allocated { .. }));
    assert_eq!(pool(&table, "TENT").sold, 3);
    assert!(matches!(release(&table, Command::ReleaseStock(command())).await, Err(StockError::Sold(ORDER))));
    for _ in 0..2 {
        release(&table, Command::ReleaseAllocation(command())).await.unwrap();
        assert_eq!(pool(&table, "TENT").held, 3);
        assert_eq!(table.nodes.borrow().values().sum::<i64>(), 10);
    }
    for _ in 0..2 {
        release(&table, Command::ReleaseStock(command())).await.unwrap();
        assert_eq!(pool(&table, "TENT").available, 10);
    }
}

#[tokio::test]
async fn a_release_that_comes_first_closes_what_it_would_have_released() {
    let table = stocked(&[("TENT", "wh-east", 10)]);
    release(&table, Command::ReleaseAllocation(command())).await.unwrap();
    release(&table, Command::ReleaseStock(command())).await.unwrap();
    assert_eq!(table.reservations.borrow()[&ORDER].status, ReservationStatus::Released);
    let late =
        allocate::handle(&table, &ManualClock::at(1000), Command::AllocateStock(command())).await.unwrap();
    assert!(matches!(late, AllocateStockResult::Refused { .. }));
    assert!(table.outboxes.published().is_empty());
}

#[tokio::test]
async fn a_release_that_was_overtaken_is_tried_again_and_a_foreign_command_is_refused() {
    let table = held();
    table.trouble.overtaken.set(2);
    release(&table, Command::ReleaseStock(command())).await.unwrap();
    assert_eq!(pool(&table, "TENT").available, 10);
    assert!(matches!(
        release(&table, Command::VoidLabels(command())).await,
        Err(StockError::Unexpected("VoidLabels"))
    ));
}

#[tokio::test]
async fn what_was_undone_counts_once_and_what_there_was_not_does_not() {
    let release_all = async |table: &MemoryInventory| {
        let metrics = MemoryMetrics::default();
        for _ in 0..2 {
            for command in [Command::ReleaseAllocation(command()), Command::ReleaseStock(command())] {
                handle(table, &ManualClock::at(1000), &metrics, command).await.unwrap();
            }
        }
        metrics.total(COMPENSATIONS)
    };
    let allocated = held();
    allocate::handle(&allocated, &ManualClock::at(1000), Command::AllocateStock(command())).await.unwrap();
    assert_eq!(release_all(&allocated).await, 2);
    assert_eq!(release_all(&held()).await, 1);
    assert_eq!(release_all(&stocked(&[("TENT", "wh-east", 10)])).await, 0);
}
