//! Never more sold than there is, never less.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use lakeside_domain::{
    ids::OrderId,
    order_status::Status,
    reservation::{Guard, Plan, Reservation, ReservationStatus, Take},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_e2e::{
    api::NewOrder,
    poll::eventually,
    shop::Shop,
    stock::{Goods, level, on_hand, pools},
};
use lakeside_inventory::{
    inventory_table::InventoryTable,
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
};
use uuid::Uuid;

const BUYERS: usize = 200;
const UNITS: usize = 50;

#[tokio::test]
async fn two_hundred_buyers_of_fifty_units_get_exactly_fifty() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(1_000, &[("wh-one", 30), ("store-two", 20)], 4).await?;
    let orders: Vec<NewOrder> = (0..BUYERS).map(|_| NewOrder::of(&[(&tent, 1)])).collect();
    shop.submit_all(&orders, BUYERS).await?;
    let ended = shop.all_ended(&orders, Duration::from_mins(10)).await?;
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for state in ended.values() {
        *states.entry(state).or_default() += 1;
    }
    assert_eq!(states, [("FULFILLED", UNITS), ("REJECTED", BUYERS - UNITS)].into());

    let counts = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((counts.available, counts.held, counts.sold, counts.received), (0, 0, 50, 50));
    // Reading a pool checks that none of its counts is negative and that they add up.
    assert_eq!(pools(&shop.cloud, &tent.sku).await?.len(), 4);
    assert_eq!(on_hand(&shop.cloud, &tent.sku).await?, 0);
    for order in &orders {
        let view = shop.ended(order.order_id).await?;
        let payment = shop.cloud.sandbox.payment(order.order_id).await?;
        if view.status == Status::Rejected {
            assert_eq!(view.reason.context("a reason")?.as_str(), "OUT_OF_STOCK");
            assert_eq!(payment, None);
        } else {
            assert_eq!(payment.map(|payment| (payment.charges, payment.kept())), Some((1, 1_000)));
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_order_with_one_line_sold_out_gets_nothing_of_the_others() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let (tent, stove, rope) = (shop.goods(10).await?, shop.goods(1).await?, shop.goods(10).await?);
    let order = NewOrder::of(&[(&tent, 2), (&stove, 2), (&rope, 2)]);
    shop.place_and_expect(&order, Status::Rejected, Some("OUT_OF_STOCK")).await?;
    for (goods, units) in [(&tent, 10), (&stove, 1), (&rope, 10)] {
        let level = level(&shop.cloud, &goods.sku).await?;
        assert_eq!((level.available, level.held, level.sold), (units, 0, 0));
    }
    let reservation = shop.records(order.order_id).await?.reservation()?.context("a reservation")?;
    assert_eq!(reservation.status, ReservationStatus::Refused);
    assert_eq!(reservation.takes, []);
    assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?, None);
    Ok(())
}

/// Holds two units for an order that no saga is about, until a time in seconds from now.
async fn hold(table: &InventoryTable, goods: &Goods, until: i64) -> anyhow::Result<Reservation> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let reservation = Reservation {
        order_id: OrderId::from_uuid(Uuid::new_v4()),
        status: ReservationStatus::Held,
        takes: vec![Take { sku: goods.sku.clone(), pool: PoolId(0), units: 2 }],
        expires_at: Timestamp::from_millis((now + until) * 1000),
    };
    let guards = [((goods.sku.clone(), PoolId(0)), Guard { take: 2, at_most: None })].into();
    let new = NewReservation { reservation: reservation.clone(), outbox: Vec::new() };
    assert_eq!(table.reserve(&Plan { guards, ..Plan::default() }, &[new]).await?, Committed::Yes);
    Ok(reservation)
}

#[tokio::test]
async fn the_clock_puts_back_what_is_held_for_nobody_and_nothing_else() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let table = InventoryTable::new(shop.cloud.dynamodb.clone(), shop.cloud.name("inventory"));
    let forsaken = hold(&table, &tent, -7_200).await?;
    let live = hold(&table, &tent, 7_200).await?;
    let swept = "units held for nobody go back on sale";
    eventually(swept, Duration::from_mins(4), async || {
        let level = level(&shop.cloud, &tent.sku).await?;
        Ok(match (level.available, level.held) {
            (8, 2) => ControlFlow::Break(()),
            counts => ControlFlow::Continue(format!("{counts:?} are available and held")),
        })
    })
    .await?;
    let status = async |hold: &Reservation| {
        anyhow::Ok(ReleaseStore::reservation(&table, hold.order_id).await?.context("a reservation")?.status)
    };
    assert_eq!(status(&forsaken).await?, ReservationStatus::Released);
    assert_eq!(status(&live).await?, ReservationStatus::Held);
    assert_eq!(table.release_reservation(&live, &[]).await?, Committed::Yes);
    Ok(())
}
