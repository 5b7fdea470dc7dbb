//! What the overview shows of orders without a saga, and what a guard wants said before it lets somebody pass.

use anyhow::ensure;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{api::NewOrder, shop::Shop, stock::Goods};
use serde_json::json;

use super::{Console, WIDE, in_front_of};

#[tokio::test]
async fn the_console_shows_an_order_that_was_refused_before_it_had_a_saga() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    // Nobody has put it on sale.
    let order = NewOrder::of(&[(&Goods::unique(1_000)?, 1)]);
    let view = shop.place(&order).await?;
    ensure!(view.status == Status::Rejected, "{view:?}");
    let reason = view.reason.map(|reason| reason.to_string()).unwrap_or_default();
    let console = Console::start(&shop, &[]).await?;
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        let row = format!("tr[data-order='{}'][data-stage=REJECTED]", order.id());
        browser.read(&row, &reason).await?;
        browser.picture("refused", WIDE, true).await?;
        browser.click(&format!("{row} a")).await?;
        browser.read("[data-verdict=ENDED]", &format!("the order is REJECTED for {reason}")).await
    })
    .await
}

/// Draws an order whose saga ended while it completed it, by the page's own means, and keeps what is wished for.
const COMPLETING: &str = "
    const [although, done] = arguments;
    window.wishes = [];
    window.fetch = async (path, { body }) => {
      window.wishes.push([path, JSON.parse(body)]);
      return new Response(JSON.stringify({ would: { what: 'it is to be undone', letters: [] } }));
    };
    import('/assets/order.js').then(({ draw }) => {
      const page = {
        orderId: 'x', timeline: [], records: [], sagas: [], view: null, verdict: { state: 'STUCK', sentences: [], next: [] },
        actions: [{ action: 'compensate', allowed: false, sentence: 'its word may be on its way', although }],
      };
      document.getElementById('main').replaceChildren(...draw(page, { readOnly: false }, false, () => {}));
      done('drawn');
    }, (error) => done(`${error}`));
";

#[tokio::test]
async fn what_was_about_to_complete_is_undone_by_a_button_only_after_somebody_says_that_they_looked()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    in_front_of(async |browser| {
        browser.open(&format!("{}#/stock", console.url)).await?;
        browser.see("#main h1").await?;
        let early = json!({ "allowed": false, "sentence": "less than an hour ago" });
        ensure!(browser.run(COMPLETING, vec![early]).await? == "drawn");
        browser.see("button[data-action=compensate]:disabled").await?;
        browser.read(".offers", "less than an hour ago").await?;
        ensure!(
            browser.run("arguments[0](document.querySelectorAll('.offers input').length)", vec![]).await?
                == 0
        );

        let late = json!({ "allowed": true, "sentence": "it is to be undone" });
        ensure!(browser.run(COMPLETING, vec![late]).await? == "drawn");
        browser.see("button[data-action=compensate]:disabled").await?;
        browser.picture("completing", WIDE, false).await?;
        browser.click("#although-completing").await?;
        browser.click("button[data-action=compensate]").await?;
        browser.read("#confirm-more", "refunds it").await?;
        browser.picture("confirm-completing", WIDE, true).await?;
        browser.click("#confirm-no").await?;
        let wished = browser.run("arguments[0](window.wishes)", vec![]).await?;
        let expected = json!([["/api/orders/x/compensate", { "althoughCompleting": true }]]);
        ensure!(wished == expected, "{wished}");
        Ok(())
    })
    .await
}
