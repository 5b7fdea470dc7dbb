//! The same fact told again, and in another order, changes nothing.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use lakeside_contracts::Delivery;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, event_id, publish_again},
    poll::eventually,
    shop::{PATIENCE, Shop},
    stock::level,
};
use uuid::Uuid;

const FUNCTIONS: [&str; 4] = ["reserve-stock", "start-fulfilment", "advance-order", "order-status"];

/// Three times, and each time the other way round than it happened.
fn thrice_and_backwards(events: &[Delivery]) -> Vec<Delivery> {
    let backwards: Vec<Delivery> = events.iter().rev().cloned().collect();
    [backwards.clone(), backwards.clone(), backwards].concat()
}

/// The events that were heard, each once.
fn facts(capture: &Capture) -> Vec<Delivery> {
    let mut seen = BTreeSet::new();
    let new = |event: &&Delivery| event_id(event).is_some_and(|id| seen.insert(id.to_owned()));
    capture.heard.iter().filter(new).cloned().collect()
}

#[tokio::test]
async fn events_told_three_times_and_backwards_change_no_ended_order() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let fulfilled = NewOrder::of(&[(&tent, 1)]);
    let declined = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    let sold_out = NewOrder::of(&[(&tent, 100)]);
    let orders = [&fulfilled, &declined, &sold_out];
    let ids: Vec<Uuid> = orders.iter().map(|order| order.order_id).collect();
    let mut capture = Capture::of_orders(&shop.cloud, &ids).await?;
    for order in orders {
        shop.place(order).await?;
    }
    // Customers hear of their orders last of all: of what is sold twice, for it is confirmed first.
    for (id, told) in ids.iter().zip([
        &["OrderFulfilled", "LoyaltyPointsAccrued", "CustomerNotified", "CustomerNotified"][..],
        &["OrderCancelled", "StockReleased", "FulfilmentFailed", "CustomerNotified"],
        &["OrderRejected", "FulfilmentFailed", "CustomerNotified"],
    ]) {
        capture.hear(&shop.cloud, &[*id], told, PATIENCE).await?;
    }
    let facts = facts(&capture);
    let mut before = Vec::new();
    for id in &ids {
        before.push((shop.records(*id).await?, shop.cloud.sandbox.payment(*id).await?));
    }
    let stock_before = level(&shop.cloud, &tent.sku).await?;

    let told = thrice_and_backwards(&facts);
    publish_again(&shop.cloud, &told).await?;
    let expected = capture.heard.len() + told.len();
    eventually("the arrival of every event", PATIENCE, async || {
        capture.take_in(&shop.cloud).await?;
        Ok(if capture.heard.len() >= expected {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(format!("{} of {expected}", capture.heard.len()))
        })
    })
    .await?;
    for function in FUNCTIONS {
        shop.cloud.drained(&shop.cloud.name(function), Duration::from_mins(5)).await?;
    }
    for (id, before) in ids.iter().zip(before) {
        let after = (shop.records(*id).await?, shop.cloud.sandbox.payment(*id).await?);
        assert_eq!(after, before);
    }
    assert_eq!(level(&shop.cloud, &tent.sku).await?, stock_before);
    // Nothing was announced again either: every fact heard is one of the first.
    let known: BTreeSet<_> = facts.iter().filter_map(event_id).collect();
    let is_new = |event: &&Delivery| event_id(event).is_none_or(|id| !known.contains(id));
    let new: Vec<&str> = capture.heard.iter().filter(is_new).map(|event| &*event.detail_type).collect();
    assert!(new.is_empty(), "{new:?}");
    capture.close(&shop.cloud).await
}

#[tokio::test]
async fn events_told_three_times_and_backwards_while_the_order_is_under_way_end_in_the_same_state()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let undisturbed = NewOrder::of(&[(&tent, 1)]);
    shop.place(&undisturbed).await?;

    let order = NewOrder::of(&[(&tent, 1)]);
    let mut capture = Capture::of_orders(&shop.cloud, &[order.order_id]).await?;
    shop.cloud.api.submit(&shop.customer, &order).await?;
    let mut told = BTreeSet::new();
    eventually("the end of the disturbed order", PATIENCE, async || {
        capture.take_in(&shop.cloud).await?;
        let facts = facts(&capture);
        let is_new = facts.iter().filter_map(event_id).any(|id| !told.contains(id));
        if is_new {
            told.extend(facts.iter().filter_map(event_id).map(str::to_owned));
            publish_again(&shop.cloud, &thrice_and_backwards(&facts)).await?;
        }
        Ok(if facts.iter().any(|event| event.detail_type == "OrderFulfilled") {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(format!("{:?}", capture.kinds()))
        })
    })
    .await?;
    let view = shop.ended(order.order_id).await?;
    for function in FUNCTIONS {
        shop.cloud.drained(&shop.cloud.name(function), Duration::from_mins(5)).await?;
    }
    assert_eq!(view.status, Status::Fulfilled);
    let kinds = |view: &lakeside_contracts::api::OrderStatusView| -> BTreeSet<String> {
        view.timeline.iter().map(|entry| entry.event.clone()).collect()
    };
    // Only now has the view heard everything about either of them.
    let (calm, last) = (shop.ended(undisturbed.order_id).await?, shop.ended(order.order_id).await?);
    assert_eq!(kinds(&last), kinds(&calm));
    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (8, 0, 2));
    let payment = shop.cloud.sandbox.payment(order.order_id).await?;
    assert_eq!(payment.map(|payment| (payment.charges, payment.kept())), Some((1, 1_000)));
    assert_eq!(shop.cloud.sandbox.labels(order.order_id).await?.len(), 1);
    capture.close(&shop.cloud).await
}
