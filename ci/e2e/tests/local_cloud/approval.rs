//! Orders above a threshold wait for a person.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    poll::eventually,
    shop::{PATIENCE, Shop},
    stock::{Goods, level},
};
use serde_json::{Value, json};

/// Goods of which one unit is worth more than the threshold, and two units of them.
pub async fn precious(shop: &Shop) -> anyhow::Result<Goods> {
    let threshold = shop.cloud.approval_threshold_minor().await?;
    shop.goods_at(threshold + 1, &[("wh-one", 2)], 1).await
}

/// Waits for the request for approval, and answers its token.
pub async fn requested(shop: &Shop, goods: &Goods, order: &NewOrder) -> anyhow::Result<String> {
    let token = eventually("a request for approval", PATIENCE, async || {
        let records = shop.records(order.order_id).await?;
        let token = records.approval().and_then(|approval| approval.get("taskToken")?.as_str());
        Ok(token.map_or_else(
            || ControlFlow::Continue(format!("the order is {:?}", records.state())),
            |token| ControlFlow::Break(token.to_owned()),
        ))
    })
    .await?;
    // Held, not paid: that is what the decision is about.
    let level = level(&shop.cloud, &goods.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (1, 1, 0));
    assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?, None);
    Ok(token)
}

/// Waits for the request for approval and answers the saga's token as operations would.
async fn decide(shop: &Shop, goods: &Goods, order: &NewOrder, decision: &str) -> anyhow::Result<()> {
    let token = requested(shop, goods, order).await?;
    shop.cloud.answer_task(&token, &json!({ "decision": decision })).await
}

/// Nothing is left of `order`.
pub async fn given_up(shop: &Shop, goods: &Goods, order: &NewOrder) -> anyhow::Result<()> {
    let level = level(&shop.cloud, &goods.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (2, 0, 0));
    assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_approved_order_is_paid_and_fulfilled() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    decide(&shop, &goods, &order, "APPROVED").await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!(view.status, Status::Fulfilled);
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    Ok(())
}

#[tokio::test]
async fn a_denied_order_is_cancelled_and_its_stock_released() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    decide(&shop, &goods, &order, "DENIED").await?;
    let view = shop.ended(order.order_id).await?;
    assert_eq!(view.status, Status::Cancelled);
    assert_eq!(view.reason.context("a reason")?.as_str(), "APPROVAL_DENIED");
    given_up(&shop, &goods, &order).await
}

#[tokio::test]
async fn an_order_nobody_decides_on_is_cancelled_and_its_stock_released() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let timeout = shop.cloud.approval_timeout().await?;
    assert!(timeout <= Duration::from_mins(2), "a test cannot wait {} s", timeout.as_secs());
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.place_and_expect(&order, Status::Cancelled, Some("APPROVAL_TIMED_OUT")).await?;
    let records = shop.records(order.order_id).await?;
    let approval = records.approval().context("a request for approval")?;
    assert_eq!(approval.pointer("/total/amount").and_then(Value::as_i64), Some(order.total_minor()));
    given_up(&shop, &goods, &order).await
}

#[tokio::test]
async fn an_order_at_the_threshold_needs_no_approval() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let threshold = shop.cloud.approval_threshold_minor().await?;
    let goods = shop.goods_at(threshold, &[("wh-one", 1)], 1).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    assert_eq!(shop.records(order.order_id).await?.approval(), None);
    Ok(())
}
