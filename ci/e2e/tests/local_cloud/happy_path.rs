//! An order without trouble, and who may see it.

use anyhow::Context;
use lakeside_contracts::api::OrderStatusView;
use lakeside_domain::{order_status::Status, reservation::ReservationStatus};
use lakeside_e2e::{
    api::NewOrder,
    customer::Customer,
    shop::Shop,
    stock::{level, on_hand},
};
use reqwest::StatusCode;

#[tokio::test]
async fn an_order_of_two_lines_is_fulfilled() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(24_900, &[("wh-one", 5)], 1).await?;
    let stove = shop.goods_at(5_900, &[("store-two", 5)], 1).await?;
    let order = NewOrder::of(&[(&tent, 1), (&stove, 2)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let events = [
        "OrderCreated",
        "StockReserved",
        "PaymentCaptured",
        "OrderConfirmed",
        "WarehouseAllocated",
        "StockCommitted",
        "ShipmentLabelled",
        "FulfilmentCompleted",
        "OrderFulfilled",
    ];
    shop.sees(order.order_id, &events).await?;

    for (goods, left, sold) in [(&tent, 4, 1), (&stove, 3, 2)] {
        let level = level(&shop.cloud, &goods.sku).await?;
        assert_eq!((level.available, level.held, level.sold), (left, 0, sold));
        assert_eq!(on_hand(&shop.cloud, &goods.sku).await?, left);
    }
    let records = shop.records(order.order_id).await?;
    assert_eq!(records.reservation()?.context("a reservation")?.status, ReservationStatus::Committed);
    assert_eq!(records.allocation()?.context("an allocation")?.shipments.len(), 2);
    assert_eq!(records.payment_status(), Some("CAPTURED"));
    assert_eq!(records.label_statuses(), ["CREATED", "CREATED"]);

    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    let labels = shop.cloud.sandbox.labels(order.order_id).await?;
    assert_eq!(labels.iter().map(|label| label.issued).collect::<Vec<_>>(), [1, 1]);
    Ok(())
}

#[tokio::test]
async fn an_order_is_seen_by_its_owner_only() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let stranger = Customer::sign_up(&shop.cloud).await?;
    let tent = shop.goods(1).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;

    let own = shop.cloud.api.get(Some(&shop.customer.token), &order.id()).await?;
    assert_eq!(own.status, StatusCode::OK);
    let view: OrderStatusView = serde_json::from_str(&own.body)?;
    assert_eq!(view.order_id.to_string(), order.id());

    let foreign = shop.cloud.api.get(Some(&stranger.token), &order.id()).await?;
    let unknown = shop.cloud.api.get(Some(&stranger.token), &uuid::Uuid::new_v4().to_string()).await?;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    // Nothing tells an order of somebody else from one that does not exist.
    assert_eq!(foreign.body, unknown.body);
    assert_eq!(shop.cloud.api.get(None, &order.id()).await?.status, StatusCode::UNAUTHORIZED);
    Ok(())
}
