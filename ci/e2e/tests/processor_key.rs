//! The payment processor's key is replaced while payments go on: run after everything else, and alone, because a key that is
//! taken away is taken from everybody.

use std::{collections::BTreeSet, ops::ControlFlow, path::Path};

use anyhow::{Context, ensure};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cloud::Cloud,
    logs,
    poll::eventually,
    processor_key::{self, STEPS},
    settings::{env_file, workspace_root},
    shop::{PATIENCE, Shop},
    stock::Goods,
};
use tokio::{process::Command, sync::Mutex};

/// One at a time, also where all tests of a file are one process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How a key of the sandbox begins.
const KEY: &str = "sk_sandbox_";

/// Submits an order of one unit.
async fn submit(shop: &Shop, goods: &Goods) -> anyhow::Result<NewOrder> {
    let order = NewOrder::of(&[(goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    Ok(order)
}

/// Each of these is fulfilled after exactly one charge.
async fn charged_once(shop: &Shop, orders: &[NewOrder]) -> anyhow::Result<()> {
    for order in orders {
        let view = shop.ended(order.order_id).await?;
        ensure!(view.status == Status::Fulfilled, "{} ended {:?}", order.order_id, view.status);
        let payment = shop.cloud.sandbox.payment(order.order_id).await?.context("a payment")?;
        ensure!((payment.charges, payment.kept()) == (1, order.total_minor()), "{payment:?}");
    }
    Ok(())
}

/// The ids of our keys that are alive.
async fn alive(cloud: &Cloud) -> anyhow::Result<BTreeSet<String>> {
    let ours = format!("{}/", processor_key::secret(cloud));
    let keys = cloud.sandbox.ledger().await?.keys.into_iter();
    let alive = keys.filter(|key| key.status == "alive" && key.label.starts_with(&ours));
    Ok(alive.map(|key| key.key_id).collect())
}

/// The ids of the current key and of the one before, both of which open the processor.
async fn in_use(cloud: &Cloud) -> anyhow::Result<(String, String)> {
    let current = processor_key::current(cloud).await?.context("a current key")?;
    let previous = processor_key::previous(cloud).await?.context("a key before")?;
    let id = async |key: &str| cloud.sandbox.key_id(key).await?.context("a key that opens nothing");
    Ok((id(&current).await?, id(&previous).await?))
}

/// No key was ever logged.
async fn nothing_logged(cloud: &Cloud) -> anyhow::Result<()> {
    let lines = logs::all(cloud).await?;
    let rotating = lines.iter().filter(|line| line.contains("step of the rotation taken")).count();
    ensure!(rotating > 0, "the function that rotates has no log");
    ensure!(!lines.iter().any(|line| line.contains(KEY)), "a key is in the log");
    Ok(())
}

#[tokio::test]
async fn orders_before_during_and_after_rotations_are_charged_once() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(50).await?;
    processor_key::seed(cloud).await?;
    let first = processor_key::current(cloud).await?.context("a first key")?;

    // Whoever pays has this key in memory from here on.
    let mut orders = vec![submit(&shop, &tent).await?];
    charged_once(&shop, &orders).await?;

    let version = processor_key::begin(cloud, "").await?;
    for step in STEPS {
        orders.push(submit(&shop, &tent).await?);
        // Secrets Manager asks again where it did not hear the answer.
        for _ in 0..2 {
            processor_key::step(cloud, step, &version).await?;
        }
        ensure!(cloud.sandbox.key_id(&first).await?.is_some(), "the old key is dead after {step}");
    }
    let (current, previous) = in_use(cloud).await?;
    ensure!(alive(cloud).await? == [current, previous].into(), "there are other keys");
    ensure!(processor_key::previous(cloud).await?.as_ref() == Some(&first));
    orders.push(submit(&shop, &tent).await?);
    charged_once(&shop, &orders).await?;

    processor_key::rotate(cloud).await?;
    ensure!(cloud.sandbox.key_id(&first).await?.is_none(), "the first key still opens the processor");
    let (current, previous) = in_use(cloud).await?;
    ensure!(alive(cloud).await? == [current, previous].into(), "there are other keys");
    // Whoever has the first key in memory is turned down, and reads again.
    let after = [submit(&shop, &tent).await?, submit(&shop, &tent).await?];
    charged_once(&shop, &after).await?;
    nothing_logged(cloud).await
}

#[tokio::test]
async fn a_rotation_that_fails_leaves_the_current_key_and_is_made_good() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = &Cloud::open()?;
    processor_key::seed(cloud).await?;
    let first = processor_key::current(cloud).await?;

    // Nobody asked for these.
    for step in STEPS {
        ensure!(processor_key::step(cloud, step, "00000000-0000-0000-0000-000000000000").await.is_err());
    }
    // A key that opens nothing is given up.
    let version = processor_key::begin(cloud, "sandbox-opens-nothing-").await?;
    processor_key::step(cloud, "createSecret", &version).await?;
    ensure!(processor_key::step(cloud, "finishSecret", &version).await.is_err(), "it became current");
    ensure!(processor_key::step(cloud, "testSecret", &version).await.is_err(), "it was found to open");
    ensure!(processor_key::current(cloud).await? == first);

    // A key is made and nobody hears of it; the next attempt makes another.
    let version = processor_key::begin(cloud, "sandbox-error-after-").await?;
    ensure!(processor_key::step(cloud, "createSecret", &version).await.is_err(), "it was answered");
    for step in STEPS {
        processor_key::step(cloud, step, &version).await?;
    }
    ensure!(processor_key::current(cloud).await? != first);

    // A later rotation would end what was left over, once it is too old to be about to be kept.
    let (current, previous) = in_use(cloud).await?;
    for left_over in alive(cloud).await? {
        if left_over != current && left_over != previous {
            cloud.sandbox.take_key(&left_over).await?;
        }
    }
    nothing_logged(cloud).await
}

#[tokio::test]
async fn orders_wait_while_our_keys_are_revoked_and_are_paid_once_somebody_puts_another() -> anyhow::Result<()>
{
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    processor_key::seed(cloud).await?;
    processor_key::rotate(cloud).await?;
    let (current, previous) = in_use(cloud).await?;
    // The one before, too: a function that is warm may know it still, and would be let in.
    for key in [current, previous] {
        cloud.sandbox.take_key(&key).await?;
    }

    let orders = [submit(&shop, &tent).await?, submit(&shop, &tent).await?];
    for order in &orders {
        let id = order.id();
        let alarmed = format!("an alarming line about order {id}");
        eventually(&alarmed, PATIENCE, async || {
            let lines = logs::all(cloud).await?;
            let alarming =
                |line: &String| line.contains(&id) && line.contains("\"outcome\":\"UNAUTHORIZED\"");
            Ok(if lines.iter().any(alarming) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue("nobody complains".to_owned())
            })
        })
        .await?;
        ensure!(cloud.sandbox.payment(order.order_id).await?.is_none(), "{id} was taken without a key");
    }
    let waiting = cloud.depth(&cloud.queue_url(&cloud.name("capture-payment")).await?).await?;
    ensure!(waiting >= 2, "{waiting} payments wait");

    processor_key::seed(cloud).await?;
    charged_once(&shop, &orders).await?;
    // Those that were taken from us fall out.
    for _ in 0..2 {
        processor_key::rotate(cloud).await?;
    }
    in_use(cloud).await?;
    cloud.quiet(PATIENCE).await?;
    nothing_logged(cloud).await
}

