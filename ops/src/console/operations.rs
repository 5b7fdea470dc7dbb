//! What the console asks of the cloud: the same as the commands, through the same functions.

use std::{future::Future, sync::Arc, time::Duration};

use lakeside_contracts::api::OrderStatusView;
use lakeside_domain::ids::{OrderId, Sku};
use serde::Serialize;
use serde_json::json;

use super::{
    agreement::{Agreement, Answer, Would},
    desk::Desk,
};
use crate::{
    cloud::Cloud,
    dead_letters::{
        dropping,
        handling::{self, Choice, Listed, Offer, Peeked},
        moving::Pace,
    },
    failure::{Failure, Result},
    replay::{
        archives::Known,
        carrying_out::{carry_out, pressed},
        planning::{self, Plan},
    },
    saga::{
        actions::{self, Action},
        drawing::Picture,
    },
    stock::{
        books::sentences,
        handling::{self as stock, PATIENCE_SECONDS, Shown},
    },
    trace::{evidence::Evidence, report::Traced},
};

/// Letters of a queue that are looked at.
const LIMIT: usize = 200;
/// Replays that are listed.
const REPLAYS: usize = 20;

/// Everything that there is to see of an order, and what may be done with it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPage {
    /// What `lakeside trace` says.
    #[serde(flatten)]
    pub traced: Traced,
    /// What its customer sees.
    pub view: Option<OrderStatusView>,
    /// What `lakeside saga show` draws.
    pub sagas: Vec<Picture>,
    /// What may be done, and why the rest may not.
    pub actions: Vec<Offered>,
}

/// One thing that could be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered {
    /// As the command is called.
    pub action: &'static str,
    /// Whether the guards let it pass.
    pub allowed: bool,
    /// What would happen, or why it may not.
    pub sentence: String,
    /// What has to be said for a guard to let it pass, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub although: Option<Although>,
}

/// What somebody may say that they know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Although {
    /// Whether the guards let it pass then.
    pub allowed: bool,
    /// What would happen then, or why it may not all the same.
    pub sentence: String,
}

/// Replays, and what there is to tell again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replays {
    /// The buses, by domain.
    pub buses: Vec<String>,
    /// Replays that EventBridge still knows, newest first.
    pub known: Vec<Known>,
}

