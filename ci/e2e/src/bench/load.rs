//! How fast orders are accepted: idle, many at once, in a spike, and with thousands waiting; and whether the books agree.
//!
//! The generator and the reconciliation are those of `lakeside load`.

use std::time::Duration;

use anyhow::{Context, ensure};
use lakeside_cli::{
    cloud::{Cloud as Operated, Selection},
    load::{
        driving::{Pace, Sent, drive},
        figures::{Percentiles, latencies},
        mix::{Goods as Priced, Mix},
        outcome::Figures,
        run::{AtDoor, Load, Pacing, Setting, Watcher, run as load},
        schedule::Profile,
    },
};
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::{shop::Shop, stock::Goods, terminal::bold};

/// What each order is of: enough for all of them.
const UNITS: u64 = 50_000;
/// Behind a processor that takes five a second.
const PATIENCE: Duration = Duration::from_mins(30);
/// Requests by which a state is measured, at ten a second: enough that a p99 is not one of two that were unlucky.
const PROBES: usize = 600;
const PROBES_PER_SECOND: f64 = 10.0;
/// Half of what the door takes of everybody together.
const QUEUED_PER_SECOND: f64 = 250.0;
/// One request a second, and 44 times that at its height.
const SPIKE: Profile =
    Profile { base: 1.0, spike: 44.0, before: 10.0, rise: 5.0, hold: 10.0, fall: 5.0, after: 10.0 };

/// Measures and prints, with so many orders waiting in the last part.
///
/// # Errors
/// If the books do not agree.
pub async fn run(queued: usize) -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let selection = Selection { prefix: shop.cloud.prefix.clone(), region: None, profile: None };
    let operated = Operated::open(&selection).await?;
    let tent = shop.goods_at(1_000, &[("wh-one", UNITS)], 8).await?;
    println!("{}", bold("From due to 202"));
    let idle = probe(&shop, &operated, &tent).await?;
    print(&format!("idle, {PROBES_PER_SECOND} a second"), &idle);
    for (name, pacing) in [
        ("1,000 orders ten at a time", Pacing::AtOnce { at_once: 10, requests: 1_000 }),
        ("a spike of 44 times", Pacing::Schedule { profile: SPIKE, limit: 2_000 }),
    ] {
        let setting = setting(&shop, &tent, 0, pacing)?;
        let outcome = load(&operated, &setting, &Silent).await?;
        let figures = Figures::of(String::new(), &setting, &outcome);
        print(name, &figures.acceptance);
        reconciled(&figures, name)?;
        let drain = figures.drain_seconds.context("not everything ended in time")?;
        println!("    all ended {drain:.1} s after the last answer");
    }
    behind(&shop, &operated, &tent, queued).await
}

/// Stops whoever takes orders in, has thousands wait, measures what is accepted meanwhile, and lets them in.
async fn behind(shop: &Shop, operated: &Operated, tent: &Goods, queued: usize) -> anyhow::Result<()> {
    let consumers = operated.consumers(&["order-ingest"]).await?;
    let mapping = consumers.first().and_then(|consumer| consumer.mapping_id.clone()).context("no mapping")?;
    let listen = async |on: bool| {
        let path = format!("/2015-03-31/event-source-mappings/{mapping}");
        shop.cloud.signed.rest("lambda", Method::PUT, &path, &json!({ "Enabled": on })).await
    };
    let before = probe(shop, operated, tent).await?;
    print("idle, right before", &before);
    // Refused when they are taken in, for what they expect to pay is wrong: nobody charges for ten thousand of them.
    let even = Profile::even(QUEUED_PER_SECOND, f64::from(u32::try_from(queued)?) / QUEUED_PER_SECOND);
    let setting = setting(shop, tent, 1, Pacing::Schedule { profile: even, limit: queued })?;
    let watcher = Silent;
    listen(false).await?;
    let measured = async {
        // An idle platform handles what it accepts, on the door's own cores: what waits is told apart from that.
        let alone = probe(shop, operated, tent).await?;
        print("with nobody who reads", &alone);
        let sent = Load::send(operated, &setting, &watcher).await?;
        Ok::<_, anyhow::Error>((alone, sent, probe(shop, operated, tent).await?))
    };
    let measured = measured.await;
    // Whatever was measured: they are let in.
    listen(true).await?;
    let let_in = Instant::now();
    let (alone, sent, with_queue) = measured?;
    print(&format!("while {queued} wait"), &with_queue);
    let times = |before: &Percentiles| with_queue.p99 / before.p99.max(0.001);
    println!(
        "    p99 is {:.2} times that of idle, and {:.2} times that of an empty queue that nobody reads",
        times(&before),
        times(&alone)
    );
    let figures = Figures::of(String::new(), &setting, &sent.settle(&watcher).await?);
    println!("    all ended {:.1} s after they were let in", let_in.elapsed().as_secs_f64());
    reconciled(&figures, "those that waited")
}

