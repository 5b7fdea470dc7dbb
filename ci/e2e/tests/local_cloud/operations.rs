//! What ops do with the command line, on the real binary: find an order, decide, repair, and send back what was given up.

mod events;
pub mod stock;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    ops::ControlFlow,
    path::Path,
    slice,
};

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use lakeside_cli::{
    clock::now,
    dead_letters::{letter::Letter, queues::hold},
};
use lakeside_domain::order_status::Status;
use lakeside_e2e::{
    api::NewOrder,
    cli::{Said, lakeside, lakeside_with},
    cloud::Cloud,
    poll::eventually,
    shop::{PATIENCE, Shop},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::approval::{given_up, precious, requested};

/// Exit codes of the command line.
const DONE: i32 = 0;
const WRONG: i32 = 1;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const GUARDED: i32 = 4;
const UNREACHABLE: i32 = 5;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Everything under `pointer` of the entries of a list.
fn all<'a>(list: &'a Value, pointer: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().map(|entry| text(entry, pointer)).collect()
}

/// The texts of a list under `pointer`.
fn all_of<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn an_order_is_placed_watched_read_and_traced_from_the_shell() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let line = format!("{}=1", tent.sku);
    let order_id = Uuid::new_v4().to_string();
    let total = tent.price_minor.to_string();
    let place = ["--json", "order", "place", "--id", &order_id, "--line", &line, "--expected-total", &total];
    let nobody = lakeside(&shop.cloud, &place).await?.ended(USAGE)?;
    ensure!(nobody.err.contains("LAKESIDE_TOKEN"), "{nobody:?}");
    let token = [("LAKESIDE_TOKEN", shop.customer.token.as_str())];
    let dry =
        lakeside_with(&shop.cloud, &token, &[&place[..], &["--dry-run"]].concat()).await?.ended(DONE)?;
    ensure!(dry.json()?.pointer("/body/lines/0/sku") == Some(&json!(tent.sku)), "{dry:?}");
    ensure!(
        lakeside(&shop.cloud, &["order", "get", &order_id]).await?.code == NOT_FOUND,
        "a dry run sends nothing"
    );
    lakeside_with(&shop.cloud, &token, &place).await?.ended(DONE)?;

    let watched = lakeside(&shop.cloud, &["--json", "order", "watch", &order_id]).await?.ended(DONE)?;
    assert_eq!(text(&watched.json()?, "/status"), "FULFILLED");
    // The view hears of the end before the last record of the saga is written.
    shop.cloud.saga_ended(order_id.parse()?, PATIENCE).await?;
    let seen = lakeside(&shop.cloud, &["--json", "order", "get", &order_id]).await?.ended(DONE)?.json()?;
    let records: HashMap<&str, &str> =
        all(&seen["records"], "/record").into_iter().zip(all(&seen["records"], "/status")).collect();
    assert_eq!(
        (records["order"], records["payment"], records["reservation"]),
        ("FULFILLED", "CAPTURED", "COMMITTED")
    );

    let traced = lakeside(&shop.cloud, &["--json", "trace", &order_id]).await?.ended(DONE)?.json()?;
    assert_eq!(text(&traced, "/verdict/state"), "ENDED");
    let told = all(&traced["timeline"], "/what");
    for hop in [
        "OrderCreated",
        "StockReserved",
        "CapturePayment",
        "PaymentCaptured",
        "WarehouseAllocated",
        "OrderFulfilled",
    ] {
        ensure!(told.contains(&hop), "{hop} is missing in {told:?}");
    }
    ensure!(all(&traced["timeline"], "/from").contains(&"LOG"), "no line of a log in {told:?}");
    let drawn = lakeside(&shop.cloud, &["saga", "show", &order_id]).await?.ended(DONE)?;
    ensure!(drawn.out.contains("● CapturePayment    done"), "{drawn:?}");
    ensure!(!drawn.out.contains('\u{1b}'), "no colours without a terminal");
    Ok(())
}

