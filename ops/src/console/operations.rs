//! What the console asks of the cloud: the same as the commands, through the same functions.

use std::{future::Future, time::Duration};

use lakeside_contracts::api::OrderStatusView;
use lakeside_domain::ids::OrderId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    dead_letters::{
        grouping::Group,
        handling::{self, Choice, Listed, Peeked},
        moving::{INTERVAL, Pace},
    },
    failure::{Failure, Result},
    saga::{
        actions::{self, Action},
        drawing::Picture,
    },
    trace::{evidence::Evidence, report::Traced},
};

/// How letters are sent back: as the command does it by default.
const PACE: Pace = Pace { sample: 1, patience: Duration::from_mins(1), interval: INTERVAL, per_second: 10 };
/// Letters of a queue that are looked at.
const LIMIT: usize = 200;

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
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Nothing was done: this would happen.
    Would {
        /// For somebody to agree to, word by word.
        what: String,
        /// The letters that it is about.
        letters: Vec<Group>,
    },
    /// It was done.
    Done(Value),
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
    fn redrive(&self, choice: Choice, agreed: Option<String>) -> impl Future<Output = Result<Answer>> + Send;
    /// Writes letters into a file and deletes them.
    fn drop_letters(
        &self,
        choice: Choice,
        all: bool,
        agreed: Option<String>,
    ) -> impl Future<Output = Result<Answer>> + Send;
}

/// What somebody agreed to, and what it would come to now.
struct Agreement {
    agreed: Option<String>,
    would: Option<(String, Vec<Group>)>,
}

impl Agreement {
    const fn new(agreed: Option<String>) -> Self {
        Self { agreed, would: None }
    }

    /// Nothing is done that somebody was not shown in these words.
    fn to(&mut self, what: &str, letters: &[Group]) -> Result<bool> {
        match &self.agreed {
            None => {
                self.would = Some((what.to_owned(), letters.to_vec()));
                Ok(false)
            }
            Some(agreed) if agreed == what => Ok(true),
            Some(_) => Err(Failure::guarded(format!(
                "nothing was done, for something has changed meanwhile; now it would be: {what}"
            ))),
        }
    }

    fn answer(self, done: Option<impl Serialize>) -> Result<Answer> {
        match (done, self.would) {
            (Some(done), _) => serde_json::to_value(done)
                .map(Answer::Done)
                .map_err(|error| Failure::wrong(format!("cannot be said as JSON: {error}"))),
            (None, Some((what, letters))) => Ok(Answer::Would { what, letters }),
            (None, None) => Err(Failure::guarded("nothing was done")),
        }
    }
}

/// Everything about an order, from what is known of it.
pub fn order_page(evidence: &Evidence) -> OrderPage {
    let planned = [
        ("approve", Action::Approve),
        ("deny", Action::Deny),
        ("redrive", Action::Redrive),
        ("compensate", Action::Compensate { although_completing: false }),
    ];
    let Evidence { order_id, records, executions, now, .. } = evidence;
    let actions =
        planned.map(|(name, action)| match actions::plan(*order_id, action, records, executions, *now) {
            Ok(plan) => Offered { action: name, allowed: true, sentence: plan.what },
            Err(failure) => Offered { action: name, allowed: false, sentence: failure.sentence },
        });
    OrderPage {
        traced: Traced::of(evidence),
        view: records.view(*order_id),
        sagas: executions.iter().map(|execution| Picture::of(execution, *now)).collect(),
        actions: actions.into(),
    }
}

impl Operations for Cloud {
    async fn order(&self, order_id: OrderId, with_logs: bool) -> Result<OrderPage> {
        Ok(order_page(&Evidence::gather(self, order_id, with_logs).await?))
    }

    async fn act(&self, order_id: OrderId, action: Action, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let done = actions::act(self, order_id, action, |plan| agreement.to(&plan.what, &[])).await?;
        agreement.answer(done)
    }

    async fn dead_letters(&self) -> Result<Vec<Listed>> {
        handling::list(self, LIMIT).await
    }

    async fn peek(&self, choice: Choice) -> Result<Vec<Peeked>> {
        handling::peek(self, &choice).await
    }

    async fn redrive(&self, choice: Choice, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let agree = |offer: &handling::Offer| agreement.to(&offer.what, &offer.groups);
        let moved = handling::redrive(self, &choice, PACE, agree, |_| ()).await?;
        if let Some(moved) = &moved {
            moved.all_or_why(PACE)?;
        }
        agreement.answer(moved.map(|moved| json!({ "queue": choice.queue, "moved": moved })))
    }

    async fn drop_letters(&self, choice: Choice, all: bool, agreed: Option<String>) -> Result<Answer> {
        let mut agreement = Agreement::new(agreed);
        let agree = |offer: &handling::Offer| agreement.to(&offer.what, &offer.groups);
        let dropped = handling::drop_letters(self, &choice, all, None, agree).await?;
        agreement.answer(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn nothing_is_done_that_nobody_was_shown_in_these_words() {
        let mut asked = Agreement::new(None);
        assert_eq!(asked.to("3 letters", &[]), Ok(false));
        assert_eq!(
            asked.answer(None::<()>),
            Ok(Answer::Would { what: "3 letters".into(), letters: Vec::new() })
        );
        assert_eq!(Agreement::new(Some("3 letters".into())).to("3 letters", &[]), Ok(true));
        let changed = Agreement::new(Some("3 letters".into())).to("4 letters", &[]).unwrap_err();
        assert_eq!(changed.kind, Kind::Guarded);
        assert!(changed.sentence.contains("4 letters"));
    }
}