/// The commands of a runbook, from a heading to the next.
fn commands(runbook: &str, heading: &str) -> anyhow::Result<String> {
    let section = runbook.split_once(&format!("\n## {heading}\n")).context("no such heading")?.1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    Ok(blocks.collect())
}

/// Runs a part of a runbook as somebody does who copies it; answers what it says.
async fn run(commands: &str) -> anyhow::Result<String> {
    let script = commands.replace(". .local/lakeside.env", ". \"$LAKESIDE_ENV_FILE\"");
    let mut command = Command::new("sh");
    command.arg("-euc").arg(&script).current_dir(workspace_root()).env("LAKESIDE_ENV_FILE", env_file());
    let done = command.output().await.context("no shell")?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.success(), "{script}\n{said}{}", String::from_utf8_lossy(&done.stderr));
    Ok(said)
}

#[tokio::test]
async fn the_runbook_finds_a_rotation_that_went_wrong_and_takes_it_back() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    if Command::new("aws").arg("--version").output().await.is_err() {
        println!("skipped: there is no AWS command line");
        return Ok(());
    }
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    processor_key::seed(cloud).await?;
    processor_key::rotate(cloud).await?;
    processor_key::rotate(cloud).await?;
    let right = processor_key::previous(cloud).await?.context("a key before")?;
    // It went through all tests and is taken from us for a reason of the processor's; another one was begun and left.
    let (wrong, _) = in_use(cloud).await?;
    cloud.sandbox.take_key(&wrong).await?;
    processor_key::begin(cloud, "").await?;

    let path = workspace_root().join("docs/runbooks/processor-key.md");
    let runbook = std::fs::read_to_string(Path::new(&path)).context("no runbook")?;
    let before = runbook.split_once("\n## ").context("no headings")?.0;
    let before: String =
        before.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    let part = async |heading: &str| run(&format!("{before}{}", commands(&runbook, heading)?)).await;

    let found = part("Look").await?;
    for stage in ["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"] {
        ensure!(found.contains(stage), "{stage} is not in {found}");
    }
    ensure!(!found.contains(KEY), "a key was printed");
    part("Give up a rotation").await?;
    part("Go back").await?;
    ensure!(processor_key::current(cloud).await?.as_ref() == Some(&right));
    let order = submit(&shop, &tent).await?;
    charged_once(&shop, &[order]).await?;
    let verified = part("Verify").await?;
    ensure!(verified.contains("CAPTURED") || verified.contains("Captured"), "{verified}");

    // As it was: two keys that open.
    processor_key::rotate(cloud).await?;
    processor_key::rotate(cloud).await?;
    in_use(cloud).await?;
    cloud.quiet(PATIENCE).await
}