#[tokio::test]
async fn a_declined_order_says_where_it_gave_up_and_owes_nothing() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let tent = shop.goods(5).await?;
    let order = NewOrder::of(&[(&tent, 1)]).paid_with("pm_sandbox_declined");
    shop.place_and_expect(&order, Status::Cancelled, Some("PAYMENT_DECLINED")).await?;
    shop.cloud.saga_ended(order.order_id, PATIENCE).await?;
    let watched = lakeside(&shop.cloud, &["order", "watch", &order.id()]).await?.ended(WRONG)?;
    ensure!(watched.out.contains("CANCELLED for PAYMENT_DECLINED"), "{watched:?}");
    let drawn = lakeside(&shop.cloud, &["saga", "show", &order.id()]).await?.ended(DONE)?;
    ensure!(drawn.out.contains("✗ CapturePayment"), "{drawn:?}");
    let traced = lakeside(&shop.cloud, &["trace", "--no-logs", &order.id()]).await?.ended(DONE)?;
    ensure!(traced.out.contains("ENDED  the order is CANCELLED for PAYMENT_DECLINED"), "{traced:?}");
    for repair in ["redrive", "compensate"] {
        lakeside(&shop.cloud, &["saga", repair, &order.id(), "--yes"]).await?.ended(GUARDED)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_and_who_may_not_ask_are_told_apart() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let nobody = Uuid::new_v4().to_string();
    let traced = lakeside(&cloud, &["--json", "trace", &nobody]).await?.ended(NOT_FOUND)?;
    assert_eq!(text(&traced.json()?, "/verdict/state"), "UNKNOWN");
    lakeside(&cloud, &["saga", "show", &nobody]).await?.ended(NOT_FOUND)?;
    lakeside(&cloud, &["dlq", "peek", "nobody"]).await?.ended(NOT_FOUND)?;
    lakeside(&cloud, &["--prefix", "elsewhere", "dlq", "list"]).await?.ended(NOT_FOUND)?;
    lakeside(&cloud, &["trace", "42"]).await?.ended(USAGE)?;
    let gone = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let silent = lakeside_with(&cloud, &gone, &["--json", "dlq", "list"]).await?.ended(UNREACHABLE)?;
    let said: Value = serde_json::from_str(silent.err.trim())?;
    assert_eq!(text(&said, "/error/kind"), "UNREACHABLE");
    Ok(())
}

#[tokio::test]
async fn an_order_is_approved_by_whoever_traces_it() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    let token = requested(&shop, &goods, &order).await?;
    let traced = lakeside(&shop.cloud, &["--json", "trace", &order.id()]).await?.ended(DONE)?;
    ensure!(!traced.out.contains(&token), "a task token is nobody's to see");
    let traced = traced.json()?;
    assert_eq!(text(&traced, "/verdict/state"), "WAITING");
    assert_eq!(text(&traced, "/verdict/next/0"), format!("lakeside saga approve {}", order.id()));
    lakeside(&shop.cloud, &["saga", "compensate", &order.id(), "--yes"]).await?.ended(GUARDED)?;
    lakeside(&shop.cloud, &["saga", "approve", &order.id()]).await?.ended(GUARDED)?;
    lakeside(&shop.cloud, &["saga", "approve", &order.id(), "--dry-run"]).await?.ended(DONE)?;
    let listed =
        lakeside(&shop.cloud, &["--json", "saga", "list", "--status", "running", "--limit", "500"]).await?;
    ensure!(all(&listed.json()?, "/name").contains(&order.id().as_str()), "it still waits: {listed:?}");
    lakeside(&shop.cloud, &["saga", "approve", &order.id(), "--yes"]).await?.ended(DONE)?;
    assert_eq!(shop.ended(order.order_id).await?.status, Status::Fulfilled);
    let late = lakeside(&shop.cloud, &["saga", "deny", &order.id(), "--yes"]).await?.ended(GUARDED)?;
    ensure!(late.err.contains("its request is APPROVED"), "{late:?}");
    assert_eq!(approval(&shop, &order).await?, ["APPROVED", "APPROVED"]);
    Ok(())
}

/// Where the request for an approval stands, as `trace` and `order get` say it.
async fn approval(shop: &Shop, order: &NewOrder) -> anyhow::Result<[String; 2]> {
    let said = async |command: &[&str]| {
        let id = order.id();
        let said = lakeside(&shop.cloud, &[&["--json"], command, &[&id]].concat()).await?.json()?;
        let records = said.get("records").and_then(Value::as_array).context("no records")?;
        let approval = records.iter().find(|record| text(record, "/record") == "approval");
        anyhow::Ok(text(approval.context("no approval")?, "/status").to_owned())
    };
    Ok([said(&["trace", "--no-logs"]).await?, said(&["order", "get"]).await?])
}

