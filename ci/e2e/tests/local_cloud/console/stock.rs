//! Stock in the console: it is looked at, booked and compared past the guards of the commands.

use anyhow::ensure;
use lakeside_e2e::{cli::lakeside, shop::Shop};
use serde_json::json;

use super::{Console, NARROW, WIDE, in_front_of};
use crate::operations::stock::past_the_functions;

#[tokio::test]
async fn the_console_books_what_was_counted_once_and_only_where_the_goods_lie() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let tent = shop.goods(5).await?;
    let sku = tent.sku.to_string();
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.click("[data-section=stock]").await?;
        browser.fill("#sku", &sku).await?;
        browser.click("main form button").await?;
        browser.read("[data-node=wh-one]", "5").await?;
        browser.picture("stock", WIDE, false).await?;
        browser.picture("stock-narrow", NARROW, true).await?;

        browser.fill("#node", "wh-won").await?;
        browser.fill("#units", "4").await?;
        browser.click("button[data-action=adjust]").await?;
        browser.read("#confirm-outcome", "wh-won has never had any").await?;
        browser.click("#confirm-no").await?;
        browser.fill("#node", "wh-one").await?;
        browser.click("button[data-action=adjust]").await?;
        browser.read("#confirm-what", &format!("-1 {sku} at wh-one are to be booked as COUNT")).await?;
        browser.picture("confirm-stock", WIDE, true).await?;
        browser.click("#confirm-no").await?;
        browser.read("[data-node=wh-one]", "5").await?;
        browser.click("button[data-action=adjust]").await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "4 lie there now").await?;
        browser.click("#confirm-no").await?;
        browser.read("[data-node=wh-one]", "4").await?;
        browser.fill("#units", "4").await?;
        browser.click("button[data-action=adjust]").await?;
        browser.read("#confirm-outcome", "nothing is booked").await?;
        browser.click("#confirm-no").await?;

        browser.click("button[data-action=reconcile]").await?;
        browser.read("#confirm-what", &format!("compare pools and nodes of {sku}")).await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "1 SKUs agree, 0 do not").await
    })
    .await?;
    let seen = lakeside(&shop.cloud, &["--json", "stock", "get", &sku]).await?.json()?;
    ensure!(seen.pointer("/nodes/0/onHand") == Some(&json!(4)), "{seen}");
    Ok(())
}

#[tokio::test]
async fn the_console_books_nothing_into_books_that_differ() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let tent = shop.goods(5).await?;
    past_the_functions(&shop.cloud, &tent, 1).await?;
    let seen = in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.open(&format!("{}/#/stock/{}", console.at, tent.sku)).await?;
        browser.read("main", "pools and nodes do not agree").await?;
        browser.picture("different", WIDE, false).await?;
        browser.fill("#units", "4").await?;
        browser.click("button[data-action=adjust]").await?;
        browser.read("#confirm-outcome", "6 units lie at the nodes, and 5 are not sold").await?;
        browser.click("#confirm-no").await?;
        browser.click("button[data-action=reconcile]").await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "0 SKUs agree, 1 do not").await
    })
    .await;
    past_the_functions(&shop.cloud, &tent, -1).await?;
    seen
}
