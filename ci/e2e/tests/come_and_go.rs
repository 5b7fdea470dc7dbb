//! Consumers that are one directory come and go, and nobody else notices: run after everything else, and alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context, ensure};
use lakeside_contracts::Delivery;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    capture::{Capture, event_id, publish_again},
    cloud::Cloud,
    consumers::{self, Consumer},
    queues::DEAD_LETTERS,
    records,
    replay::{AFTERMATH, replay},
    settings::env_file,
    shop::{PATIENCE, Shop},
};
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

/// Replays its buses to a consumer's rules, and waits until all is quiet again.
async fn replay_to(cloud: &Cloud, consumer: &Consumer) -> anyhow::Result<()> {
    for rule in &consumer.rules {
        let name = format!("e2e-{}", Uuid::new_v4().simple());
        replay(cloud, &rule.bus, &name, std::slice::from_ref(&rule.arn)).await?;
    }
    cloud.quiet(AFTERMATH).await
}

/// What was ever said that this consumer hears, each fact once, in the order of its first telling.
async fn history(cloud: &Cloud, consumer: &Consumer) -> anyhow::Result<Vec<Delivery>> {
    let name = format!("e2e-{}", Uuid::new_v4().simple());
    let mut capture = Capture::of_replay(cloud, &name).await?;
    for (position, rule) in consumer.rules.iter().enumerate() {
        replay(cloud, &rule.bus, &format!("{name}-{position}"), &[]).await?;
    }
    cloud.quiet(AFTERMATH).await?;
    capture.take_in(cloud).await?;
    let mut known = BTreeSet::new();
    let heard = capture.heard.iter().filter(|event| consumer.hears(event));
    let facts = heard.filter(|event| known.insert(event_id(event).unwrap_or_default().to_owned()));
    let facts = facts.cloned().collect();
    capture.close(cloud).await?;
    Ok(facts)
}

/// What it has made of what it heard.
async fn made(cloud: &Cloud, consumer: &Consumer) -> anyhow::Result<BTreeMap<String, Value>> {
    records::all(cloud, &consumer.name).await
}

/// Whether it has made of what it heard what it had made before; what has changed is shown, and no more.
async fn still_has(
    cloud: &Cloud,
    consumer: &Consumer,
    before: &BTreeMap<String, Value>,
    what: &str,
) -> anyhow::Result<()> {
    let now = made(cloud, consumer).await?;
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let changed: Vec<String> = keys
        .into_iter()
        .map(|key| (key, before.get(key), now.get(key)))
        .filter(|(_, before, now)| before != now)
        .map(|(key, before, now)| format!("{key}: {before:?} became {now:?}"))
        .collect();
    ensure!(changed.is_empty(), "{} {what}: {}", consumer.name, changed.join("; "));
    Ok(())
}

async fn xtask(action: &str, name: &str) -> anyhow::Result<()> {
    let exe = std::env::current_exe()?;
    let built = exe.ancestors().nth(2).context("a test lies below the build directory")?;
    let cloud: PathBuf = env_file().parent().context("an environment file lies somewhere")?.to_path_buf();
    let done = Command::new(built.join("xtask"))
        .args(["consumer", action, name, "--cloud"])
        .arg(std::path::absolute(cloud)?)
        .output()
        .await
        .context("xtask is not built")?;
    ensure!(done.status.success(), "{action}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

async fn comes_and_goes(cloud: &Cloud, name: &str) -> anyhow::Result<()> {
    let consumer = Consumer::deployed(cloud, name).await?;
    let mut said = history(cloud, &consumer).await?;
    // What nobody has ever said is said of something that does not exist, so that nobody confuses it with anything.
    let mut new = Vec::new();
    for rule in &consumer.rules {
        for detail_type in &rule.detail_types {
            if !said.iter().any(|event| event.detail_type == *detail_type) {
                new.extend(consumers::story(&rule.source, detail_type)?);
            }
        }
    }
    publish_again(cloud, &new).await?;
    said.append(&mut new);
    cloud.quiet(PATIENCE).await?;
    let live = made(cloud, &consumer).await?;
    ensure!(!live.is_empty(), "{name} makes nothing of {} events", said.len());

    // Told again, and backwards.
    said.reverse();
    publish_again(cloud, &said).await?;
    cloud.quiet(AFTERMATH).await?;
    still_has(cloud, &consumer, &live, "changes when it is told again").await?;

    // All that it knows can be told it by the archive.
    consumers::empty(cloud, name).await?;
    replay_to(cloud, &consumer).await?;
    still_has(cloud, &consumer, &live, "is not what a replay makes of it").await?;
    replay_to(cloud, &consumer).await?;
    still_has(cloud, &consumer, &live, "changes by a replay").await?;

    // It goes, and nothing else does.
    let others = consumers::all_others(cloud, name).await?;
    xtask("take-out", name).await?;
    assert_eq!(consumers::all_others(cloud, name).await?, others, "{name} took something along");
    assert!(Consumer::deployed(cloud, name).await.is_err(), "{name} is still heard");
    let depths = cloud.queue_depths().await?;
    assert!(!depths.contains_key(&cloud.name(name)), "the queue of {name} is still there");

    // It comes again, and knows everything.
    xtask("put-in", name).await?;
    assert_eq!(consumers::all_others(cloud, name).await?, others, "{name} brought something along");
    assert_eq!(Consumer::deployed(cloud, name).await?, consumer);
    assert!(made(cloud, &consumer).await?.is_empty(), "{name} is not new");
    replay_to(cloud, &consumer).await?;
    still_has(cloud, &consumer, &live, "does not know what was said before it came").await?;

    let given_up = cloud.queue_url(&format!("{}{DEAD_LETTERS}", cloud.name(name))).await?;
    assert_eq!(cloud.depth(&given_up).await?, 0, "{name} gave up a message");
    println!("{name}: {} events, {} items", said.len(), live.len());
    Ok(())
}

#[tokio::test]
async fn a_consumer_knows_what_it_was_told_and_what_was_said_before_it_came() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    // On a cloud where nothing has run yet there would be nothing to hear.
    let goods = shop.goods(5).await?;
    for (order, status) in [
        (NewOrder::of(&[(&goods, 1)]), Status::Fulfilled),
        (NewOrder::of(&[(&goods, 100)]), Status::Rejected),
        (NewOrder::of(&[(&goods, 1)]).paid_with("pm_sandbox_declined"), Status::Cancelled),
        (NewOrder::of(&[(&goods, 1)]).shipped_to("addr_sandbox_undeliverable"), Status::Cancelled),
    ] {
        assert_eq!(shop.place(&order).await?.status, status);
    }
    shop.cloud.quiet(PATIENCE).await?;
    let names = consumers::names()?;
    ensure!(!names.is_empty(), "there is no consumer in a directory of its own");
    for name in names {
        comes_and_goes(&shop.cloud, &name).await?;
    }
    Ok(())
}
