//! Points and messages: once for each fact, however often it is told, and nothing for orders that come to nothing.

use std::time::Duration;

use lakeside_contracts::Delivery;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, publish_again},
    growth::{Growth, points},
    mailbox,
    shop::{PATIENCE, Shop},
};

/// Tells the facts about orders again, three times and backwards, and waits until growth has heard them.
async fn tell_again(shop: &Shop, capture: &Capture) -> anyhow::Result<()> {
    let facts = capture.heard.iter().rev().filter(|event| event.source == "lakeside.orders");
    let facts: Vec<Delivery> = facts.cloned().collect();
    assert!(!facts.is_empty());
    publish_again(&shop.cloud, &[facts.clone(), facts.clone(), facts].concat()).await?;
    for function in ["accrue-loyalty", "notify-customer"] {
        shop.cloud.drained(&shop.cloud.name(function), Duration::from_mins(5)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_fulfilled_order_earns_its_points_once() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(24_950, &[("wh-one", 5)], 1).await?;
    let order = NewOrder::of(&[(&tent, 2)]);
    let mut capture = Capture::of_orders(&shop.cloud, &[order.order_id]).await?;
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let growth = Growth::settled(&shop.cloud, order.order_id, "ACCRUED", &[], PATIENCE).await?;
    assert_eq!(growth.award, Some(("ACCRUED".to_owned(), 499)));
    assert_eq!(points(&shop.cloud, &shop.customer.id).await?, 499);
    capture.hear(&shop.cloud, &[order.order_id], &["LoyaltyPointsAccrued"], PATIENCE).await?;

    tell_again(&shop, &capture).await?;
    assert_eq!(points(&shop.cloud, &shop.customer.id).await?, 499);

    let second = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&second, Status::Fulfilled, None).await?;
    Growth::settled(&shop.cloud, second.order_id, "ACCRUED", &[], PATIENCE).await?;
    assert_eq!(points(&shop.cloud, &shop.customer.id).await?, 499 + 249);
    capture.close(&shop.cloud).await
}

#[tokio::test]
async fn orders_that_come_to_nothing_earn_nothing() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let declined = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    let sold_out = NewOrder::of(&[(&tent, 100)]);
    for (order, status, told) in
        [(&declined, Status::Cancelled, "CANCELLED"), (&sold_out, Status::Rejected, "REJECTED")]
    {
        assert_eq!(shop.place(order).await?.status, status);
        Growth::settled(&shop.cloud, order.order_id, "OPEN", &[(told, "SENT")], PATIENCE).await?;
    }
    assert_eq!(points(&shop.cloud, &shop.customer.id).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_customer_is_told_each_fact_once_by_the_way_they_prefer() -> anyhow::Result<()> {
    for channel in ["EMAIL", "SMS"] {
        let mut shop = Shop::open().await?;
        shop.customer = shop.customer.preferring(&shop.cloud, channel).await?;
        let tent = shop.goods(5).await?;
        let order = NewOrder::of(&[(&tent, 1)]);
        let mut capture = Capture::of_orders(&shop.cloud, &[order.order_id]).await?;
        shop.place_and_expect(&order, Status::Fulfilled, None).await?;
        let told = [("CONFIRMED", "SENT"), ("FULFILLED", "SENT")];
        let growth = Growth::settled(&shop.cloud, order.order_id, "ACCRUED", &told, PATIENCE).await?;
        for (what, (_, by)) in &growth.notices {
            assert_eq!(by.as_deref(), Some(channel), "{what}");
        }
        capture.hear(&shop.cloud, &[order.order_id], &["CustomerNotified"], PATIENCE).await?;

        tell_again(&shop, &capture).await?;
        let arrived = mailbox::of(&shop.cloud, &shop.customer.contact).await?;
        assert_eq!(arrived.len(), 2, "{arrived:?}");
        assert!(arrived.iter().all(|text| text.contains(&order.id())), "{arrived:?}");
        assert_eq!(Growth::of(&shop.cloud, order.order_id).await?, growth);
        capture.close(&shop.cloud).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_customer_who_wants_no_messages_gets_none() -> anyhow::Result<()> {
    let mut shop = Shop::open().await?;
    shop.customer = shop.customer.preferring(&shop.cloud, "NONE").await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let silence = [("CONFIRMED", "NOT_WANTED"), ("FULFILLED", "NOT_WANTED")];
    Growth::settled(&shop.cloud, order.order_id, "ACCRUED", &silence, PATIENCE).await?;
    assert_eq!(mailbox::of(&shop.cloud, &shop.customer.contact).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_order_to_an_address_that_nobody_has_is_undone() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]).shipped_to("addr_of_nobody");
    shop.place_and_expect(&order, Status::Cancelled, Some("LABEL_REFUSED")).await?;
    let records = shop.records(order.order_id).await?;
    assert_eq!(records.label_reasons(), ["ADDRESS_UNKNOWN"]);
    assert_eq!(shop.cloud.sandbox.payment(order.order_id).await?.map(|payment| payment.kept()), Some(0));
    Ok(())
}