#[tokio::test]
async fn an_order_is_denied_or_cancelled_from_the_shell() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let denied = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &denied).await?;
    requested(&shop, &goods, &denied).await?;
    lakeside(&shop.cloud, &["saga", "deny", &denied.id(), "--yes"]).await?.ended(DONE)?;
    assert_eq!(shop.ended(denied.order_id).await?.status, Status::Cancelled);
    given_up(&shop, &goods, &denied).await?;
    assert_eq!(approval(&shop, &denied).await?, ["DENIED", "DENIED"]);

    let unwanted = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &unwanted).await?;
    requested(&shop, &goods, &unwanted).await?;
    let token = [("LAKESIDE_TOKEN", shop.customer.token.as_str())];
    lakeside_with(&shop.cloud, &token, &["order", "cancel", &unwanted.id()]).await?.ended(GUARDED)?;
    lakeside_with(&shop.cloud, &token, &["order", "cancel", &unwanted.id(), "--yes"]).await?.ended(DONE)?;
    let view = shop.ended(unwanted.order_id).await?;
    assert_eq!(view.reason.map(|reason| reason.to_string()).as_deref(), Some("CANCELLED_BY_CUSTOMER"));
    assert_eq!(approval(&shop, &unwanted).await?, ["CANCELLED", "CANCELLED"]);
    Ok(())
}

/// Begins the recovery of `order` and ends it at once, so that recover-fulfilment finds one that was begun.
async fn recovery_that_dies(shop: &Shop, order: &NewOrder) -> anyhow::Result<()> {
    let sfn = &shop.cloud.sfn;
    let saga =
        sfn.describe_execution().execution_arn(shop.cloud.execution_arn(order.order_id)).send().await?;
    let mut input: Value = serde_json::from_str(&saga.input.context("an execution without input")?)?;
    input.as_object_mut().context("no object")?.insert("mode".into(), json!("COMPENSATE"));
    let started = sfn
        .start_execution()
        .state_machine_arn(&shop.cloud.state_machine_arn)
        .name(format!("recover-{}", order.order_id))
        .input(input.to_string())
        .send()
        .await?;
    sfn.stop_execution().execution_arn(started.execution_arn).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_saga_that_died_with_its_recovery_is_found_and_undone_once() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    let id = order.id();
    shop.cloud.api.submit(&shop.customer, &order).await?;
    requested(&shop, &goods, &order).await?;
    recovery_that_dies(&shop, &order).await?;
    let execution = shop.cloud.execution_arn(order.order_id);
    shop.cloud.sfn.stop_execution().execution_arn(execution).send().await?;
    shop.cloud.saga_ended(order.order_id, PATIENCE).await?;

    let traced = lakeside(&shop.cloud, &["--json", "trace", "--no-logs", &id]).await?.ended(WRONG)?.json()?;
    assert_eq!(text(&traced, "/verdict/state"), "STUCK");
    let compensate = format!("lakeside saga compensate {id}");
    ensure!(all_of(&traced, "/verdict/next").contains(&compensate.as_str()), "{traced}");
    let listed = lakeside(&shop.cloud, &["--json", "saga", "list", "--limit", "500"]).await?.ended(DONE)?;
    ensure!(all(&listed.json()?, "/name").contains(&id.as_str()), "{listed:?}");
    lakeside(&shop.cloud, &["saga", "compensate", &id]).await?.ended(GUARDED)?;
    lakeside(&shop.cloud, &["saga", "redrive", &id, "--yes"]).await?.ended(GUARDED)?;
    let begun = lakeside(&shop.cloud, &["--json", "saga", "compensate", &id, "--yes"]).await?.ended(DONE)?;
    assert_eq!(text(&begun.json()?, "/started"), format!("recover-{id}-2"));
    assert_eq!(shop.ended(order.order_id).await?.status, Status::Cancelled);
    given_up(&shop, &goods, &order).await?;
    eventually("an ended recovery", PATIENCE, async || {
        let traced = lakeside(&shop.cloud, &["--json", "trace", "--no-logs", &id]).await?;
        Ok(match text(&traced.json()?, "/verdict/state") {
            "ENDED" => ControlFlow::Break(()),
            other => ControlFlow::Continue(format!("the order is {other}")),
        })
    })
    .await?;
    lakeside(&shop.cloud, &["saga", "compensate", &id, "--yes"]).await?.ended(GUARDED)?;
    Ok(())
}

