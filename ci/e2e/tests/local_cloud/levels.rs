//! What others read of the stock follows what there is of it, and nothing old brings it back.

use std::time::Duration;

use anyhow::Context;
use lakeside_contracts::{
    Delivery, Domain, Event, EventData, Metadata, SCHEMA_VERSION, WireTime,
    api::{StockOfSku, StockOfStore},
    events::{NodeStockChanged, StockLevelChanged},
};
use lakeside_domain::{events::EventId, ids::NodeId, order_status::Status, time::Timestamp};
use lakeside_e2e::{
    api::NewOrder,
    capture::publish_again,
    levels::{Levels, caught_up, seen_levels},
    shop::Shop,
    stock::Goods,
};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_mins(2);

/// A store that nobody else has.
fn store() -> String {
    format!("store-{}", &Uuid::new_v4().simple().to_string()[..12])
}

async fn of_sku(shop: &Shop, goods: &Goods) -> anyhow::Result<StockOfSku> {
    let reply = shop.cloud.api.stock(Some(&shop.customer.token), goods.sku.as_str()).await?;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    serde_json::from_str(&reply.body).context("no stock of a SKU")
}

async fn of_store(shop: &Shop, node: &str, page: &str) -> anyhow::Result<StockOfStore> {
    let reply = shop.cloud.api.store_stock(Some(&shop.customer.token), node, page).await?;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    serde_json::from_str(&reply.body).context("no stock of a store")
}

#[tokio::test]
async fn what_comes_on_sale_is_seen_and_an_order_moves_it() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let here = store();
    let tent = shop.goods_at(1_000, &[("wh-one", 4), (&here, 6)], 3).await?;
    let nodes = [("wh-one".to_owned(), 4), (here.clone(), 6)].into();
    let seen = caught_up(&shop.cloud, &tent.sku, PATIENCE).await?;
    assert_eq!(seen, Levels { available: Some(10), nodes });

    shop.place_and_expect(&NewOrder::of(&[(&tent, 3)]), Status::Fulfilled, None).await?;
    let seen = caught_up(&shop.cloud, &tent.sku, PATIENCE).await?;
    assert_eq!(seen.available, Some(7));
    assert_eq!(seen.nodes.values().sum::<u64>(), 7);

    let answered = of_sku(&shop, &tent).await?;
    assert_eq!(answered.available, 7);
    let nodes = answered.nodes.into_iter().map(|node| (node.node.to_string(), node.on_hand)).collect();
    assert_eq!(seen, Levels { available: Some(7), nodes });
    Ok(())
}

#[tokio::test]
async fn what_an_order_does_not_get_is_available_again() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    let declined = NewOrder::of(&[(&tent, 4)]).paid_with("pm_sandbox_declined");
    shop.place_and_expect(&declined, Status::Cancelled, Some("PAYMENT_DECLINED")).await?;
    let nodes = [("wh-one".to_owned(), 10)].into();
    let seen = caught_up(&shop.cloud, &tent.sku, PATIENCE).await?;
    assert_eq!(seen, Levels { available: Some(10), nodes });
    Ok(())
}

#[tokio::test]
async fn a_store_s_stock_is_read_page_by_page() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let here = store();
    let mut all = Vec::new();
    for units in [3, 1, 2] {
        let goods = shop.goods_at(1_000, &[(&here, units)], 1).await?;
        caught_up(&shop.cloud, &goods.sku, PATIENCE).await?;
        all.push((goods.sku, units));
    }
    all.sort();
    let rows =
        |page: StockOfStore| page.stock.into_iter().map(|row| (row.sku, row.on_hand)).collect::<Vec<_>>();
    let first = of_store(&shop, &here, "?limit=2").await?;
    let next = first.next.clone().context("a next page")?;
    assert_eq!(rows(first), all[..2]);
    let second = of_store(&shop, &here, &format!("?limit=2&after={next}")).await?;
    assert_eq!(second.next, None);
    assert_eq!(rows(second), all[2..]);
    assert_eq!(rows(of_store(&shop, &here, "").await?), all);
    assert_eq!(rows(of_store(&shop, &store(), "").await?), []);
    Ok(())
}

#[tokio::test]
async fn stock_is_read_by_customers_and_only_what_there_is() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let api = &shop.cloud.api;
    for token in [None, Some("token")] {
        assert_eq!(api.stock(token, "TENT-2P").await?.status, StatusCode::UNAUTHORIZED);
        assert_eq!(api.store_stock(token, "wh-one", "").await?.status, StatusCode::UNAUTHORIZED);
    }
    let token = Some(shop.customer.token.as_str());
    for sku in [Goods::unique(1)?.sku.as_str(), "no sku", "' OR 1=1 --"] {
        let reply = api.stock(token, sku).await?;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{sku}: {}", reply.body);
        assert_eq!(reply.json()?, json!({"message": "stock not found"}));
    }
    assert_eq!(api.store_stock(token, "NO NODE", "").await?.status, StatusCode::NOT_FOUND);
    for page in ["?limit=0", "?limit=101", "?limit=x", "?after=no%20sku"] {
        assert_eq!(api.store_stock(token, "wh-one", page).await?.status, StatusCode::BAD_REQUEST, "{page}");
    }
    Ok(())
}

/// A count as it is said of an early version, as a replay says it or whoever is late.
fn of_old<T: EventData>(data: T) -> anyhow::Result<Delivery> {
    let id = Uuid::new_v4();
    let metadata = Metadata {
        event_id: EventId::from_uuid(id),
        occurred_at: WireTime(Timestamp::from_millis(1_795_770_060_000)),
        correlation_id: id,
        causation_id: id,
        schema_version: SCHEMA_VERSION,
    };
    Ok(Delivery {
        id: id.to_string(),
        source: Domain::Inventory.source().into(),
        detail_type: T::DETAIL_TYPE.into(),
        detail: serde_json::to_value(Event { metadata, data })?,
        replay_name: None,
    })
}

#[tokio::test]
async fn an_old_count_told_again_brings_nothing_back() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(10).await?;
    shop.place_and_expect(&NewOrder::of(&[(&tent, 3)]), Status::Fulfilled, None).await?;
    let before = caught_up(&shop.cloud, &tent.sku, PATIENCE).await?;
    assert_eq!(before.available, Some(7));

    let sku = tent.sku.clone();
    let level = of_old(StockLevelChanged { sku: sku.clone(), available: 10, version: 1 })?;
    let node = of_old(NodeStockChanged { sku, node: NodeId::parse("wh-one")?, on_hand: 10, version: 1 })?;
    for _ in 0..5 {
        publish_again(&shop.cloud, &[level.clone(), node.clone()]).await?;
    }
    // What is said later on the same bus has been heard, so the queue has those before it, until it is empty.
    let later = shop.goods(1).await?;
    caught_up(&shop.cloud, &later.sku, PATIENCE).await?;
    shop.cloud.drained(&shop.cloud.name("project-store-stock"), PATIENCE).await?;
    assert_eq!(seen_levels(&shop.cloud, &tent.sku).await?, before);
    Ok(())
}
