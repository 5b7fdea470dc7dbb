//! Alarms and runbooks on a cloud where something is broken on purpose: the runbooks' commands are run as they are written,
//! and alarms judge what the cloud itself says. Alone, because a consumer that is stopped is stopped for everybody.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use lakeside_alarms::{Alarm, Series, State, of_description};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cli::built,
    cloud::Cloud,
    poll::eventually,
    settings::{env_file, workspace_root},
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex};

/// One at a time, also where all tests of a file are one process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Alarms of one metric, of which the local cloud keeps all; of expressions it keeps nothing, and the plans show them.
async fn alarms(cloud: &Cloud) -> anyhow::Result<BTreeMap<String, Alarm>> {
    let mut alarms = BTreeMap::new();
    let mut start = None;
    loop {
        let request = json!({ "AlarmNamePrefix": cloud.name(""), "NextToken": start });
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let page = cloud.signed.json_1_0("monitoring", target, &request).await?;
        for described in page.get("MetricAlarms").and_then(Value::as_array).into_iter().flatten() {
            if described.get("MetricName").and_then(Value::as_str).is_some_and(|name| !name.is_empty()) {
                let alarm = of_description(described)?;
                alarms.insert(alarm.name.clone(), alarm);
            }
        }
        start = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
        if start.is_none() {
            return Ok(alarms);
        }
    }
}

/// The alarm of this name, and the state that follows from these values, the newest last.
fn judged(alarms: &BTreeMap<String, Alarm>, name: &str, values: &[f64]) -> anyhow::Result<State> {
    let alarm = alarms.get(name).with_context(|| format!("no alarm {name}"))?;
    let missing = alarm.range().saturating_sub(values.len());
    let points = vec![None; missing].into_iter().chain(values.iter().copied().map(Some)).collect();
    let series: Series = alarm.metrics.keys().map(|id| (id.clone(), Vec::clone(&points))).collect();
    Ok(alarm.state(&series, State::Ok))
}

/// The blocks of commands before the first heading, and those below these headings.
fn commands(name: &str, headings: &[&str]) -> anyhow::Result<String> {
    let path = workspace_root().join(format!("docs/runbooks/{name}.md"));
    let runbook = std::fs::read_to_string(&path).with_context(|| format!("no runbook {name}"))?;
    let mut sections = vec![runbook.split_once("\n## ").context("no headings")?.0];
    for heading in headings {
        let section = runbook.split_once(&format!("\n## {heading}\n"));
        let section = section.with_context(|| format!("{name} has no heading `{heading}`"))?.1;
        sections.push(section.split("\n## ").next().unwrap_or_default());
    }
    let blocks = sections.iter().flat_map(|section| section.split("```sh\n").skip(1));
    Ok(blocks.filter_map(|rest| Some(rest.split_once("```")?.0)).collect())
}

/// Runs parts of a runbook as somebody does who copies them and sets what is to be set; answers what they say.
async fn run(name: &str, headings: &[&str], set: &[(&str, &str)]) -> anyhow::Result<String> {
    let command_line = Command::new("aws").arg("--version").output().await;
    command_line.context("the AWS command line is not on the PATH: `make test` brings its own")?;
    let mut script = commands(name, headings)?.replace(". .local/lakeside.env", ". \"$LAKESIDE_ENV_FILE\"");
    for (variable, value) in set {
        let assigns = format!("{variable}=");
        ensure!(script.lines().any(|line| line.starts_with(&assigns)), "{name} does not set {variable}");
        let lines = script.lines().map(|line| {
            if line.starts_with(&assigns) { format!("{variable}='{value}'") } else { line.to_owned() }
        });
        script = lines.collect::<Vec<_>>().join("\n");
    }
    let dir = tempdir()?;
    let mut command = Command::new("sh");
    // `lakeside` is the one that was built with the tests.
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(built()?).chain(std::env::split_paths(&others)))?;
    command.arg("-euc").arg(&script).current_dir(&dir).env("LAKESIDE_ENV_FILE", env_file()).env("PATH", path);
    let done = command.output().await.context("no shell")?;
    std::fs::remove_dir_all(&dir)?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(done.status.success(), "{script}\n{said}{}", String::from_utf8_lossy(&done.stderr));
    Ok(said)
}

