//! What ops do with stock from the shell: look, book what was counted, and compare.

use anyhow::ensure;
use aws_sdk_dynamodb::types::AttributeValue;
use lakeside_e2e::{
    api::NewOrder,
    cli::lakeside,
    cloud::{Cloud, table},
    shop::Shop,
    stock::Goods,
};
use serde_json::json;
use uuid::Uuid;

use super::{DONE, GUARDED, NOT_FOUND, USAGE, WRONG, all, text};
use crate::approval::{precious, requested};

#[tokio::test]
async fn stock_is_seen_with_its_pools_its_nodes_and_who_holds_it() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    requested(&shop, &goods, &order).await?;
    let sku = goods.sku.as_str();
    let seen = lakeside(&shop.cloud, &["--json", "stock", "get", sku]).await?.ended(DONE)?.json()?;
    assert_eq!(seen.pointer("/pools/0/held"), Some(&json!(1)), "{seen}");
    ensure!(all(&seen["nodes"], "/node").contains(&"wh-one"), "{seen}");
    ensure!(seen.get("version").is_some_and(|version| version.as_u64() > Some(1)), "{seen}");
    assert_eq!(all(&seen["holds"], "/orderId"), [order.id().as_str()], "and nobody else's");
    assert_eq!(seen.get("differences"), Some(&json!([])));
    let drawn = lakeside(&shop.cloud, &["stock", "get", sku]).await?.ended(DONE)?;
    ensure!(drawn.out.contains("pools and nodes agree") && drawn.out.contains(&order.id()), "{drawn:?}");
    lakeside(&shop.cloud, &["stock", "get", "NOBODY-HAS-IT"]).await?.ended(NOT_FOUND)?;
    lakeside(&shop.cloud, &["saga", "deny", &order.id(), "--yes"]).await?.ended(DONE)?;
    shop.ended(order.order_id).await?;
    Ok(())
}

#[tokio::test]
async fn a_count_is_booked_once_and_only_where_the_goods_lie() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let sku = tent.sku.as_str();
    let id = Uuid::new_v4().to_string();
    let count = ["--json", "stock", "adjust", sku, "wh-one", "--on-hand", "4", "--id", &id];
    let yes = [&count[..], &["--yes"]].concat();
    let on_hand = async || {
        let seen = lakeside(&shop.cloud, &["--json", "stock", "get", sku]).await?.ended(DONE)?.json()?;
        anyhow::Ok(seen.pointer("/nodes/0/onHand").cloned())
    };
    lakeside(&shop.cloud, &count).await?.ended(GUARDED)?;
    let dry = lakeside(&shop.cloud, &[&count[..], &["--dry-run"]].concat()).await?.ended(DONE)?.json()?;
    assert_eq!(dry.pointer("/command/lines/0/units"), Some(&json!(-1)), "{dry}");
    assert_eq!(on_hand().await?, Some(json!(5)), "a dry run books nothing");
    let booked = lakeside(&shop.cloud, &yes).await?.ended(DONE)?.json()?;
    assert_eq!((text(&booked, "/id"), &booked["onHand"]), (id.as_str(), &json!(4)));
    assert_eq!(on_hand().await?, Some(json!(4)));
    let again = lakeside(&shop.cloud, &yes).await?.ended(DONE)?.json()?;
    assert_eq!(again["booked"], json!(0), "{again}");
    // Another change under the same id is none.
    let other = ["stock", "adjust", sku, "wh-one", "--by=-2", "--id", &id, "--yes"];
    lakeside(&shop.cloud, &other).await?.ended(GUARDED)?;
    assert_eq!(on_hand().await?, Some(json!(4)));

    let elsewhere = ["stock", "adjust", sku, "wh-won", "--by", "1", "--yes"];
    let refused = lakeside(&shop.cloud, &elsewhere).await?.ended(GUARDED)?;
    ensure!(refused.err.contains("wh-one"), "{refused:?}");
    lakeside(&shop.cloud, &["stock", "adjust", sku, "wh-one", "--yes"]).await?.ended(USAGE)?;
    let receipt = ["stock", "adjust", sku, "wh-two", "--by", "3", "--kind", "receipt", "--first", "--yes"];
    lakeside(&shop.cloud, &receipt).await?.ended(DONE)?;
    let short =
        lakeside(&shop.cloud, &["stock", "adjust", sku, "wh-two", "--by=-4", "--yes"]).await?.ended(WRONG)?;
    ensure!(short.err.contains("NODE_SHORT"), "{short:?}");
    let agree = lakeside(&shop.cloud, &["--json", "stock", "reconcile", sku]).await?.ended(DONE)?.json()?;
    assert_eq!((&agree["agree"], &agree["different"]), (&json!(1), &json!({})));
    Ok(())
}

/// Lets a node have more or fewer than the pools know.
pub async fn past_the_functions(cloud: &Cloud, goods: &Goods, by: i64) -> anyhow::Result<()> {
    let key = [("pk", format!("SKU#{}", goods.sku)), ("sk", "NODE#wh-one".to_owned())];
    let key = key.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)));
    let request =
        cloud.dynamodb.update_item().table_name(cloud.name(table::INVENTORY)).set_key(Some(key.into()));
    let request = request.update_expression("ADD on_hand :by, version :one");
    let request = request.expression_attribute_values(":by", AttributeValue::N(by.to_string()));
    request.expression_attribute_values(":one", AttributeValue::N("1".into())).send().await?;
    Ok(())
}

#[tokio::test]
async fn books_that_differ_are_told_and_nothing_is_booked_into_them() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let (sound, broken) = (shop.goods(5).await?, shop.goods(5).await?);
    let (sound, name) = (sound.sku.as_str(), broken.sku.as_str());
    past_the_functions(&shop.cloud, &broken, 1).await?;
    let found = lakeside(&shop.cloud, &["stock", "reconcile", sound, name]).await;
    let json = lakeside(&shop.cloud, &["--json", "stock", "reconcile", sound, name]).await;
    let booked = lakeside(&shop.cloud, &["stock", "adjust", name, "wh-one", "--by=-1", "--yes"]).await;
    past_the_functions(&shop.cloud, &broken, -1).await?;
    let found = found?.ended(WRONG)?;
    ensure!(
        found.out.contains(&format!("{name}  6 units lie at the nodes, and 5 are not sold")),
        "{found:?}"
    );
    ensure!(!found.out.contains(sound), "{found:?}");
    let json = json?.ended(WRONG)?.json()?;
    assert_eq!(json["agree"], json!(1));
    ensure!(json["different"].get(name).is_some(), "{json}");
    booked?.ended(GUARDED)?;
    Ok(())
}
