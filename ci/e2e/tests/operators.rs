//! What ops do with the command line to a whole cloud: tell a day again, and check an installation in which something is
//! broken. Alone, because what is broken is broken for everybody.

#[path = "operators/stopping.rs"]
mod stopping;

use anyhow::{Context, ensure};
use aws_credential_types::provider::ProvideCredentials as _;
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cli::{lakeside, lakeside_with},
    cloud::{Cloud, table},
    records,
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex};

/// One at a time, also where all tests of a file are one process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Exit codes of the command line.
const DONE: i32 = 0;
const WRONG: i32 = 1;
const GUARDED: i32 = 4;
const UNREACHABLE: i32 = 5;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn what_was_said_of_orders_is_told_again_and_nothing_changes() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let cloud = &shop.cloud;
    let tent = shop.goods(5).await?;
    let from = lakeside_cli::clock::now().to_string();
    let order = NewOrder::of(&[(&tent, 1)]);
    assert_eq!(shop.place(&order).await?.status, Status::Fulfilled);
    shop.cloud.saga_ended(order.order_id, PATIENCE).await?;
    cloud.quiet(PATIENCE).await?;
    let to = lakeside_cli::clock::now().to_string();
    let kept = async || {
        let mut kept = records::all(cloud, table::ORDER_STATUS).await?;
        kept.extend(records::all(cloud, table::ORDERS).await?);
        anyhow::Ok(kept)
    };
    let before = kept().await?;

    let replay = ["--json", "events", "replay", "orders", "--from", &from, "--to", &to, "--lag", "0"];
    let replay = [&replay[..], &["--although-effects", "--yes"]].concat();
    let done = lakeside(cloud, &replay).await?.ended(DONE)?;
    let done = done.json()?;
    assert_eq!(text(&done, "/told/outcome"), "COMPLETED");
    assert_eq!((&done["atRest"], &done["deadLetters"]), (&json!(true), &json!([])));
    assert_eq!(done.pointer("/books/different"), Some(&json!({})));
    ensure!(done.pointer("/books/agree").is_some_and(|agree| agree.as_u64() > Some(0)), "{done}");
    let listed = lakeside(cloud, &["--json", "events", "list"]).await?.ended(DONE)?.json()?;
    assert_eq!(text(&listed, "/0/name"), text(&done, "/replay"), "the newest is the first");
    assert_eq!(text(&listed, "/0/state"), "COMPLETED");
    cloud.quiet(PATIENCE).await?;
    ensure!(before == kept().await?, "a second telling has changed something");
    Ok(())
}

/// Has the consumer of a queue listen or not.
async fn listening(cloud: &Cloud, consumer: &str, listens: bool) -> anyhow::Result<()> {
    let path = format!("/2015-03-31/event-source-mappings/?FunctionName={}%3Alive", cloud.name(consumer));
    let mappings = cloud.signed.get("lambda", &path).await?;
    let path =
        format!("/2015-03-31/event-source-mappings/{}", text(&mappings, "/EventSourceMappings/0/UUID"));
    cloud.signed.rest("lambda", reqwest::Method::PUT, &path, &json!({ "Enabled": listens })).await?;
    Ok(())
}

#[tokio::test]
async fn all_books_are_compared_from_the_shell() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let found = lakeside(&shop.cloud, &["--json", "stock", "reconcile"]).await?.ended(DONE)?.json()?;
    let stocked = records::all(&shop.cloud, table::INVENTORY).await?;
    let skus = stocked.keys().filter(|key| key.ends_with(" POOL#0")).count();
    assert_eq!(found["agree"], json!(skus), "every SKU, {} among them", tent.sku);
    Ok(())
}

/// The finding of one check, which must be of this state.
async fn finding(cloud: &Cloud, check: &str, state: &str) -> anyhow::Result<Value> {
    let said = lakeside(cloud, &["--json", "doctor"]).await?;
    let found = of(&said.json()?, check)?;
    ensure!(text(&found, "/state") == state, "{found}");
    ensure!(state != "WRONG" || said.code == WRONG, "what is wrong has an exit code: {said:?}");
    Ok(found)
}

fn of(said: &Value, check: &str) -> anyhow::Result<Value> {
    let checks = said["checks"].as_array().context("no checks")?;
    let found = checks.iter().find(|found| text(found, "/check") == check);
    found.cloned().with_context(|| format!("no check {check} in {said}"))
}