/// Puts what the door would have sent for `order` where it was given up.
pub async fn give_up(shop: &Shop, queue: &str, order_id: &str, body: &str) -> anyhow::Result<String> {
    let attribute =
        |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let url = shop.cloud.queue_url(&format!("{}-dlq", shop.cloud.name(queue))).await?;
    let sent = shop
        .cloud
        .sqs
        .send_message()
        .queue_url(url)
        .message_body(body)
        .message_attributes("orderId", attribute(order_id)?)
        .message_attributes("principal", attribute(&shop.customer.id)?)
        .send()
        .await?;
    sent.message_id.context("a message without id")
}

async fn letters(shop: &Shop, queue: &str, order_id: &str) -> anyhow::Result<Said> {
    lakeside(&shop.cloud, &["--json", "dlq", "peek", queue, "--order", order_id]).await
}

#[tokio::test]
async fn a_cancellation_that_was_given_up_is_found_looked_at_and_sent_back() -> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let goods = precious(&shop).await?;
    let order = NewOrder::of(&[(&goods, 1)]);
    shop.cloud.api.submit(&shop.customer, &order).await?;
    requested(&shop, &goods, &order).await?;
    let id = give_up(&shop, "cancel-order", &order.id(), "{}").await?;

    let traced =
        lakeside(&shop.cloud, &["--json", "trace", "--no-logs", &order.id()]).await?.ended(DONE)?.json()?;
    let next = format!("lakeside dlq redrive cancel-order --order {}", order.id());
    ensure!(all_of(&traced, "/verdict/next").contains(&next.as_str()), "{traced}");
    assert_eq!(all(&traced["deadLetters"], "/id"), [id.as_str()]);
    let listed = lakeside(&shop.cloud, &["--json", "dlq", "list"]).await?.ended(DONE)?.json()?;
    ensure!(all(&listed, "/queue").contains(&"cancel-order"), "{listed}");
    let peeked = letters(&shop, "cancel-order", &order.id()).await?.ended(DONE)?.json()?;
    assert_eq!(all(&peeked, "/id"), [id.as_str()]);

    let order_id = order.id();
    let redrive = ["dlq", "redrive", "cancel-order", "--order", &order_id];
    lakeside(&shop.cloud, &redrive).await?.ended(GUARDED)?;
    lakeside(&shop.cloud, &[&redrive[..], &["--dry-run"]].concat()).await?.ended(DONE)?;
    letters(&shop, "cancel-order", &order_id).await?.ended(DONE)?;
    lakeside(&shop.cloud, &[&redrive[..], &["--yes"]].concat()).await?.ended(DONE)?;
    assert_eq!(shop.ended(order.order_id).await?.status, Status::Cancelled);
    given_up(&shop, &goods, &order).await?;
    letters(&shop, "cancel-order", &order_id).await?.ended(NOT_FOUND)?;
    Ok(())
}

