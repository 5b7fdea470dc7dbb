//! What happens when an order is paid and cannot be shipped: everything is undone.

use anyhow::{Context, ensure};
use lakeside_domain::{allocation::AllocationStatus, order_status::Status, reservation::ReservationStatus};
use lakeside_e2e::{
    api::NewOrder,
    shop::Shop,
    stock::{level, on_hand},
};

/// Places an order that cannot be shipped to `address`, and expects money, stock and labels to be given back.
async fn undone(address: &str, payment_method: &str, reason: &str) -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(1_000, &[("wh-one", 3)], 1).await?;
    let stove = shop.goods_at(500, &[("store-two", 3)], 1).await?;
    let order = NewOrder::of(&[(&tent, 1), (&stove, 1)]).shipped_to(address).paid_with(payment_method);
    shop.place_and_expect(&order, Status::Cancelled, Some(reason)).await?;
    let events = ["PaymentCaptured", "WarehouseAllocated", "PaymentRefunded", "StockReleased"];
    shop.sees(order.order_id, &events).await?;
    for goods in [&tent, &stove] {
        let level = level(&shop.cloud, &goods.sku).await?;
        ensure!((level.available, level.held, level.sold) == (3, 0, 0), "{level:?}");
        ensure!(on_hand(&shop.cloud, &goods.sku).await? == 3, "units are missing at the nodes");
    }
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    ensure!((payment.charges, payment.captured_amount) == (1, order.total_minor()), "{payment:?}");
    ensure!(payment.kept() == 0, "{payment:?}");
    let labels = shop.cloud.sandbox.labels(order.order_id).await?;
    ensure!(labels.iter().all(|label| label.status != "created"), "{labels:?}");
    let records = shop.records(order.order_id).await?;
    let reservation = records.reservation()?.context("a reservation")?;
    ensure!(reservation.status == ReservationStatus::Released, "{reservation:?}");
    let allocation = records.allocation()?.context("an allocation")?;
    ensure!(allocation.status == AllocationStatus::Released, "{allocation:?}");
    Ok(())
}

#[tokio::test]
async fn a_refused_label_is_refunded_and_the_stock_released() -> anyhow::Result<()> {
    undone("addr_sandbox_undeliverable", "pm_card_on_file", "LABEL_REFUSED").await
}

#[tokio::test]
async fn a_carrier_that_is_down_is_given_up_after_retries() -> anyhow::Result<()> {
    undone("addr_sandbox_carrier_down", "pm_card_on_file", "LABEL_UNKNOWN").await
}

#[tokio::test]
async fn a_refund_that_fails_once_is_made_again() -> anyhow::Result<()> {
    undone("addr_sandbox_undeliverable", "pm_sandbox_refund_error_once", "LABEL_REFUSED").await
}

#[tokio::test]
async fn a_refund_that_takes_its_time_is_waited_for() -> anyhow::Result<()> {
    undone("addr_sandbox_undeliverable", "pm_sandbox_refund_pending", "LABEL_REFUSED").await
}

#[tokio::test]
async fn a_label_that_appears_after_a_timeout_is_used_once_or_voided() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(3).await?;
    let order = NewOrder::of(&[(&tent, 1)]).shipped_to("addr_sandbox_timeout_lands");
    let view = shop.place(&order).await?;
    let labels = shop.cloud.sandbox.labels(order.order_id).await?;
    let valid = labels.iter().filter(|label| label.status == "created").count();
    assert!(labels.iter().all(|label| label.issued <= 1), "{labels:?}");
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    let level = level(&shop.cloud, &tent.sku).await?;
    if view.status == Status::Fulfilled {
        assert_eq!((valid, payment.kept(), level.sold), (1, order.total_minor(), 1));
    } else {
        assert_eq!((valid, payment.kept(), level.available), (0, 0, 3));
    }
    Ok(())
}
