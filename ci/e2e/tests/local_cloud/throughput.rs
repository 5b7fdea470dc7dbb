//! Many orders at once lose nothing.

use std::time::{Duration, Instant};

use lakeside_e2e::{
    api::NewOrder,
    shop::Shop,
    stock::{level, on_hand},
};

const ORDERS: usize = 200;
const AT_ONCE: usize = 10;

#[tokio::test]
async fn two_hundred_orders_ten_at_a_time_are_all_sold_and_paid_once() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods_at(1_000, &[("wh-one", 300), ("wh-two", 300)], 4).await?;
    let orders: Vec<NewOrder> = (0..ORDERS).map(|_| NewOrder::of(&[(&tent, 1)])).collect();
    let began = Instant::now();
    shop.submit_all(&orders, AT_ONCE).await?;
    let accepted = began.elapsed();
    let ended = shop.all_ended(&orders, Duration::from_mins(12)).await?;
    println!(
        "{ORDERS} orders: accepted in {:.1} s, fulfilled in {:.1} s",
        accepted.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    let not_fulfilled: Vec<_> = ended.iter().filter(|(_, state)| *state != "FULFILLED").collect();
    assert!(not_fulfilled.is_empty(), "{not_fulfilled:?}");

    let level = level(&shop.cloud, &tent.sku).await?;
    assert_eq!((level.available, level.held, level.sold), (400, 0, 200));
    assert_eq!(on_hand(&shop.cloud, &tent.sku).await?, 400);
    let ledger = shop.cloud.sandbox.ledger().await?;
    let ids: std::collections::BTreeSet<String> = orders.iter().map(NewOrder::id).collect();
    let payments: Vec<_> =
        ledger.payments.iter().filter(|payment| ids.contains(&payment.reference)).collect();
    assert_eq!(payments.len(), ORDERS);
    assert!(payments.iter().all(|payment| (payment.charges, payment.kept()) == (1, 1_000)));
    Ok(())
}
