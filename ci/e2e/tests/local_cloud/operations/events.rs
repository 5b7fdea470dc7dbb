//! Whom a replay would tell, and whom it may not. What one does is tried where nothing else is under way.

use std::process::Stdio;

use anyhow::{Context, ensure};
use lakeside_e2e::{
    cli::{command, lakeside},
    cloud::Cloud,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::{DONE, GUARDED, NOT_FOUND, USAGE, all, text};

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn now() -> String {
    lakeside_cli::clock::now().to_string()
}

#[tokio::test]
async fn a_dry_run_says_who_would_hear_it_and_what_a_second_telling_does() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let to = now();
    let window = ["--json", "events", "replay", "orders", "--from", LONG_AGO, "--to", &to, "--dry-run"];
    let one = [&window[..], &["--rule", "order-status"]].concat();
    let dry = lakeside(&cloud, &one).await?.ended(DONE)?.json()?;
    assert_eq!(all(&dry["tells"], "/rule"), [cloud.name("order-status-orders")]);
    assert_eq!(text(&dry, "/tells/0/effect"), "ABSORBED");
    ensure!(text(&dry, "/tells/0/targets/0").ends_with(&cloud.name("order-status")), "{dry}");
    assert_eq!(
        dry.pointer("/estimate/events"),
        dry.pointer("/estimate/ofEvents"),
        "it is all there ever was"
    );
    let others = dry["others"].as_array().context("no others")?;
    let saga = others.iter().find(|other| text(other, "/rule") == cloud.name("start-fulfilment-orders"));
    let saga = saga.with_context(|| format!("start-fulfilment is not in {dry}"))?;
    assert_eq!((text(saga, "/effect"), &saga["days"]), ("REMEMBERED", &json!(90)));
    let refused = lakeside(&cloud, &window).await?.ended(GUARDED)?;
    ensure!(text(&refused.json()?, "/refused").contains("start-fulfilment"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn who_acts_outside_or_hears_no_replay_is_not_told() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let to = now();
    let replay = async |bus: &str, more: &[&str]| {
        let window = ["events", "replay", bus, "--from", LONG_AGO, "--to", &to, "--yes", "--lag", "0"];
        lakeside(&cloud, &[&window[..], more].concat()).await
    };
    let lately =
        lakeside_cli::clock::of_millis(lakeside_cli::clock::now().0.as_millis() - 60_000).to_string();
    let acting = ["events", "replay", "orders", "--from", &lately, "--to", &to, "--yes", "--lag", "0"];
    let acting = lakeside(&cloud, &acting).await?.ended(GUARDED)?;
    ensure!(acting.err.contains("--although-effects"), "{acting:?}");
    let deaf = replay("inventory", &["--rule", "low-stock"]).await?.ended(GUARDED)?;
    ensure!(deaf.err.contains("hears no replay"), "{deaf:?}");
    // An execution's name is known for 90 days.
    let forgotten =
        replay("orders", &["--rule", "start-fulfilment", "--although-effects"]).await?.ended(GUARDED)?;
    ensure!(forgotten.err.contains("90 days"), "{forgotten:?}");
    replay("orders", &["--rule", "nobody"]).await?.ended(NOT_FOUND)?;
    replay("letters", &[]).await?.ended(NOT_FOUND)?;
    let backwards = ["events", "replay", "orders", "--from", &to, "--to", LONG_AGO];
    lakeside(&cloud, &backwards).await?.ended(USAGE)?;
    let asked = ["events", "replay", "orders", "--from", LONG_AGO, "--to", &to, "--rule", "order-status"];
    lakeside(&cloud, &asked).await?.ended(GUARDED)?;
    Ok(())
}

#[tokio::test]
async fn who_is_interrupted_while_the_archive_catches_up_has_told_nothing() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let known = async || {
        let listed =
            lakeside(&cloud, &["--json", "events", "list", "--limit", "500"]).await?.ended(DONE)?.json()?;
        let names = all(&listed, "/name").into_iter().filter(|name| name.starts_with(&cloud.name("growth-")));
        anyhow::Ok(names.map(str::to_owned).collect::<Vec<_>>())
    };
    let before = known().await?;
    let to = now();
    // Not to the rules by which other tests listen: nobody knows what those do.
    let window = ["--json", "events", "replay", "growth", "--from", LONG_AGO, "--to", &to, "--yes"];
    let replay = [&window[..], &["--rule", "analytics-growth"]].concat();
    let mut waiting: Command = command(&cloud, &replay)?;
    let mut waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(waiting.stderr.take().context("no stderr")?).lines();
    let line = said.next_line().await?.context("it said nothing")?;
    ensure!(line.contains("waiting"), "{line}");
    let id = waiting.id().context("it has ended")?.to_string();
    ensure!(Command::new("kill").args(["-INT", &id]).status().await?.success(), "no signal");
    let line = said.next_line().await?.context("it said nothing more")?;
    let failure: Value = serde_json::from_str(&line)?;
    ensure!(text(&failure, "/error/message").contains("nothing was told"), "{line}");
    assert_eq!(waiting.wait().await?.code(), Some(GUARDED));
    assert_eq!(known().await?, before);
    Ok(())
}