/// The only next step of a finding, run as it is by somebody in a shell.
async fn run(cloud: &Cloud, finding: &Value) -> anyhow::Result<()> {
    let step = text(finding, "/next/0");
    let mut command = Command::new("sh");
    let endpoint = &cloud.endpoint;
    let script = format!(
        "aws() {{ command aws --endpoint-url='{endpoint}' \"$@\"; }}; . \"$LAKESIDE_ENV_FILE\"; {step}"
    );
    command.arg("-euc").arg(script).env("LAKESIDE_ENV_FILE", lakeside_e2e::settings::env_file());
    let done = command.output().await?;
    ensure!(done.status.success(), "{step}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[tokio::test]
async fn a_sound_installation_has_nothing_wrong_and_its_contracts_are_those_of_this_build()
-> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    cloud.quiet(PATIENCE).await?;
    let shown = lakeside(&cloud, &["doctor"]).await?.ended(DONE)?;
    for check in ["clock", "contracts", "consumers", "rules", "archives", "dead letters", "orders", "stock"] {
        ensure!(
            shown.out.lines().any(|line| line.starts_with(&format!("ok     {check}"))),
            "{check}: {shown:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_somebody_stopped_is_found_and_started_as_the_doctor_says() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    let name = cloud.name("accrue-loyalty");
    listening(&cloud, "accrue-loyalty", false).await?;
    let found = finding(&cloud, "consumers", "WRONG").await?;
    ensure!(text(&found, "/said").contains(&name), "{found}");
    run(&cloud, &found).await?;
    finding(&cloud, "consumers", "OK").await?;
    Ok(())
}

#[tokio::test]
async fn a_rule_that_somebody_switched_off_is_found_and_switched_on_as_the_doctor_says() -> anyhow::Result<()>
{
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    let (rule, bus) = (cloud.name("order-status-orders"), cloud.name("orders"));
    cloud.events.disable_rule().name(&rule).event_bus_name(&bus).send().await?;
    let found = finding(&cloud, "rules", "WRONG").await?;
    ensure!(text(&found, "/said").contains(&rule), "{found}");
    run(&cloud, &found).await?;
    finding(&cloud, "rules", "OK").await?;
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_and_contracts_of_another_version_are_found() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    let url = cloud.queue_url(&cloud.name("accrue-loyalty-dlq")).await?;
    cloud.sqs.send_message().queue_url(&url).message_body("given up").send().await?;
    let found = finding(&cloud, "dead letters", "WRONG").await?;
    ensure!(text(&found, "/said").contains("accrue-loyalty"), "{found}");
    let received = cloud.sqs.receive_message().queue_url(&url).send().await?;
    let handle = received.messages.unwrap_or_default().pop().and_then(|message| message.receipt_handle);
    cloud.sqs.delete_message().queue_url(&url).receipt_handle(handle.context("no message")?).send().await?;

    let name = format!("/{}/contracts/v1", cloud.prefix);
    let installed = cloud.signed.json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name })).await?;
    let installed = text(&installed, "/Parameter/Value").to_owned();
    let put = async |value: &str| {
        let request = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
        cloud.signed.json("ssm", "AmazonSSM.PutParameter", &request).await
    };
    let mut other: Value = serde_json::from_str(&installed)?;
    other["lakeside.orders@OrderCreated"] = json!("000000000000");
    put(&other.to_string()).await?;
    let found = finding(&cloud, "contracts", "WARN").await;
    put(&installed).await?;
    let found = found?;
    ensure!(text(&found, "/said").contains("lakeside.orders@OrderCreated"), "{found}");
    finding(&cloud, "contracts", "OK").await?;
    Ok(())
}

/// What the emulator holds to no resource, so that only a policy without one allows it there.
const LOOK_AT_REPLAYS: [&str; 3] =
    ["events:DescribeArchive", "events:DescribeReplay", "events:ListTargetsByRule"];
const REPLAY: [&str; 2] = ["events:CancelReplay", "events:StartReplay"];

/// Credentials of a role that may find the installation, and do what these policies of the platform say, with these actions
/// on everything.
async fn somebody(
    cloud: &Cloud,
    policies: &[&str],
    actions: &[&str],
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let account = cloud.state_machine_arn.split(':').nth(4).context("no account")?;
    let role = format!("{}-e2e-{}", cloud.prefix, uuid::Uuid::new_v4().simple());
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
    }] });
    let actions = [&["ssm:GetParameter", "ssm:GetParametersByPath"], actions].concat();
    let own = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": actions, "Resource": "*",
    }] });
    let attach = policies.iter().map(|policy| {
        let arn = format!("arn:aws:iam::{account}:policy/{}", cloud.name(policy));
        format!("aws iam attach-role-policy --role-name {role} --policy-arn {arn}")
    });
    let endpoint = &cloud.endpoint;
    let script = [
        format!("aws() {{ command aws --endpoint-url='{endpoint}' \"$@\"; }}; . \"$LAKESIDE_ENV_FILE\""),
        format!("aws iam create-role --role-name {role} --assume-role-policy-document '{trust}' > /dev/null"),
        format!("aws iam put-role-policy --role-name {role} --policy-name own --policy-document '{own}'"),
    ];
    let script = script.into_iter().chain(attach).collect::<Vec<_>>().join("\n");
    let mut command = Command::new("sh");
    command.arg("-euc").arg(script).env("LAKESIDE_ENV_FILE", lakeside_e2e::settings::env_file());
    let done = command.output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let config = cloud.assume(&format!("arn:aws:iam::{account}:role/{role}")).await;
    let credentials = config.credentials_provider().context("no credentials")?.provide_credentials().await?;
    Ok(vec![
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
        ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default().to_owned()),
    ])
}

