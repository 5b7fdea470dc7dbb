//! What the page wants done, as it says it. Each wish is shown first, and then done in the words that were agreed to.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use lakeside_domain::{
    adjustment::Kind,
    ids::{AdjustmentId, NodeId, Sku},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    agreement::Answer,
    operations::Operations,
    server::{Answered, Shared, of_queue, whose},
};
use crate::{
    arguments::events::time,
    dead_letters::{
        moving::{Pace, RATE, SAMPLE, SAMPLE_SECONDS},
        queues::Wanted,
    },
    failure::{Failure, Result},
    replay::planning::{self, LAG_SECONDS, REST_SECONDS},
    saga::actions::Action,
    stock::{adjusting::Change, handling},
};

/// Something is wanted of the saga of an order.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SagaWish {
    /// What was shown and agreed to; nothing if it is to be shown first.
    agreed: Option<String>,
    although_completing: bool,
}

pub async fn act<O: Operations>(
    State(console): Shared<O>,
    Path((order, action)): Path<(String, String)>,
    Json(SagaWish { agreed, although_completing }): Json<SagaWish>,
) -> Answered<Answer> {
    let order_id = whose(&order)?;
    let action = match action.as_str() {
        "approve" => Action::Approve,
        "deny" => Action::Deny,
        "redrive" => Action::Redrive,
        "compensate" => Action::Compensate { although_completing },
        _ => return Err(Failure::not_found(format!("nothing is called `{action}`"))),
    };
    let operations = Arc::clone(&console.operations);
    to_its_end(async move { operations.act(order_id, action, agreed).await }).await
}

/// Letters are named one by one, or all are said to be meant.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LettersWish {
    agreed: Option<String>,
    messages: Vec<String>,
    all: bool,
    sample: Option<usize>,
    sample_seconds: Option<u64>,
    rate: Option<u32>,
}

impl LettersWish {
    fn wanted(&self) -> Wanted {
        Wanted { messages: self.messages.clone(), ..Wanted::default() }
    }
}

pub async fn redrive<O: Operations>(
    State(console): Shared<O>,
    Path(queue): Path<String>,
    Json(wish): Json<LettersWish>,
) -> Answered<Answer> {
    let pace = Pace::asked(
        wish.sample.unwrap_or(SAMPLE),
        wish.sample_seconds.unwrap_or(SAMPLE_SECONDS),
        wish.rate.unwrap_or(RATE),
    )?;
    let (choice, operations) = (of_queue(queue, wish.wanted()), Arc::clone(&console.operations));
    to_its_end(async move { operations.redrive(choice, pace, wish.agreed).await }).await
}

pub async fn drop_letters<O: Operations>(
    State(console): Shared<O>,
    Path(queue): Path<String>,
    Json(wish): Json<LettersWish>,
) -> Answered<Answer> {
    let (choice, operations) = (of_queue(queue, wish.wanted()), Arc::clone(&console.operations));
    to_its_end(async move { operations.drop_letters(choice, wish.all, wish.agreed).await }).await
}

/// Something was counted, or came in. The page names the change, so that what was agreed to is booked once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StockWish {
    #[serde(default)]
    agreed: Option<String>,
    node: String,
    #[serde(default)]
    on_hand: Option<u32>,
    #[serde(default)]
    by: Option<i64>,
    kind: Kind,
    #[serde(default)]
    first: bool,
    id: String,
}

/// A SKU, as it is written.
pub fn sku(text: &str) -> Result<Sku> {
    Sku::parse(text.trim()).map_err(|error| Failure::usage(error.to_string()))
}

pub async fn adjust<O: Operations>(
    State(console): Shared<O>,
    Path(name): Path<String>,
    Json(wish): Json<StockWish>,
) -> Answered<Answer> {
    let StockWish { agreed, node, on_hand, by, kind, first, id } = wish;
    let odd = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let wish = handling::Wish {
        sku: sku(&name)?,
        node: NodeId::parse(node.trim()).map_err(|error| odd(&error))?,
        change: Change::asked(on_hand, by)?,
        kind,
        first,
        id: AdjustmentId::parse(&id).map_err(|error| odd(&error))?,
    };
    let operations = Arc::clone(&console.operations);
    to_its_end(async move { operations.adjust(wish, agreed).await }).await
}

/// Pools and nodes are to be compared: of these SKUs, or of all.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComparisonWish {
    agreed: Option<String>,
    skus: Vec<String>,
}

pub async fn reconcile<O: Operations>(
    State(console): Shared<O>,
    Json(ComparisonWish { agreed, skus }): Json<ComparisonWish>,
) -> Answered<Answer> {
    let skus = skus.iter().map(|name| sku(name)).collect::<Result<Vec<_>>>()?;
    let operations = Arc::clone(&console.operations);
    to_its_end(async move { operations.reconcile(skus, agreed).await }).await
}

/// What was said is to be told again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayWish {
    #[serde(default)]
    agreed: Option<String>,
    bus: String,
    from: String,
    to: String,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    although_effects: bool,
    #[serde(default)]
    lag_seconds: Option<u64>,
    #[serde(default)]
    rest_seconds: Option<u64>,
}

pub async fn replay<O: Operations>(
    State(console): Shared<O>,
    Json(wish): Json<ReplayWish>,
) -> Answered<Answer> {
    let ReplayWish { agreed, bus, from, to, rules, although_effects, lag_seconds, rest_seconds } = wish;
    let wish = planning::Wish {
        bus,
        from: time(&from).map_err(Failure::usage)?,
        to: time(&to).map_err(Failure::usage)?,
        rules,
        although_effects,
        lag: Duration::from_secs(lag_seconds.unwrap_or(LAG_SECONDS)),
        rest: Duration::from_secs(rest_seconds.unwrap_or(REST_SECONDS)),
    };
    let (operations, desk) = (Arc::clone(&console.operations), Arc::clone(&console.desk));
    to_its_end(async move { operations.replay(wish, agreed, desk).await }).await
}

/// Nobody is asked again before a replay is stopped: what was told is handled, and the rest may be told later.
pub async fn stop_replay<O: Operations>(State(console): Shared<O>) -> Answered<Value> {
    console.desk.stop()?;
    Ok(Json(json!({ "done": "stopping" })))
}

/// Does what has begun to its end, even if the page is closed meanwhile: letters would stay hidden.
async fn to_its_end(work: impl Future<Output = Result<Answer>> + Send + 'static) -> Answered<Answer> {
    let done = tokio::spawn(work).await;
    done.map_err(|error| Failure::wrong(format!("it was cut off: {error}")))?.map(Json)
}
