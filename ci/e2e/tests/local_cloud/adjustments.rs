//! Stock that no order changes: receipts, counts, what stores sell; and the reconciliation that looks at all of it.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_dynamodb::types::AttributeValue;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    adjustments::{Adjustment, reconcile},
    api::NewOrder,
    capture::Capture,
    cloud::{Cloud, table},
    logs,
    poll::eventually,
    records::with_key,
    shop::{PATIENCE, Shop},
    stock::{Goods, level, on_hand, pools, put_into_catalogue},
};
use serde_json::{Value, json};

fn applied() -> (String, Option<String>) {
    ("APPLIED".into(), None)
}

fn refused(reason: &str) -> (String, Option<String>) {
    ("REFUSED".into(), Some(reason.into()))
}

/// available, held, sold, received, on hand.
async fn counts(cloud: &Cloud, goods: &Goods) -> anyhow::Result<[u64; 5]> {
    let level = level(cloud, &goods.sku).await?;
    let on_hand = on_hand(cloud, &goods.sku).await?;
    Ok([level.available, level.held, level.sold, level.received, on_hand])
}

/// How often an item of a SKU was written.
async fn version(cloud: &Cloud, goods: &Goods, sk: &str) -> anyhow::Result<Option<u64>> {
    let items = with_key(cloud, table::INVENTORY, &format!("SKU#{}", goods.sku)).await?;
    let item = items.iter().find(|item| item.get("sk").and_then(Value::as_str) == Some(sk));
    Ok(item.and_then(|item| item.get("version")?.as_u64()))
}

#[tokio::test]
async fn goods_that_come_in_can_be_ordered_and_sold_at_a_store() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = Goods::unique(1_000)?;
    put_into_catalogue(cloud, &tent).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place_and_expect(&order, Status::Rejected, Some("OUT_OF_STOCK")).await?;

    assert_eq!(Adjustment::of("RECEIPT", "wh-one", &tent, 5).make(cloud).await?, applied());
    assert_eq!(counts(cloud, &tent).await?, [5, 0, 0, 5, 5]);
    assert_eq!(version(cloud, &tent, "POOL#0").await?, Some(1));
    shop.place_and_expect(&NewOrder::of(&[(&tent, 2)]), Status::Fulfilled, None).await?;
    assert_eq!(counts(cloud, &tent).await?, [3, 0, 2, 5, 3]);

    assert_eq!(Adjustment::of("RECEIPT", "store-two", &tent, 4).make(cloud).await?, applied());
    assert_eq!(Adjustment::of("COUNT", "wh-one", &tent, -1).make(cloud).await?, applied());
    let sale = Adjustment::of("STORE_SALE", "store-two", &tent, 3);
    sale.send_as_sale(cloud, "partner-two").await?;
    assert_eq!(sale.decided(cloud).await?, applied());
    assert_eq!(counts(cloud, &tent).await?, [3, 0, 5, 8, 3]);
    assert_eq!(version(cloud, &tent, "NODE#store-two").await?, Some(2));
    Ok(())
}

#[tokio::test]
async fn the_same_change_again_changes_nothing_and_another_under_its_id_is_kept() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(10).await?;
    let sale = Adjustment::of("STORE_SALE", "wh-one", &tent, 2);
    let mut capture = Capture::of_orders(cloud, &[sale.id]).await?;
    for _ in 0..3 {
        assert_eq!(sale.make(cloud).await?, applied());
    }
    let other = Adjustment { lines: vec![(tent.sku.clone(), 3)], ..sale.clone() };
    other.send(cloud).await?;
    sale.send_as_sale(cloud, "partner-one").await?;
    sale.contradicted(cloud, 2).await?;
    assert_eq!(counts(cloud, &tent).await?, [8, 0, 2, 10, 8]);

    let said = format!("what is said of adjustment {}", sale.id);
    let told = eventually(&said, Duration::from_mins(2), async || {
        capture.take_in(cloud).await?;
        let told: Vec<String> = capture.heard.iter().map(|event| event.detail_type.clone()).collect();
        Ok(if told.is_empty() { ControlFlow::Continue("nothing".into()) } else { ControlFlow::Break(told) })
    })
    .await?;
    assert_eq!(told, ["StockAdjusted"]);
    capture.close(cloud).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_promised_is_neither_counted_away_nor_sold_over_the_counter() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    // Above the threshold a person must approve: the order's units stay promised until then.
    let threshold = cloud.approval_threshold_minor().await?;
    let boat = shop.goods_at(threshold + 1, &[("wh-one", 2), ("store-two", 1)], 1).await?;
    let order = NewOrder::of(&[(&boat, 2)]);
    cloud.api.submit(&shop.customer, &order).await?;
    shop.sees(order.order_id, &["StockReserved"]).await?;
    let count = Adjustment::of("COUNT", "wh-one", &boat, -2);
    assert_eq!(count.make(cloud).await?, refused("STOCK_PROMISED"));
    let sale = Adjustment::of("STORE_SALE", "store-two", &boat, 2);
    assert_eq!(sale.make(cloud).await?, refused("NODE_SHORT"));
    assert_eq!(counts(cloud, &boat).await?, [1, 2, 0, 3, 3]);
    let last = Adjustment::of("STORE_SALE", "store-two", &boat, 1);
    assert_eq!(last.make(cloud).await?, applied());
    let token = eventually("a request for approval", PATIENCE, async || {
        let records = shop.records(order.order_id).await?;
        let token = records.approval().and_then(|approval| approval.get("taskToken")?.as_str());
        Ok(token.map_or_else(
            || ControlFlow::Continue("there is none".into()),
            |token| ControlFlow::Break(token.to_owned()),
        ))
    })
    .await?;
    cloud.answer_task(&token, &json!({ "decision": "DENIED" })).await?;
    shop.ended(order.order_id).await?;
    assert_eq!(counts(cloud, &boat).await?, [2, 0, 1, 3, 2]);
    Ok(())
}