/// As somebody's environment.
fn environment<'a>(credentials: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    credentials.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn who_may_look_puts_on_load_with_customers_tokens_and_sees_what_became_of_every_order()
-> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]);
    assert_eq!(shop.place(&order).await?.status, Status::Fulfilled);
    shop.cloud.saga_ended(order.order_id, PATIENCE).await?;
    let looker = somebody(&shop.cloud, &["look"], &LOOK_AT_REPLAYS).await?;
    let looker = environment(&looker);
    let (sku, order) = (tent.sku.as_str(), order.order_id.to_string());
    for look in [
        ["order", "get", &order],
        ["trace", "--no-logs", &order],
        ["saga", "show", &order],
        ["stock", "get", sku],
    ] {
        lakeside_with(&shop.cloud, &looker, &look).await?.ended(DONE)?;
    }
    lakeside_with(&shop.cloud, &looker, &["saga", "list"]).await?.ended(DONE)?;
    lakeside_with(&shop.cloud, &looker, &["events", "list"]).await?.ended(DONE)?;

    let report = std::env::temp_dir().join(format!("lakeside-load-{}.html", uuid::Uuid::new_v4()));
    let report = report.display().to_string();
    let load = ["--json", "load", "--sku", sku, "--at-once", "2", "--limit", "3", "--report", &report];
    let load = [&load[..], &["--duplicate-percent", "0", "--bad-percent", "0"]].concat();
    let customer = [("LAKESIDE_TOKEN", shop.customer.token.as_str()), ("LAKESIDE_SANDBOX_URL", "")];
    let measured = [&looker[..], &customer].concat();
    let measured = lakeside_with(&shop.cloud, &measured, &load).await?.ended(DONE)?.json()?;
    assert_eq!(measured.pointer("/toEnd/count"), Some(&json!(3)), "{measured}");
    std::fs::remove_file(&report)?;
    Ok(())
}

#[tokio::test]
async fn who_may_look_sees_everything_and_who_may_less_learns_what_is_missing() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let cloud = Cloud::open()?;
    cloud.quiet(PATIENCE).await?;
    let looker = somebody(&cloud, &["look"], &LOOK_AT_REPLAYS).await?;
    let looker = environment(&looker);
    lakeside_with(&cloud, &looker, &["doctor"]).await?.ended(DONE)?;
    lakeside_with(&cloud, &looker, &["stock", "reconcile"]).await?.ended(DONE)?;
    lakeside_with(&cloud, &looker, &["dlq", "list"]).await?.ended(DONE)?;
    let now = lakeside_cli::clock::now().to_string();
    let replay = ["events", "replay", "orders", "--from", "2020-01-01T00:00:00Z", "--to", &now, "--lag", "0"];
    let replay = [&replay[..], &["--rule", "order-status", "--yes"]].concat();
    let refused = lakeside_with(&cloud, &looker, &replay).await?.ended(UNREACHABLE)?;
    ensure!(refused.err.contains("cannot begin the replay"), "{refused:?}");
    let repairer = somebody(&cloud, &["look", "repair"], &[&LOOK_AT_REPLAYS[..], &REPLAY].concat()).await?;
    let repairer = environment(&repairer);
    lakeside_with(&cloud, &repairer, &replay).await?.ended(DONE)?;

    let newcomer = somebody(&cloud, &[], &[]).await?;
    let newcomer = environment(&newcomer);
    let said = lakeside_with(&cloud, &newcomer, &["--json", "doctor"]).await?.ended(WRONG)?.json()?;
    for check in
        ["consumers", "rules", "archives", "dead letters", "alarms", "orders", "sagas", "logs", "stock"]
    {
        let found = of(&said, check)?;
        ensure!(text(&found, "/said").starts_with("cannot be seen"), "{found}");
        ensure!(text(&found, "/next/0").contains("an operator may do"), "{found}");
    }
    Ok(())
}