/// What the console asks of a cloud.
pub trait Operations: Send + Sync + 'static {
    /// Everything about an order.
    fn order(&self, order_id: OrderId, with_logs: bool) -> impl Future<Output = Result<OrderPage>> + Send;
    /// Does something with the saga of an order.
    fn act(
        &self,
        order_id: OrderId,
        action: Action,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
    /// What lies in every dead-letter queue.
    fn dead_letters(&self) -> impl Future<Output = Result<Vec<Listed>>> + Send;
    /// The letters of one.
    fn peek(&self, choice: Choice) -> impl Future<Output = Result<Vec<Peeked>>> + Send;
    /// Sends letters back.
    fn redrive(
        &self,
        choice: Choice,
        pace: Pace,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
    /// Writes letters into a file and deletes them.
    fn drop_letters(
        &self,
        choice: Choice,
        all: bool,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
    /// What there is of a SKU.
    fn stock(&self, sku: Sku) -> impl Future<Output = Result<Shown>> + Send;
    /// Books what was counted, or came in.
    fn adjust(
        &self,
        wish: stock::Wish,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
    /// Compares pools and nodes of these SKUs, or of all if there are none.
    fn reconcile(
        &self,
        skus: Vec<Sku>,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
    /// Replays, and what there is to tell again.
    fn replays(&self) -> impl Future<Output = Result<Replays>> + Send;
    /// Tells again what was said, and has the desk know how far it is.
    fn replay(
        &self,
        wish: planning::Wish,
        agreed: Option<String>,
        desk: Arc<Desk>,
    ) -> impl Future<Output = Result<Answer>> + Send;
}

/// Everything about an order, from what is known of it.
pub fn order_page(evidence: &Evidence) -> OrderPage {
    let Evidence { order_id, records, executions, now, .. } = evidence;
    let plan = |action| match actions::plan(*order_id, action, records, executions, *now) {
        Ok(plan) => (true, plan.what),
        Err(failure) => (false, failure.sentence),
    };
    let offered = |action, (allowed, sentence)| Offered { action, allowed, sentence, although: None };
    let compensate = offered("compensate", plan(Action::Compensate { although_completing: false }));
    let (allowed, sentence) = plan(Action::Compensate { although_completing: true });
    let although =
        (!compensate.allowed && compensate.sentence != sentence).then_some(Although { allowed, sentence });
    let actions = vec![
        offered("approve", plan(Action::Approve)),
        offered("deny", plan(Action::Deny)),
        offered("redrive", plan(Action::Redrive)),
        Offered { although, ..compensate },
    ];
    OrderPage {
        traced: Traced::of(evidence),
        view: records.view(*order_id),
        sagas: executions.iter().map(|execution| Picture::of(execution, *now)).collect(),
        actions,
    }
}

fn of_letters(offer: &Offer) -> Would {
    Would { letters: offer.groups.clone(), ..Would::said(&offer.what) }
}

impl Operations for Cloud {
    async fn order(&self, order_id: OrderId, with_logs: bool) -> Result<OrderPage> {
        Ok(order_page(&Evidence::gather(self, order_id, with_logs).await?))
    }

    async fn act(&self, order_id: OrderId, action: Action, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let done = actions::act(self, order_id, action, |plan| agreement.to(Would::said(&plan.what))).await?;
        agreement.answer(done)
    }

    async fn dead_letters(&self) -> Result<Vec<Listed>> {
        handling::list(self, LIMIT).await
    }

    async fn peek(&self, choice: Choice) -> Result<Vec<Peeked>> {
        handling::peek(self, &choice).await
    }

    async fn redrive(&self, choice: Choice, pace: Pace, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let agree = |offer: &Offer| agreement.to(of_letters(offer));
        let moved = handling::redrive(self, &choice, pace, agree, |_| ()).await?;
        if let Some(moved) = &moved {
            moved.all_or_why(pace)?;
        }
        agreement.answer(moved.map(|moved| json!({ "queue": choice.queue, "moved": moved })))
    }

    async fn drop_letters(&self, choice: Choice, all: bool, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let agree = |offer: &Offer| agreement.to(of_letters(offer));
        let dropped = dropping::drop_letters(self, &choice, all, None, agree).await?;
        agreement.answer(dropped)
    }

    async fn stock(&self, sku: Sku) -> Result<Shown> {
        stock::look(self, &sku).await
    }

    async fn adjust(&self, wish: stock::Wish, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let agree = |offer: &stock::Offer| agreement.to(Would::said(&offer.what));
        let booked = stock::adjust(self, &wish, Duration::from_secs(PATIENCE_SECONDS), agree).await?;
        agreement.answer(booked)
    }

    async fn reconcile(&self, skus: Vec<Sku>, agreed: Option<String>) -> Result<Answer> {
        let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
        let whose = if names.is_empty() { "all SKUs".to_owned() } else { names.join(", ") };
        let what = format!(
            "reconcile-stock is to compare pools and nodes of {whose}, and to even out the pools of those that agree"
        );
        let mut agreement = Agreement::new(agreed);
        if !agreement.to(Would::said(what))? {
            return agreement.answer(None::<()>);
        }
        let skus = if skus.is_empty() { self.skus().await? } else { skus };
        let found = Self::reconcile(self, &skus, |_| ()).await?;
        let different = found.different.iter().map(|(sku, off)| (sku.to_string(), json!(sentences(off))));
        let different: serde_json::Map<_, _> = different.collect();
        let books = json!({ "agree": found.agree, "different": different, "unsettled": found.unsettled, "moves": found.moves });
        agreement.answer(Some(json!({ "books": books })))
    }

    async fn replays(&self) -> Result<Replays> {
        let buses = self.environment.archives.keys().cloned().collect();
        Ok(Replays { buses, known: Self::replays(self, REPLAYS).await? })
    }

    async fn replay(&self, wish: planning::Wish, agreed: Option<String>, desk: Arc<Desk>) -> Result<Answer> {
        let plan = Plan::of(self, &wish).await?;
        let what = plan.agreement();
        let mut document = plan.document();
        if let Some(document) = document.as_object_mut() {
            document.insert("sentence".into(), plan.sentence().into());
            document.insert("reckoning".into(), plan.reckoning().into());
        }
        let mut agreement = Agreement::new(agreed);
        if !agreement.to(Would { plan: Some(document), ..Would::said(&what) })? {
            return agreement.answer(None::<()>);
        }
        plan.permitted()?;
        let stops = desk.begin(&what)?;
        let cloud = self.clone();
        // It takes minutes: nobody waits for it with an open request, and the page may be closed.
        tokio::spawn(async move {
            let interrupted = |_| pressed(stops.clone());
            let pauses = (wish.lag, wish.rest);
            let replayed = carry_out(&cloud, &plan, pauses, interrupted, |stage| desk.sees(stage)).await;
            desk.ends(replayed.and_then(|replayed| {
                let (name, agree) = (&replayed.replay, replayed.books.agree);
                let over = |failure: Failure| Failure {
                    sentence: format!("{name} is over: {}", failure.sentence),
                    ..failure
                };
                replayed.well(wish.rest).map_err(over)?;
                Ok(format!(
                    "{name} has told all of it, those who heard it have handled it, no dead-letter queue has grown, and {agree} SKUs agree"
                ))
            }));
        });
        agreement.answer(Some(json!({ "begun": what })))
    }
}
