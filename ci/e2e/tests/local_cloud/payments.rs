//! One charge per order, and none for an order that does not go out, whatever the processor does.

use anyhow::{Context, ensure};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{api::NewOrder, shop::Shop, stock::level};

/// Places an order of one unit paid with `method` and expects it to be fulfilled after exactly one charge.
async fn charged_once(method: &str) -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]).paid_with(method);
    shop.place_and_expect(&order, Status::Fulfilled, None).await?;
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    ensure!((payment.charges, payment.kept()) == (1, order.total_minor()), "{payment:?}");
    Ok(())
}

/// Places an order of one unit paid with `method` and expects it to leave no trace in stock or money.
async fn declined(method: &str) -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]).paid_with(method);
    shop.place_and_expect(&order, Status::Cancelled, Some("PAYMENT_DECLINED")).await?;
    shop.sees(order.order_id, &["PaymentDeclined", "StockReleased"]).await?;
    let level = level(&shop.cloud, &tent.sku).await?;
    ensure!((level.available, level.held, level.sold) == (5, 0, 0), "{level:?}");
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    ensure!((payment.charges, payment.captured_amount) == (0, 0), "{payment:?}");
    Ok(())
}

#[tokio::test]
async fn a_declined_card_charges_nothing_and_frees_the_stock() -> anyhow::Result<()> {
    declined("pm_sandbox_declined").await
}

#[tokio::test]
async fn insufficient_funds_charge_nothing_and_free_the_stock() -> anyhow::Result<()> {
    declined("pm_sandbox_insufficient_funds").await
}

#[tokio::test]
async fn a_charge_that_lands_after_a_timeout_is_kept_once_or_refunded() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_timeout_lands");
    let view = shop.place(&order).await?;
    let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
    assert!(payment.charges <= 1, "{payment:?}");
    let level = level(&shop.cloud, &tent.sku).await?;
    if view.status == Status::Fulfilled {
        assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
        assert_eq!((level.available, level.held, level.sold), (4, 0, 1));
    } else {
        assert_eq!(payment.kept(), 0);
        assert_eq!((level.available, level.held, level.sold), (5, 0, 0));
    }
    Ok(())
}

#[tokio::test]
async fn a_charge_that_is_lost_in_a_timeout_is_made_again() -> anyhow::Result<()> {
    charged_once("pm_sandbox_timeout_lost").await
}

#[tokio::test]
async fn a_processor_that_fails_once_is_asked_again() -> anyhow::Result<()> {
    charged_once("pm_sandbox_error_once").await
}

#[tokio::test]
async fn a_charge_whose_answer_is_an_error_is_not_made_again() -> anyhow::Result<()> {
    charged_once("pm_sandbox_error_after_charge").await
}
