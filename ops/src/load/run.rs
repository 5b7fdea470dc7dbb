//! One run: send, watch the queues, wait until everything has ended, read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use reqwest::{Method, header::AUTHORIZATION};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{
    driving::{Answer, Pace, Sent, Target, drive},
    facts::{Facts, OrderFacts, StockFacts, accepted, repeated},
    mix::{Mix, Request, What},
    reading::Depths,
    reconciliation::{Check, reconcile},
    schedule::Profile,
};
use crate::{
    clock,
    cloud::Cloud,
    door::{Door, encoded},
    failure::Result,
};

/// Between two looks at queues and orders.
const INTERVAL: Duration = Duration::from_secs(1);

/// How much is sent, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "pace")]
pub enum Pacing {
    /// By a schedule.
    Schedule {
        /// The rate over time.
        profile: Profile,
        /// Requests at most.
        limit: usize,
    },
    /// The next as soon as there is room.
    AtOnce {
        /// So many at a time.
        at_once: usize,
        /// So many in all.
        requests: usize,
    },
}

/// What is to be done.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// How much and how fast.
    pub pacing: Pacing,
    /// What.
    pub mix: Mix,
    /// The customers' ID tokens.
    #[serde(skip)]
    pub tokens: Vec<String>,
    /// Where the door is.
    pub door: String,
    /// Where the sandbox's processor is, if its books are to be read.
    pub processor: Option<String>,
    /// Whether others use the same goods and queues.
    pub shared: bool,
    /// How long all may take to end, after the last answer.
    pub patience: Duration,
}

impl Setting {
    /// What is ordered, each once.
    fn skus(&self) -> impl Iterator<Item = &str> {
        let goods = self.mix.goods.iter().chain(&self.mix.hot).map(|goods| goods.sku.as_str());
        goods.collect::<BTreeSet<_>>().into_iter()
    }
}

/// What lay in the queues at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// After the beginning.
    pub at: Duration,
    /// By queue.
    pub depths: Depths,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When it began.
    pub began: WireTime,
    /// Everything that was sent and read.
    pub facts: Facts,
    /// The queues over time.
    pub samples: Vec<Sample>,
    /// The last answer, after the beginning.
    pub last_answer: Duration,
    /// When all had ended and all queues were empty, after the beginning; nothing if that did not come in time.
    pub drained: Option<Duration>,
    /// Whether it agrees.
    pub checks: Vec<Check>,
}

/// Who is told how far it is.
pub trait Watcher {
    /// So many requests are to be sent.
    fn begins(&self, requests: usize);
    /// One was answered.
    fn answered(&self, sent: &Sent);
    /// So many orders were accepted, and so many of them have ended.
    fn waits(&self, accepted: usize, ended: usize);
}

/// The public door as the customers' app uses it.
#[derive(Debug)]
pub struct AtDoor<'a> {
    door: Door,
    tokens: &'a [String],
}

impl<'a> AtDoor<'a> {
    /// The door and the customers of `setting`.
    pub fn new(cloud: &Cloud, setting: &'a Setting) -> Self {
        Self { door: Door::new(cloud.http.clone(), setting.door.clone()), tokens: &setting.tokens }
    }
}

impl Target for AtDoor<'_> {
    async fn send(&self, request: &Request) -> Answer {
        let token = self.tokens.get(request.customer).filter(|_| request.signed_in());
        let headers: Vec<(&str, &str)> =
            token.iter().map(|token| (AUTHORIZATION.as_str(), token.as_str())).collect();
        let path = format!("orders/{}", encoded(&request.order_id.to_string()));
        let reply = self.door.send(Method::PUT, &path, &headers, Some(request.body())).await;
        reply.map_or(Answer::Silence, |reply| Answer::Status(reply.status.as_u16()))
    }
}

/// Sends the requests, waits until nothing comes of them any more, and reconciles.
///
/// # Errors
/// If the cloud cannot be read. What becomes of orders is no error but a fault in the outcome.
pub async fn run(cloud: &Cloud, setting: &Setting, watcher: &impl Watcher) -> Result<Outcome> {
    Load::send(cloud, setting, watcher).await?.settle(watcher).await
}

/// Requests that were sent and answered, whatever comes of them.
#[derive(Debug)]
pub struct Load<'a> {
    cloud: &'a Cloud,
    setting: &'a Setting,
    requests: Vec<Request>,
    sent: Vec<Sent>,
    stock: BTreeMap<String, StockFacts>,
    letters: Depths,
    wall: WireTime,
    began: Instant,
    last_answer: Duration,
    samples: Vec<Sample>,
}

