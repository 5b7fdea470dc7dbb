//! The order id is the idempotency key, forever.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use anyhow::Context;
use futures::future::try_join_all;
use lakeside_domain::{order_status::Status, reservation::ReservationStatus};
use lakeside_e2e::{api::NewOrder, customer::Customer, poll::eventually, shop::Shop, stock::level};
use reqwest::StatusCode;

const SUBMISSIONS: usize = 100;

#[tokio::test]
async fn one_order_id_submitted_a_hundred_times_at_once_is_one_order() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    try_join_all((0..SUBMISSIONS).map(|_| shop.cloud.api.submit(&shop.customer, &order))).await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!(view.status, Status::Fulfilled);
    // Some of the hundred may still wait; none of them may do anything.
    for function in ["order-ingest", "reserve-stock", "start-fulfilment"] {
        shop.cloud.drained(&shop.cloud.name(function), Duration::from_mins(5)).await?;
    }

    let records = shop.records(order.order_id).await?;
    assert_eq!(records.conflicts(), Vec::<&serde_json::Value>::new());
    let reservation = records.reservation()?.context("a reservation")?;
    assert_eq!(reservation.status, ReservationStatus::Committed);
    assert_eq!(reservation.takes.iter().map(|take| take.units).sum::<u64>(), 1);
    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (9, 0, 1));
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    assert_eq!(shop.cloud.sandbox.labels(order.order_id).await?.len(), 1);
    let executions = shop.cloud.executions(None).await?;
    let own = executions.iter().filter(|execution| execution.name.contains(&order.id())).count();
    assert_eq!(own, 1);
    Ok(())
}

#[tokio::test]
async fn another_payload_or_customer_under_a_used_id_changes_nothing_and_is_recorded() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let stranger = Customer::sign_up(&shop.cloud).await?;
    let tent = shop.goods(10).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let before = shop.records(order.order_id).await?;

    let mut more = NewOrder::of(&[(&tent, 5)]);
    more.order_id = order.order_id;
    shop.cloud.api.submit(&shop.customer, &more).await?;
    shop.cloud.api.submit(&stranger, &order).await?;
    let conflicts = eventually("the record of both conflicts", Duration::from_mins(1), async || {
        let records = shop.records(order.order_id).await?;
        let conflicts: Vec<_> = records.conflicts().into_iter().cloned().collect();
        Ok(if conflicts.len() == 2 {
            ControlFlow::Break(conflicts)
        } else {
            ControlFlow::Continue(format!("there are {}", conflicts.len()))
        })
    })
    .await?;
    let senders: BTreeSet<_> = conflicts.iter().filter_map(|item| item["customerId"].as_str()).collect();
    assert_eq!(senders, [shop.customer.id.as_str(), stranger.id.as_str()].into());

    let after = shop.records(order.order_id).await?;
    assert_eq!(after.order(), before.order());
    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.sold), (9, 1));
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    let seen = shop.cloud.api.get(Some(&stranger.token), &order.id()).await?;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert!(!seen.body.contains(&shop.customer.id), "{}", seen.body);
    Ok(())
}