/// Where the files go that the commands write.
fn tempdir() -> anyhow::Result<std::path::PathBuf> {
    let dir = std::env::temp_dir().join(format!("lakeside-runbook-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&dir)?;
    Ok(dir)
}

#[tokio::test]
async fn every_alarm_watches_what_is_there_tells_somebody_and_leads_to_a_runbook() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let alarms = alarms(&cloud).await?;
    ensure!(alarms.len() > 80, "only {} alarms were found", alarms.len());
    for (name, alarm) in &alarms {
        ensure!(!alarm.actions.is_empty(), "{name} tells nobody");
        ensure!(alarm.description.contains("docs/runbooks/"), "{name} leads to no runbook");
        for metric in alarm.metrics.values() {
            for (dimension, value) in &metric.dimensions {
                let what = format!("{name} watches {dimension} {value}");
                match dimension.as_str() {
                    "QueueName" => drop(cloud.queue_url(value).await.context(what)?),
                    "FunctionName" | "Function" => {
                        let path = format!("/2015-03-31/functions/{value}");
                        cloud.signed.get("lambda", &path).await.context(what)?;
                    }
                    "StateMachineArn" => ensure!(*value == cloud.state_machine_arn, "{what}"),
                    "TableName" => {
                        drop(cloud.dynamodb.describe_table().table_name(value).send().await.context(what)?);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_given_up_rings_and_its_end_ends_it() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    let alarms = alarms(&cloud).await?;
    let name = cloud.name("accrue-loyalty-dead-letters");
    let url = cloud.queue_url(&cloud.name("accrue-loyalty-dlq")).await?;
    #[expect(clippy::cast_precision_loss, reason = "a depth is small")]
    let depth = async || anyhow::Ok(cloud.depth(&url).await? as f64);

    let before = depth().await?;
    ensure!(
        before == 0.0 && judged(&alarms, &name, &[before])? == State::Ok,
        "{before} dead letters were there"
    );
    cloud.sqs.send_message().queue_url(&url).message_body("given up").send().await?;
    let during = depth().await?;
    assert_eq!(judged(&alarms, &name, &[before, during])?, State::Alarm, "{during} dead letters");
    let received = cloud.sqs.receive_message().queue_url(&url).send().await?.messages.unwrap_or_default();
    let handle =
        received.into_iter().next().and_then(|message| message.receipt_handle).context("no message")?;
    cloud.sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await?;
    let after = depth().await?;
    assert_eq!(judged(&alarms, &name, &[before, during, after])?, State::Ok);
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_somebody_stopped_rings_and_the_runbook_starts_it() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    let alarms = alarms(cloud).await?;
    let behind = cloud.name("accrue-loyalty-behind");
    let stopped = run("throttled", &["Let the important ones through"], &[]).await?;
    ensure!(["Disabling", "Disabled"].iter().any(|state| stopped.contains(state)), "{stopped}");

    let order = NewOrder::of(&[(&tent, 1)]);
    assert_eq!(shop.place(&order).await?.status, Status::Fulfilled);
    let url = cloud.queue_url(&cloud.name("accrue-loyalty")).await?;
    let sent = eventually("a message that nobody takes", PATIENCE, async || {
        let received = cloud.sqs.receive_message().queue_url(&url).visibility_timeout(0);
        let received =
            received.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp).send().await?;
        let oldest = received.messages().iter().filter_map(|message| {
            message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?.parse::<f64>().ok()
        });
        Ok(match oldest.reduce(f64::min) {
            Some(sent) => ControlFlow::Break(sent / 1000.0),
            None => ControlFlow::Continue("the queue is empty".to_owned()),
        })
    })
    .await?;
    // It grows by a minute in every minute in which nobody starts the consumer.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs_f64();
    let age = |minutes: f64| now - sent + 60.0 * minutes;
    let objective = alarms.get(&behind).context("no alarm")?.threshold / 60.0;
    assert_eq!(judged(&alarms, &behind, &[age(0.0), age(1.0), age(2.0)])?, State::Ok);
    let late = [age(objective + 1.0), age(objective + 2.0), age(objective + 3.0)];
    assert_eq!(judged(&alarms, &behind, &late)?, State::Alarm);

    let set = [("FUNCTION", "accrue-loyalty")];
    let seen = run("consumer-behind", &["Look"], &set).await?;
    ensure!(seen.contains("Disabled"), "the runbook does not see it: {seen}");
    run("consumer-behind", &["Repair"], &set).await?;
    cloud.quiet(PATIENCE).await?;
    let over = run("consumer-behind", &["When it is over"], &set).await?;
    ensure!(over.split_whitespace().all(|number| number == "0"), "{over}");
    Ok(())
}

#[tokio::test]
async fn payments_are_held_while_the_processor_is_down_and_made_afterwards() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    run("payment-processor-down", &["Look", "Hold payments while it is down for long"], &[]).await?;

    let order = NewOrder::of(&[(&tent, 1)]);
    cloud.api.submit(&shop.customer, &order).await?;
    let url = cloud.queue_url(&cloud.name("capture-payment")).await?;
    eventually("a payment that waits", PATIENCE, async || {
        let depth = cloud.depth(&url).await?;
        Ok(if depth > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue("none waits".to_owned()) })
    })
    .await?;
    ensure!(cloud.sandbox.payment(order.order_id).await?.is_none(), "a payment was made");

    run("payment-processor-down", &["Go on"], &[]).await?;
    assert_eq!(shop.ended(order.order_id).await?.status, Status::Fulfilled);
    let payment = cloud.sandbox.payment(order.order_id).await?.context("no payment")?;
    assert_eq!((payment.charges, payment.kept()), (1, order.total_minor()));
    cloud.quiet(PATIENCE).await
}

#[tokio::test]
async fn a_day_is_replayed_and_nothing_changes() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    // Whatever was told before this test is handled, so that what is left over is of the replay.
    cloud.quiet(PATIENCE).await?;
    let said = run("replay-a-day", &["Look before", "Replay", "When it is over"], &[("LAG", "0")]).await?;
    ensure!(said.contains("all is told") && said.contains("COMPLETED"), "{said}");
    cloud.quiet(PATIENCE).await
}

#[tokio::test]
async fn an_item_that_was_deleted_is_copied_back_from_the_table_as_it_was() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    shop.place(&order).await?;
    cloud.quiet(PATIENCE).await?;
    let table = cloud.name("order-status");
    let items = || {
        cloud
            .dynamodb
            .query()
            .table_name(&table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(
                ":pk",
                aws_sdk_dynamodb::types::AttributeValue::S(format!("ORDER#{}", order.id())),
            )
            .consistent_read(true)
            .send()
    };
    let before = items().await?.items.unwrap_or_default().into_iter().next().context("no item")?;
    let sort = before.get("sk").and_then(|value| value.as_s().ok()).context("no sort key")?.clone();
    let key = format!("{{\"pk\":{{\"S\":\"ORDER#{}\"}},\"sk\":{{\"S\":\"{sort}\"}}}}", order.id());

    run("table-restore", &["Look", "Restore beside it"], &[]).await?;
    let delete = cloud.dynamodb.delete_item().table_name(&table);
    let delete =
        delete.key("pk", aws_sdk_dynamodb::types::AttributeValue::S(format!("ORDER#{}", order.id())));
    delete.key("sk", aws_sdk_dynamodb::types::AttributeValue::S(sort)).send().await?;
    ensure!(items().await?.items().is_empty(), "it is still there");

    run("table-restore", &["Copy back what is damaged", "When it is over"], &[("KEY", &key)]).await?;
    assert_eq!(items().await?.items(), [before]);
    Ok(())
}

#[tokio::test]
async fn a_count_is_booked_once_and_the_books_still_agree() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let sku = tent.sku.to_string();
    let set = [("SKU", sku.as_str()), ("NODE", "wh-one")];
    let look = async || run("oversell-suspected", &["Look"], &set[..1]).await;
    let seen = look().await?;
    ensure!(seen.contains("1 SKUs agree, 0 do not"), "{seen}");
    run("oversell-suspected", &["Book what was counted"], &set).await?;
    shop.cloud.quiet(PATIENCE).await?;
    let seen = look().await?;
    let at_node = seen.lines().find(|line| line.starts_with("wh-one ")).unwrap_or_default();
    assert_eq!(at_node.split_whitespace().nth(1), Some("4"), "{seen}");
    ensure!(seen.contains("1 SKUs agree, 0 do not"), "{seen}");
    Ok(())
}

/// What only looks is looked at, so that no command of it has a fault.
#[tokio::test]
async fn looking_finds_nothing_where_nothing_is_wrong() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    tokio::time::timeout(Duration::from_mins(5), async {
        for name in ["consumer-behind", "door-fails", "function-fails"] {
            run(name, &["Look"], &[]).await?;
        }
        anyhow::Ok(())
    })
    .await?
}

/// What a newcomer does first, as it is written.
#[tokio::test]
async fn a_newcomer_breaks_orders_finds_them_and_repairs_them() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    let headings = [
        "Become a customer",
        "A payment that is declined",
        "A message that is no order",
        "A consumer that somebody stopped",
        "Nothing was lost",
    ];
    let said = run("../break-and-repair", &headings, &[]).await?;
    for finding in [
        "ENDED  the order is CANCELLED for PAYMENT_DECLINED",
        "STUCK  the saga is at CapturePayment",
        "does not listen to capture-payment (its mapping is Disabled)",
        "exit code 1: it is stuck",
        "exit code 1: something is wrong",
    ] {
        ensure!(said.contains(finding), "nothing says `{finding}`:\n{said}");
    }
    let repaired = said.rsplit("exit code 1: something is wrong").next().unwrap_or_default();
    ensure!(repaired.contains("FULFILLED") && repaired.contains("CANCELLED"), "{repaired}");
    cloud.quiet(PATIENCE).await
}
