//! What operations see in the console and do with its buttons, in a real browser.

mod guards;
mod replays;
mod stock;

use std::process::Stdio;

use anyhow::{Context, ensure};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{api::NewOrder, cli::command, settings::Settings, shop::Shop};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::{
    approval::{given_up, precious, requested},
    browser::Browser,
    operations::give_up,
};

const WIDE: (u32, u32) = (1400, 1000);
const NARROW: (u32, u32) = (420, 900);

/// A console that is served for a test.
struct Console {
    url: String,
    at: String,
    _process: Child,
}

impl Console {
    async fn start(shop: &Shop, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut console = command(&shop.cloud, &[&["--json", "console"], arguments].concat())?;
        let mut process =
            console.stdout(Stdio::piped()).spawn().context("lakeside cannot be run: build it first")?;
        let mut lines = BufReader::new(process.stdout.take().context("no output")?).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await? {
            said.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let said: Value = serde_json::from_str(&said).with_context(|| format!("no address: {said}"))?;
        let url = said.get("url").and_then(Value::as_str).context("no address")?.to_owned();
        let (at, _) = url.split_once("/sign-in").context("no token")?;
        Ok(Self { at: at.to_owned(), url, _process: process })
    }

    fn order(&self, order: &NewOrder) -> String {
        format!("{}/#/orders/{}", self.at, order.id())
    }
}

/// Waits for an order's approval in front of a browser, and ends the browser whatever comes of `look`.
pub async fn in_front_of(look: impl AsyncFnOnce(&Browser) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let browser = Browser::start().await?;
    let seen = look(&browser).await;
    if seen.is_err() {
        drop(browser.picture("failed", WIDE, false).await);
    }
    let ended = browser.end().await;
    seen.and(ended)
}

async fn waiting(shop: &Shop) -> anyhow::Result<(NewOrder, lakeside_e2e::stock::Goods, String)> {
    let goods = precious(shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    let token = requested(shop, &goods, &order).await?;
    Ok((order, goods, token))
}

#[tokio::test]
async fn the_console_shows_an_order_that_waits_and_approves_it_by_a_button() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.see("[data-stage=PAYING]").await?;
        // Whoever waits for an approval does not wait for long here: everything else comes before or after.
        let (order, _, token) = waiting(&shop).await?;
        let id = order.id();
        let row = format!("tr[data-order='{id}'][data-stage=AWAITING_APPROVAL]");
        browser.see(&row).await?;
        browser.click(&format!("{row} a")).await?;
        browser.see("[data-verdict=WAITING]").await?;
        browser.see("svg.graph .WAITING").await?;
        ensure!(!browser.source().await?.contains(&token), "a task token is nobody's to see");
        browser.read(".offers", "the saga still runs").await?;
        browser.see("button[data-action=compensate]:disabled").await?;

        // What is only looked at is not done.
        browser.click("button[data-action=approve]").await?;
        browser.read("#confirm-what", &format!("order {id} is to be approved: it is paid next")).await?;
        browser.click("#confirm-no").await?;
        browser.see("[data-verdict=WAITING]").await?;
        browser.click("button[data-action=approve]").await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "approved").await?;
        browser.picture("confirm", WIDE, false).await?;
        browser.click("#confirm-no").await?;
        ensure!(shop.ended(order.order_id).await?.status == Status::Fulfilled);
        browser.see("[data-verdict=ENDED]").await?;
        // The request itself stays as the saga has written it.
        browser.read("[data-record=approval]", "APPROVED").await?;
        browser.picture("order", WIDE, false).await?;
        browser.picture("order-narrow", NARROW, true).await?;
        // The latest orders are shown alone, so another one is placed in front of whoever looks.
        browser.open(&format!("{}/#/", console.at)).await?;
        let goods = shop.goods(1).await?;
        let latest = NewOrder::of(&[(&goods, 1)]);
        shop.cloud.api.submit(&shop.customer, &latest).await?;
        browser.see(&format!("tr[data-order='{}'][data-stage=FULFILLED]", latest.id())).await?;
        browser.picture("overview-narrow", NARROW, false).await?;
        browser.picture("overview-dark", WIDE, true).await?;
        browser.picture("overview-light", WIDE, false).await?;
        browser.open(&format!("{}/#/queues", console.at)).await?;
        browser.read("[data-queue=capture-payment]", "listens").await?;
        browser.picture("queues", WIDE, false).await
    })
    .await
}

