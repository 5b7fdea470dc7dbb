//! Replays in the console: whom one would tell, the guards, how far it is, and its end.

use anyhow::ensure;
use lakeside_cli::clock;
use lakeside_e2e::{cli::lakeside, shop::Shop};

use super::{Console, WIDE, in_front_of};
use crate::browser::Browser;

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// Says which window of a bus is to be told again, and to whom.
async fn ask(browser: &Browser, bus: &str, window: (&str, &str), rule: &str) -> anyhow::Result<()> {
    browser.click(&format!("#bus option[value={bus}]")).await?;
    browser.fill("#from", window.0).await?;
    browser.fill("#to", window.1).await?;
    browser.fill("#rules", rule).await?;
    browser.click("button[data-action=replay]").await
}

#[tokio::test]
async fn the_console_says_whom_a_replay_would_tell_and_begins_none_that_a_guard_refuses() -> anyhow::Result<()>
{
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let now = clock::now().to_string();
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.click("[data-section=replays]").await?;
        ask(browser, "orders", (LONG_AGO, &now), "order-status").await?;
        browser.read("#confirm-what", &shop.cloud.name("order-status-orders")).await?;
        browser.read("#confirm-more", "nothing: final states and versions absorb it").await?;
        browser.see("#confirm-yes").await?;
        browser.picture("confirm-replay", WIDE, false).await?;
        browser.click("#confirm-no").await?;
        // An execution's name is known for 90 days.
        browser.click("#although-effects").await?;
        ask(browser, "orders", (LONG_AGO, &now), "start-fulfilment").await?;
        browser.read("#confirm-more", "90 days").await?;
        let hidden = "arguments[0](document.getElementById('confirm-yes').hidden)";
        ensure!(browser.run(hidden, vec![]).await? == true, "what a guard refuses cannot be agreed to");
        browser.picture("refused-replay", WIDE, true).await?;
        browser.click("#confirm-no").await?;
        ask(browser, "inventory", (LONG_AGO, &now), "low-stock").await?;
        browser.read("#confirm-outcome", "hears no replay").await?;
        browser.click("#confirm-no").await
    })
    .await
}

#[tokio::test]
async fn the_console_follows_its_replay_to_the_end_and_may_stop_it_before() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let console = Console::start(&shop, &[]).await?;
    let known = async || {
        let listed = lakeside(&shop.cloud, &["--json", "events", "list", "--limit", "500"]).await?.json()?;
        let names = listed.as_array().into_iter().flatten().filter_map(|replay| replay["name"].as_str());
        anyhow::Ok(names.filter(|name| name.starts_with(&shop.cloud.name("growth-"))).count())
    };
    let before = known().await?;
    // A moment in which nothing was said: the emulator tells everybody, and nobody knows what other tests listen to.
    let moment = clock::now().0.as_millis() - 1000;
    let window = (clock::of_millis(moment).to_string(), clock::of_millis(moment + 1).to_string());
    let window = (window.0.as_str(), window.1.as_str());
    in_front_of(async |browser| {
        browser.open(&console.url).await?;
        browser.click("[data-section=replays]").await?;
        ask(browser, "growth", window, "analytics-growth").await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "It has begun").await?;
        browser.click("#confirm-no").await?;
        browser.read("[data-replay=UNDER_WAY]", "until the archive has all of it").await?;
        browser.picture("replays", WIDE, false).await?;
        // One at a time, whoever asks.
        ask(browser, "growth", window, "analytics-growth").await?;
        browser.click("#confirm-yes").await?;
        browser.read("#confirm-outcome", "is under way").await?;
        browser.click("#confirm-no").await?;
        browser.click("button[data-action=stop]").await?;
        browser.read("[data-replay=WRONG]", "nothing was told").await?;
        ensure!(known().await? == before, "it was told all the same");

        browser.fill("#lag", "0").await?;
        ask(browser, "growth", window, "analytics-growth").await?;
        browser.click("#confirm-yes").await?;
        browser.click("#confirm-no").await?;
        // Others give letters up and let books differ meanwhile, which it says.
        let ended = "[data-replay]:not([data-replay=UNDER_WAY])";
        browser.read(ended, &shop.cloud.name("growth-20")).await
    })
    .await?;
    ensure!(known().await? == before + 1, "it was told once");
    Ok(())
}
