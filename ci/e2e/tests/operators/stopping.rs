//! What is under way is stopped, and what was stopped goes on.

use std::{fs, ops::ControlFlow, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, ensure};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cli::{command, lakeside},
    poll::eventually,
    settings::env_file,
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::{ALONE, DONE, GUARDED, WRONG, listening, text};

/// How long a replay rests before each event, as long as this is kept.
struct SlowReplays(PathBuf);

impl SlowReplays {
    fn by(pause: Duration) -> anyhow::Result<Self> {
        let dir = env_file().parent().context("the environment file lies nowhere")?.to_owned();
        let path = dir.join("run/replay-pause");
        fs::write(&path, pause.as_secs_f64().to_string())?;
        Ok(Self(path))
    }
}

impl Drop for SlowReplays {
    fn drop(&mut self) {
        // If it is gone already, the better.
        let _gone = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_replay_that_is_interrupted_stops_half_way_and_what_was_told_by_then_is_handled()
-> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    let from = lakeside_cli::clock::now().to_string();
    assert_eq!(shop.place(&NewOrder::of(&[(&tent, 1)])).await?.status, Status::Fulfilled);
    cloud.quiet(PATIENCE).await?;
    let to = lakeside_cli::clock::now().to_string();
    let _slow = SlowReplays::by(Duration::from_mins(10))?;
    let window = ["--json", "events", "replay", "orders", "--from", &from, "--to", &to, "--lag", "0"];
    let replay = [&window[..], &["--rule", "order-status", "--yes"]].concat();
    let mut telling = command(cloud, &replay)?;
    let mut telling = telling.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(telling.stderr.take().context("no stderr")?).lines();
    let begun = said.next_line().await?.context("it said nothing")?;
    let name = begun.split_once(" begins; Ctrl-C stops it").context("it does not begin")?.0.to_owned();
    let id = telling.id().context("it has ended")?.to_string();
    ensure!(Command::new("kill").args(["-INT", &id]).status().await?.success(), "no signal");
    let stopping = said.next_line().await?.context("it said nothing more")?;
    ensure!(stopping == format!("stopping {name}; what was told by now is handled"), "{stopping}");
    let ended = telling.wait_with_output().await?;
    assert_eq!(ended.status.code(), Some(WRONG), "{ended:?}");
    let document: Value = serde_json::from_slice(&ended.stdout)?;
    assert_eq!((text(&document, "/told/outcome"), &document["atRest"]), ("CANCELLED", &json!(true)));
    let listed = lakeside(cloud, &["--json", "events", "list"]).await?.ended(DONE)?.json()?;
    assert_eq!((text(&listed, "/0/name"), text(&listed, "/0/state")), (name.as_str(), "CANCELLED"));
    Ok(())
}

/// Waits until the saga of an order is in this state.
async fn at(shop: &Shop, id: &str, state: &str) -> anyhow::Result<()> {
    eventually(&format!("a verdict of {state}"), PATIENCE, async || {
        let traced = lakeside(&shop.cloud, &["--json", "trace", "--no-logs", id]).await?.json()?;
        Ok(match text(&traced, "/verdict/state") {
            found if found == state => ControlFlow::Break(()),
            _ => ControlFlow::Continue(traced.to_string()),
        })
    })
    .await
}

#[tokio::test]
async fn a_saga_that_died_and_that_nobody_undoes_goes_on_from_where_it_was() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let goods = shop.goods_at(cloud.approval_threshold_minor().await? + 1, &[("wh-one", 2)], 1).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    let id = order.id();
    cloud.api.submit(&shop.customer, &order).await?;
    at(&shop, &id, "WAITING").await?;
    listening(cloud, "recover-fulfilment", false).await?;
    let died = cloud.sfn.stop_execution().execution_arn(cloud.execution_arn(order.order_id)).send().await;
    let went_on = async {
        died?;
        let traced = lakeside(cloud, &["--json", "trace", "--no-logs", &id]).await?.ended(WRONG)?.json()?;
        let sentences = traced.pointer("/verdict/sentences").map(Value::to_string).unwrap_or_default();
        ensure!(sentences.contains("recover-fulfilment does not listen"), "{traced}");
        lakeside(cloud, &["saga", "redrive", &id]).await?.ended(GUARDED)?;
        let dry = lakeside(cloud, &["saga", "redrive", &id, "--dry-run"]).await?.ended(DONE)?;
        ensure!(dry.out.contains("go on from the state in which it failed"), "{dry:?}");
        let done =
            lakeside(cloud, &["--json", "saga", "redrive", &id, "--yes"]).await?.ended(DONE)?.json()?;
        assert_eq!(text(&done, "/done"), "going on");
        // The same execution asks once more, with a token of its own.
        at(&shop, &id, "WAITING").await?;
        // Whoever hears of its death only now undoes nothing.
        let told = cloud.queue_url(&cloud.name("recover-fulfilment")).await?;
        eventually("word of its death", PATIENCE, async || {
            Ok(match cloud.depth(&told).await? {
                0 => ControlFlow::Continue("none waits".into()),
                _ => ControlFlow::Break(()),
            })
        })
        .await?;
        listening(cloud, "recover-fulfilment", true).await?;
        cloud.drained(&cloud.name("recover-fulfilment"), PATIENCE).await?;
        lakeside(cloud, &["saga", "redrive", &id, "--yes"]).await?.ended(GUARDED)?;
        lakeside(cloud, &["saga", "approve", &id, "--yes"]).await?.ended(DONE)?;
        assert_eq!(shop.ended(order.order_id).await?.status, Status::Fulfilled);
        let shown = lakeside(cloud, &["--json", "saga", "show", &id]).await?.ended(DONE)?.json()?;
        assert_eq!(shown["executions"].as_array().map(Vec::len), Some(1), "{shown}");
        let visits = shown.pointer("/executions/0/visits").and_then(Value::as_array).context("no visits")?;
        let count = |state: &str| visits.iter().filter(|visit| text(visit, "/state") == state).count();
        assert_eq!((count("ReserveStock"), count("RequestApproval"), count("CapturePayment")), (1, 2, 1));
        anyhow::Ok(())
    }
    .await;
    listening(cloud, "recover-fulfilment", true).await?;
    went_on
}
