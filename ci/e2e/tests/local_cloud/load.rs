//! Load by the command line, on the real binary: a small spike with duplicates and bad input, and what came of it.

use std::fs;

use anyhow::{Context, ensure};
use lakeside_e2e::{
    cli::lakeside_with,
    customer::Customer,
    settings::Settings,
    shop::Shop,
    stock::{level, on_hand},
};
use serde_json::{Value, json};
use uuid::Uuid;

const DONE: i32 = 0;
const WRONG: i32 = 1;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const GUARDED: i32 = 4;

/// Four seconds with a spike in them, of some forty requests: one in five is sent before, one in ten is no order.
const SPIKE: [&str; 20] = [
    "--base",
    "2",
    "--spike",
    "10",
    "--before",
    "1",
    "--rise",
    "1",
    "--hold",
    "1",
    "--fall",
    "1",
    "--after",
    "0",
    "--hot-percent",
    "40",
    "--duplicate-percent",
    "20",
    "--bad-percent",
    "10",
];

fn count(figures: &Value, pointer: &str) -> u64 {
    figures.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

fn report() -> String {
    std::env::temp_dir().join(format!("lakeside-load-{}.html", Uuid::new_v4())).display().to_string()
}

#[tokio::test]
async fn a_spike_with_duplicates_and_bad_input_ends_and_the_books_agree() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let other = Customer::sign_up(&shop.cloud).await?;
    let stock = 500_u64;
    let (tent, kayak) = (shop.goods(stock).await?, shop.goods_at(2_500, &[("wh-one", stock)], 4).await?);
    let report = report();
    let tokens = format!("{},{}", shop.customer.token, other.token);
    let sandbox = Settings::load()?.get("LAKESIDE_SANDBOX_URL")?;
    let environment = [("LAKESIDE_TOKEN", tokens.as_str()), ("LAKESIDE_SANDBOX_URL", sandbox.as_str())];
    let goods =
        ["--json", "load", "--sku", tent.sku.as_str(), "--hot", kayak.sku.as_str(), "--report", &report];
    let load = [&goods[..], &SPIKE, &["--shared", "--patience", "360"]].concat();
    let said = lakeside_with(&shop.cloud, &environment, &load).await?.ended(DONE)?;
    let figures = said.json()?;

    let (new, again, bad) = (
        count(&figures, "/requests/new"),
        count(&figures, "/requests/again"),
        count(&figures, "/requests/bad"),
    );
    assert_eq!(new + again + bad, 44, "{}", figures["requests"]);
    ensure!(again > 0 && bad > 0, "{}", figures["requests"]);
    let answers = &figures["requests"]["answers"];
    assert_eq!(answers["202"], json!(new + again));
    let refused: u64 = answers
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(status, _)| status.starts_with('4'))
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    assert_eq!(refused, bad);
    assert_eq!(count(&figures, "/acceptance/count"), new + again);
    assert_eq!(count(&figures, "/toEnd/count"), new);
    let checks = figures["checks"].as_array().context("no checks")?;
    ensure!(checks.iter().all(|check| check["faults"] == json!([])), "{checks:?}");
    ensure!(
        checks.iter().any(|check| check["name"] == "processor"),
        "the sandbox's books were read: {checks:?}"
    );

    // Nobody else has these goods: what was counted there is what is gone here.
    let mut gone = 0;
    for goods in [&tent, &kayak] {
        let level = level(&shop.cloud, &goods.sku).await?;
        assert_eq!(
            (level.held, level.sold, on_hand(&shop.cloud, &goods.sku).await?),
            (0, stock - level.available, level.available)
        );
        gone += level.sold;
    }
    assert_eq!(gone, new, "every new order is one unit");
    let page = fs::read_to_string(&report)?;
    ensure!(page.contains("<svg") && page.contains("Reconciliation") && !said.out.contains(&other.token));
    ensure!(!page.contains(&other.token), "tokens are nobody's to see");

    // A report is never written over, and nothing is sent for one that cannot be written.
    let again = lakeside_with(&shop.cloud, &environment, &load).await?.ended(USAGE)?;
    ensure!(again.err.contains("nothing is sent"), "{again:?}");
    fs::remove_file(&report)?;
    Ok(())
}

#[tokio::test]
async fn load_says_what_does_not_agree() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(50).await?;
    // One order is declined: it ends cancelled, and that agrees.
    let report = report();
    let token = [("LAKESIDE_TOKEN", shop.customer.token.as_str()), ("LAKESIDE_SANDBOX_URL", "")];
    let load = ["--json", "load", "--sku", tent.sku.as_str(), "--report", &report, "--shared"];
    let declined = ["--at-once", "2", "--limit", "3", "--duplicate-percent", "0", "--bad-percent", "0"];
    let declined = [&load[..], &declined, &["--payment-method", "pm_sandbox_declined"]].concat();
    let said = lakeside_with(&shop.cloud, &token, &declined).await?.ended(DONE)?.json()?;
    let endings = said["checks"].as_array().into_iter().flatten().find(|check| check["name"] == "endings");
    assert_eq!(
        endings.context("no check of endings")?["counted"],
        "3 accepted: 0 fulfilled, 3 cancelled, 0 rejected"
    );
    fs::remove_file(&report)?;

    // Nobody lets this token in: what should have been accepted was not.
    let stranger = [("LAKESIDE_TOKEN", "no.token.atall")];
    let refused = [&load[..], &["--at-once", "1", "--limit", "2", "--bad-percent", "0"]].concat();
    let said = lakeside_with(&shop.cloud, &stranger, &refused).await?.ended(WRONG)?;
    ensure!(said.err.contains("do not agree"), "{said:?}");
    assert_eq!(said.json()?["checks"][0]["faults"].as_array().map(Vec::len), Some(2));
    fs::remove_file(&report)?;
    Ok(())
}

#[tokio::test]
async fn load_goes_to_no_installation_that_was_not_meant() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let token = [("LAKESIDE_TOKEN", shop.customer.token.as_str())];
    let load = ["--json", "load", "--sku", tent.sku.as_str(), "--limit", "3"];
    let run = async |more: &[&str]| lakeside_with(&shop.cloud, &token, &[&load[..], more].concat()).await;
    let far = ["--door", "https://door.example.com/live"];
    let guarded = run(&far).await?.ended(GUARDED)?;
    ensure!(guarded.err.contains("--installation"), "it says how it may be meant: {guarded:?}");
    let here = run(&["--dry-run"]).await?.ended(DONE)?.json()?;
    assert_eq!(here["requests"], 3);
    let here = here["installation"].as_str().context("no installation")?.to_owned();
    run(&["--installation", "111122223333/us-east-1/elsewhere"]).await?.ended(GUARDED)?;
    run(&["--installation", &here, "--dry-run"]).await?.ended(DONE)?;
    // Elsewhere somebody is asked as well, and there is nobody here.
    let asked = run(&[&far[..], &["--installation", &here]].concat()).await?.ended(GUARDED)?;
    ensure!(asked.err.contains("--yes"), "{asked:?}");

    let nobody = [("LAKESIDE_TOKEN", "")];
    lakeside_with(&shop.cloud, &nobody, &load).await?.ended(USAGE)?;
    let unknown = ["load", "--sku", "NO-SUCH-THING", "--dry-run"];
    lakeside_with(&shop.cloud, &token, &unknown).await?.ended(NOT_FOUND)?;
    run(&["--bad-percent", "60", "--duplicate-percent", "60", "--dry-run"]).await?.ended(USAGE)?;
    assert_eq!(level(&shop.cloud, &tent.sku).await?.available, 5, "nothing was sent");
    Ok(())
}