/// Prints what was compared.
fn reconciled(figures: &Figures, name: &str) -> anyhow::Result<()> {
    for check in &figures.checks {
        println!("    {:<14} {}", check.name, check.counted);
    }
    for check in &figures.checks {
        ensure!(check.faults.is_empty(), "{name}: {}: {}", check.name, check.faults.join("; "));
    }
    Ok(())
}

/// How long some requests take that nothing else comes of than a refusal.
async fn probe(shop: &Shop, operated: &Operated, tent: &Goods) -> anyhow::Result<Percentiles> {
    let seconds = f64::from(u32::try_from(PROBES)?) / PROBES_PER_SECOND;
    let even = Profile::even(PROBES_PER_SECOND, seconds);
    let setting = setting(shop, tent, 1, Pacing::Schedule { profile: even, limit: PROBES })?;
    let due: Vec<_> = even.due(PROBES).into_iter().map(Some).collect();
    let requests = setting.mix.requests(&due, 1);
    let door = AtDoor::new(operated, &setting);
    let sent = drive(&door, &requests, Pace::Schedule, Instant::now(), |_| {}).await;
    let accepted = Percentiles::of(latencies(&sent).map(|(_, latency)| latency));
    ensure!(accepted.count == u64::try_from(requests.len())?, "not all were accepted: {accepted:?}");
    Ok(accepted)
}

/// Orders of one unit; `wrong` minor units are added to what they cost.
fn setting(shop: &Shop, tent: &Goods, wrong: i64, pacing: Pacing) -> anyhow::Result<Setting> {
    let price_minor = tent.price_minor.checked_add(wrong).context("too dear")?;
    Ok(Setting {
        pacing,
        mix: Mix {
            goods: vec![Priced { sku: tent.sku.to_string(), price_minor, currency: "USD".into() }],
            hot: Vec::new(),
            hot_percent: 0,
            duplicate_percent: if wrong == 0 { 5 } else { 0 },
            bad_percent: if wrong == 0 { 5 } else { 0 },
            payment_method: "pm_card_on_file".into(),
            address: "addr_home".into(),
            seed: 1,
        },
        tokens: vec![shop.customer.token.clone()],
        door: crate::settings::Settings::load()?.get("LAKESIDE_API_URL")?,
        processor: Some(crate::settings::Settings::load()?.get("LAKESIDE_SANDBOX_URL")?),
        shared: false,
        patience: PATIENCE,
    })
}

fn print(name: &str, latency: &Percentiles) {
    let Percentiles { count, p50, p90, p99, max } = *latency;
    println!(
        "  {name:<28} {count:>6}  median {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, slowest {max:.1} ms"
    );
}

/// Says nothing.
#[derive(Debug)]
struct Silent;

impl Watcher for Silent {
    fn begins(&self, _: usize) {}

    fn answered(&self, _: &Sent) {}

    fn waits(&self, _: usize, _: usize) {}
}