#[tokio::test]
async fn a_sample_that_fails_again_keeps_the_rest_and_what_is_dropped_is_written_down_first()
-> anyhow::Result<()> {
    let shop = Shop::open().await?;
    let order_id = Uuid::new_v4().to_string();
    let poison = format!("{{\"no order\": \"jane.doe@example.com\", \"taskToken\": \"{order_id}-token\"");
    for _ in 0..3 {
        give_up(&shop, "order-ingest", &order_id, &poison).await?;
    }
    let peeked = letters(&shop, "order-ingest", &order_id).await?.ended(DONE)?;
    assert_eq!(peeked.json()?.as_array().map(Vec::len), Some(3));
    ensure!(!peeked.out.contains("jane") && !peeked.out.contains("-token"), "{peeked:?}");

    let chosen = ["order-ingest", "--order", &order_id];
    let redrive =
        [&["--json", "dlq", "redrive"], &chosen[..], &["--yes", "--sample-seconds", "300"]].concat();
    let failed = lakeside(&shop.cloud, &redrive).await?.ended(WRONG)?;
    let moved = failed.json()?;
    assert_eq!((text(&moved, "/moved/outcome"), &moved["moved"]["left"]), ("SAMPLE_FAILED", &json!(2)));
    assert_eq!(
        letters(&shop, "order-ingest", &order_id).await?.ended(DONE)?.json()?.as_array().map(Vec::len),
        Some(2)
    );

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dropped-{order_id}.jsonl"));
    let to = file.to_string_lossy();
    let drop = [&["dlq", "drop"], &chosen[..], &["--to", &to]].concat();
    lakeside(&shop.cloud, &["dlq", "drop", "order-ingest", "--yes"]).await?.ended(USAGE)?;
    lakeside(&shop.cloud, &drop).await?.ended(GUARDED)?;
    ensure!(!file.exists(), "nothing is written before somebody agrees");
    // The sample comes back once its deliveries are used up; it is dropped with the others.
    eventually("the return of the sample", PATIENCE, async || {
        let count =
            letters(&shop, "order-ingest", &order_id).await?.ended(DONE)?.json()?.as_array().map(Vec::len);
        Ok(if count == Some(3) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(format!("{count:?} are there"))
        })
    })
    .await?;
    lakeside(&shop.cloud, &[&drop[..], &["--yes"]].concat()).await?.ended(DONE)?;
    let written = fs::read_to_string(&file)?;
    assert_eq!(written.lines().count(), 3);
    ensure!(written.lines().all(|line| line.contains("-token")), "whole, so that it can be sent again");
    letters(&shop, "order-ingest", &order_id).await?.ended(NOT_FOUND)?;
    fs::remove_file(&file)?;
    Ok(())
}

#[tokio::test]
async fn letters_are_held_until_somebody_else_has_been_able_to_see_them() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let made = cloud.sqs.create_queue().queue_name(format!("held-{}", Uuid::new_v4())).send().await?;
    let url = made.queue_url.context("a queue without URL")?;
    for body in ["a", "b"] {
        cloud.sqs.send_message().queue_url(&url).message_body(body).send().await?;
    }
    let looked = async || {
        let looking = cloud.sqs.receive_message().queue_url(&url).max_number_of_messages(10);
        let received = looking.visibility_timeout(60).send().await?;
        anyhow::Ok(received.messages.unwrap_or_default().into_iter().map(letter).collect::<Vec<_>>())
    };
    let mine = looked().await?;
    hold(&cloud.sqs, &url, &mine).await?;
    assert_eq!((mine.len(), looked().await?.len()), (2, 0));
    let [shown, kept] = &mine[..] else { anyhow::bail!("two letters") };
    let receipt = &shown.receipt;
    let show = cloud.sqs.change_message_visibility().queue_url(&url).receipt_handle(receipt);
    show.visibility_timeout(0).send().await?;
    let theirs = looked().await?;
    hold(&cloud.sqs, &url, &theirs).await?;
    let late = hold(&cloud.sqs, &url, &mine).await.map_err(|failure| failure.to_string());
    let begin_again =
        "1 of these letters could not be held any longer, so somebody else may have it: begin again";
    assert_eq!((theirs.len(), late), (1, Err(begin_again.to_owned())));
    hold(&cloud.sqs, &url, slice::from_ref(kept)).await?;
    cloud.sqs.delete_queue().queue_url(&url).send().await?;
    Ok(())
}

/// A message as a letter, as far as holding it goes.
fn letter(message: Message) -> Letter {
    Letter {
        id: message.message_id.unwrap_or_default(),
        sent_at: now(),
        body: message.body.unwrap_or_default(),
        attributes: BTreeMap::new(),
        group: None,
        deduplication: None,
        trace: None,
        receipt: message.receipt_handle.unwrap_or_default(),
    }
}

#[tokio::test]
async fn every_dead_letter_queue_of_the_cloud_is_known_to_operations() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let listed = lakeside(&cloud, &["--json", "dlq", "list", "--all"]).await?.ended(DONE)?.json()?;
    let known: Vec<String> = all(&listed, "/queue").into_iter().map(|name| cloud.name(name)).collect();
    for name in cloud.queue_depths().await?.into_keys() {
        let bare = name.strip_suffix(".fifo").unwrap_or(&name);
        if let Some(queue) = bare.strip_suffix("-dlq") {
            ensure!(known.iter().any(|known| known == queue), "{queue} is not published, of {known:?}");
        }
    }
    Ok(())
}