impl<'a> Load<'a> {
    /// Looks at what there is, and sends all requests.
    ///
    /// # Errors
    /// If the cloud cannot be read.
    pub async fn send(cloud: &'a Cloud, setting: &'a Setting, watcher: &impl Watcher) -> Result<Self> {
        let (due, pace) = match setting.pacing {
            Pacing::Schedule { profile, limit } => {
                (profile.due(limit).into_iter().map(Some).collect(), Pace::Schedule)
            }
            Pacing::AtOnce { at_once, requests } => (vec![None; requests], Pace::AtOnce(at_once)),
        };
        let requests = setting.mix.requests(&due, setting.tokens.len());
        let stock = cloud.stock_facts(setting.skus()).await?;
        let letters = cloud.dead_letter_depths().await?;
        watcher.begins(requests.len());

        let target = AtDoor::new(cloud, setting);
        let (wall, began) = (clock::now(), Instant::now());
        let mut samples = Vec::new();
        let sent = tokio::select! {
            sent = drive(&target, &requests, pace, began, |sent| watcher.answered(sent)) => sent,
            () = sampling(cloud, began, &mut samples) => Vec::new(),
        };
        let last_answer = began.elapsed();
        Ok(Self { cloud, setting, requests, sent, stock, letters, wall, began, last_answer, samples })
    }

    /// Waits until nothing comes of the requests any more, and reconciles.
    ///
    /// # Errors
    /// If the cloud cannot be read.
    pub async fn settle(self, watcher: &impl Watcher) -> Result<Outcome> {
        let Self { cloud, setting, requests, sent, stock, letters, wall, began, last_answer, mut samples } =
            self;
        let (orders, drained) =
            settle(cloud, setting, &requests, &sent, began, &mut samples, watcher).await?;
        let after = cloud.stock_facts(setting.skus()).await?;
        let charged = match &setting.processor {
            Some(url) => Some(cloud.processor_books(url).await?),
            None => None,
        };
        let facts = Facts {
            orders,
            stock: side_by_side(stock, &after),
            charged,
            dead_letters: pairs(letters, &cloud.dead_letter_depths().await?),
            shared: setting.shared,
            requests,
            sent,
        };
        let checks = reconcile(&facts);
        Ok(Outcome { began: wall, facts, samples, last_answer, drained, checks })
    }
}

/// Looks at the queues until nobody wants it any more. A look that fails is one point less in a plot.
async fn sampling(cloud: &Cloud, began: Instant, samples: &mut Vec<Sample>) {
    loop {
        if let Ok(depths) = cloud.depths().await {
            samples.push(Sample { at: began.elapsed(), depths });
        }
        sleep(INTERVAL).await;
    }
}

/// Waits until everything accepted has ended, its customer knows, and no queue has anything; or until patience ends.
async fn settle(
    cloud: &Cloud,
    setting: &Setting,
    requests: &[Request],
    sent: &[Sent],
    began: Instant,
    samples: &mut Vec<Sample>,
    watcher: &impl Watcher,
) -> Result<(BTreeMap<OrderId, OrderFacts>, Option<Duration>)> {
    let (accepted, repeated) = (accepted(requests, sent), repeated(requests));
    // What was not accepted may be recorded all the same, and then it counts.
    let all: BTreeSet<OrderId> = requests.iter().map(|request| request.order_id).collect();
    let end = Instant::now() + setting.patience;
    let mut open = accepted.clone();
    loop {
        let states = cloud.order_states(&open).await?;
        open.retain(|id| !states.get(id).is_some_and(|state| is_end(state)));
        watcher.waits(accepted.len(), accepted.len() - open.len());
        let depths = cloud.depths().await?;
        let empty = depths.values().all(|depth| *depth == 0);
        let at = began.elapsed();
        samples.push(Sample { at, depths });
        let late = Instant::now() >= end;
        if late || (open.is_empty() && (empty || setting.shared)) {
            let orders = cloud.order_facts(&all, &repeated).await?;
            let rest = accepted.iter().all(|id| orders.get(id).is_some_and(at_rest));
            if rest || late {
                return Ok((orders, Some(at).filter(|_| rest && open.is_empty())));
            }
        }
        sleep(INTERVAL).await;
    }
}

fn is_end(state: &str) -> bool {
    OrderFacts { state: state.to_owned(), ..OrderFacts::default() }.ended()
}

/// Whether nothing more is expected of an order.
fn at_rest(order: &OrderFacts) -> bool {
    order.ended() && !order.endings.is_empty() && order.reservation.as_deref() != Some("HELD")
}

fn side_by_side(
    before: BTreeMap<String, StockFacts>,
    after: &BTreeMap<String, StockFacts>,
) -> BTreeMap<String, (StockFacts, StockFacts)> {
    let after = |sku: &String| after.get(sku).copied().unwrap_or_default();
    before.into_iter().map(|(sku, stock)| (sku.clone(), (stock, after(&sku)))).collect()
}

fn pairs(before: Depths, after: &Depths) -> BTreeMap<String, (u64, u64)> {
    let after = |queue: &String| after.get(queue).copied().unwrap_or_default();
    before.into_iter().map(|(queue, count)| (queue.clone(), (count, after(&queue)))).collect()
}

/// How many of each kind there are: new, sent again, and bad.
pub fn kinds(requests: &[Request]) -> (usize, usize, usize) {
    let count = |is: fn(&What) -> bool| requests.iter().filter(|request| is(&request.what)).count();
    (
        count(|what| *what == What::New),
        count(|what| matches!(what, What::Again(_))),
        count(|what| matches!(what, What::Bad(_))),
    )
}