#[tokio::test]
async fn the_reconciliation_finds_a_unit_that_only_one_side_knows_and_nothing_else() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let (sound, broken) = (shop.goods(5).await?, shop.goods(5).await?);
    let key = |name: &str, text: String| (name.to_owned(), AttributeValue::S(text));
    let change = async |by: i64| {
        let keys = [key("pk", format!("SKU#{}", broken.sku)), key("sk", "NODE#wh-one".into())];
        let request = cloud.dynamodb.update_item().table_name(cloud.name(table::INVENTORY));
        let request = request.set_key(Some(keys.into())).update_expression("ADD on_hand :by, version :one");
        let request = request.expression_attribute_values(":by", AttributeValue::N(by.to_string()));
        request.expression_attribute_values(":one", AttributeValue::N("1".into())).send().await?;
        anyhow::Ok(())
    };
    change(1).await?;
    let found = reconcile(cloud, &[&sound.sku, &broken.sku]).await;
    change(-1).await?;
    let found = found?;
    assert_eq!(found.get("agree"), Some(&json!(1)), "{found}");
    let different = found.get("different").and_then(Value::as_object).context("differences")?;
    assert_eq!(different.keys().collect::<Vec<_>>(), [broken.sku.as_str()]);
    // What the alarm looks for.
    let line = eventually("the difference in the log", Duration::from_mins(1), async || {
        let lines = logs::all(cloud).await?;
        let line =
            lines.into_iter().find(|line| line.contains(broken.sku.as_str()) && line.contains("outcome"));
        Ok(line.map_or(ControlFlow::Continue("it is not there".into()), ControlFlow::Break))
    })
    .await?;
    let line: Value = serde_json::from_str(&line)?;
    assert_eq!(line.get("outcome"), Some(&json!("STOCK_DIFFERS")));
    let mended = reconcile(cloud, &[&sound.sku, &broken.sku]).await?;
    assert_eq!((mended.get("agree"), mended.get("different")), (Some(&json!(2)), Some(&json!({}))));
    Ok(())
}

#[tokio::test]
async fn operations_spread_a_sku_over_more_pools_and_take_them_back() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(9).await?;
    for (wanted, should) in [(3, vec![3, 3, 3]), (1, vec![9, 0, 0])] {
        let item = [
            ("pk".to_owned(), AttributeValue::S(format!("SKU#{}", tent.sku))),
            ("sk".to_owned(), AttributeValue::S("POOLS".into())),
            ("count".to_owned(), AttributeValue::N(wanted.to_string())),
        ];
        let table = cloud.name(table::INVENTORY);
        cloud.dynamodb.put_item().table_name(table).set_item(Some(item.into())).send().await?;
        let found = reconcile(cloud, &[&tent.sku]).await?;
        assert_eq!((found.get("agree"), found.get("moves")), (Some(&json!(1)), Some(&json!(2))), "{found}");
        let available: Vec<u64> =
            pools(cloud, &tent.sku).await?.into_iter().map(lakeside_domain::stock::Pool::available).collect();
        assert_eq!(available, should);
    }
    shop.place_and_expect(&NewOrder::of(&[(&tent, 9)]), Status::Fulfilled, None).await?;
    assert_eq!(counts(cloud, &tent).await?, [0, 0, 9, 9, 0]);
    Ok(())
}