#[tokio::test]
async fn the_console_shows_a_dead_letter_and_sends_it_back() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let (order, goods, _) = waiting(&shop).await?;
    let letter = give_up(&shop, "cancel-order", &order.id(), "{}").await?;
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.see("#letters-count").await?;
        browser.open(&format!("{}/#/dead-letters", console.at)).await?;
        browser.read("main", "cancel-order").await?;
        browser.picture("dead-letters", WIDE, false).await?;
        browser.open(&format!("{}/#/dead-letters/cancel-order", console.at)).await?;
        browser.see(&format!("[data-letter='{letter}'] a[href$='{}']", order.id())).await?;
        browser.see("button[data-action=redrive]:disabled").await?;
        browser.click(&format!("input[value='{letter}']")).await?;
        browser.click(&format!("[data-letter='{letter}'] summary")).await?;
        browser.picture("letters", WIDE, false).await?;
        browser.fill("#rate", "1001").await?;
        browser.click("button[data-action=redrive]").await?;
        browser.read("#confirm-outcome", "1 to 1000 a second").await?;
        browser.click("#confirm-no").await?;
        browser.fill("#sample", "2").await?;
        browser.fill("#rate", "25").await?;
        browser.click("button[data-action=redrive]").await?;
        browser.read("#confirm-what", "are to go back to cancel-order: 1 first, then 25 a second").await?;
        browser.picture("confirm-letters", WIDE, true).await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "1 sent back to cancel-order").await?;
        ensure!(shop.ended(order.order_id).await?.status == Status::Cancelled);
        Ok(())
    })
    .await?;
    given_up(&shop, &goods, &order).await
}

/// What another site would try, if it knew everything but how to be us.
const ATTACK: &str = "
    const [url, body, done] = arguments;
    const tried = [
      fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body }),
      fetch(url, { method: 'POST', credentials: 'include', body, headers: { 'content-type': 'application/json' } }),
    ];
    Promise.allSettled(tried).then((all) => done(all.map((one) => one.status === 'fulfilled' ? one.value.type : 'refused')));
";

#[tokio::test]
async fn the_console_does_nothing_for_a_page_of_another_site() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let (order, goods, _) = waiting(&shop).await?;
    let approve = format!("{}/api/orders/{}/approve", console.at, order.id());
    let agreed = format!("order {} is to be approved: it is paid next", order.id());
    let wish = json!({ "agreed": agreed }).to_string();
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.see("#main h1").await?;
        let cookies = browser.cookies().await?;
        // Another port of this machine is another origin, though it shares our cookies.
        browser.open(&Settings::load()?.get("LAKESIDE_SANDBOX_URL")?).await?;
        let tried = browser.run(ATTACK, vec![approve.as_str().into(), wish.as_str().into()]).await?;
        ensure!(tried == json!(["refused", "refused"]), "{tried}");

        let client = reqwest::Client::builder().no_proxy().build()?;
        let ask = async |origin: &str, body: &str| {
            let post = client.post(&approve).header("cookie", &cookies).header("origin", origin);
            anyhow::Ok(
                post.header("content-type", "application/json").body(body.to_owned()).send().await?.status(),
            )
        };
        ensure!(ask("http://evil.example", &wish).await? == StatusCode::FORBIDDEN);
        let heard = [StatusCode::OK, StatusCode::CONFLICT];
        ensure!(heard.contains(&ask(&console.at, "{}").await?), "the same of our own page is heard");
        let rebound = client.get(&console.at).header("cookie", &cookies).header("host", "evil.example");
        ensure!(rebound.send().await?.status() == StatusCode::FORBIDDEN);
        Ok(())
    })
    .await?;
    // Nobody has approved it, so its time runs out.
    ensure!(shop.ended(order.order_id).await?.status == Status::Cancelled);
    given_up(&shop, &goods, &order).await
}

/// Shows a letter whose reason is markup, by the page's own means.
const HOSTILE: &str = "
    const [reason, done] = arguments;
    import('/assets/letters.js').then(({ draw }) => {
      const letter = { id: 'x', sentAt: new Date().toISOString(), what: reason, orderId: null, reason, body: reason };
      document.getElementById('main').replaceChildren(...draw(reason, [letter], { readOnly: false }, true, () => {}));
      setTimeout(() => done(String(window.hacked)), 200);
    }, (error) => done(`${error}`));
";

#[tokio::test]
async fn the_console_shows_hostile_text_as_text_and_changes_nothing_where_it_only_looks() -> anyhow::Result<()>
{
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &["--read-only"]).await?;
    let (order, goods, _) = waiting(&shop).await?;
    let hostile = "<img src=x onerror='window.hacked=1'><script>window.hacked=2</script>";
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.see("#mode").await?;
        // What the address says is shown as text where there is no such queue.
        browser
            .open(&format!("{}/#/dead-letters/%3Cimg%20src%3Dx%20onerror%3D'window.hacked%3D3'%3E", console.at))
            .await?;
        browser.read("[role=alert]", "<img src=x").await?;
        let hacked = browser.run(HOSTILE, vec![hostile.into()]).await?;
        ensure!(hacked == "undefined", "{hacked}");
        browser.read("[data-letter=x]", hostile).await?;
        browser.see("button[data-action=redrive]:disabled").await?;
        let made = "arguments[0](document.querySelectorAll('main img, main script').length)";
        ensure!(browser.run(made, vec![]).await? == 0);

        browser.open(&console.order(&order)).await?;
        browser.see("[data-verdict]").await?;
        browser.see("button[data-action=approve]:disabled").await?;
        let path = format!("/api/orders/{}/approve", order.id());
        let asked = "const [path, done] = arguments; \
            import('/assets/server.js').then(({ post }) => post(path, {})).catch((failure) => done(failure.kind));";
        ensure!(browser.run(asked, vec![path.into()]).await? == "READ_ONLY");
        Ok(())
    })
    .await?;
    ensure!(shop.ended(order.order_id).await?.status == Status::Cancelled);
    given_up(&shop, &goods, &order).await
}
