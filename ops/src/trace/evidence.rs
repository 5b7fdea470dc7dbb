//! Everything that is known of one order, gathered from where it is kept.

use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use serde::Serialize;

use crate::{
    clock,
    cloud::Cloud,
    consumers::Consumer,
    dead_letters::{grouping::reason, letter::About, queues::complaints},
    environment::Queue,
    failure::Result,
    logs::LogLine,
    records::Records,
    saga::history::Execution,
};

/// Letters of one dead-letter queue that are searched for the order.
const SEARCHED: usize = 200;
const AT_A_TIME: usize = 4;
/// How long before the first sign of an order its log lines may be.
const EARLIER_MILLIS: i64 = 60_000;
/// Of an order that nothing is known of, the logs of the last day are searched.
const DAY_MILLIS: i64 = 86_400_000;

/// The queues that an order passes on its way; nobody waits for what hears of it besides.
pub const ON_THE_WAY: [&str; 8] = [
    "order-ingest",
    "reserve-stock",
    "start-fulfilment",
    "capture-payment",
    "refund-payment",
    "advance-order",
    "order-status",
    "recover-fulfilment",
];

/// A dead letter about the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lying {
    /// In the dead-letter queue of this queue.
    pub queue: String,
    /// SQS's id.
    pub id: String,
    /// When it was sent first.
    pub sent_at: WireTime,
    /// What it is.
    #[serde(flatten)]
    pub about: About,
    /// Why it was given up.
    pub reason: String,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The order.
    pub order_id: OrderId,
    /// What the tables hold.
    pub records: Records,
    /// The saga, and its recoveries.
    pub executions: Vec<Execution>,
    /// Dead letters about it.
    pub dead_letters: Vec<Lying>,
    /// The consumers that it passes.
    pub consumers: Vec<Consumer>,
    /// What functions said.
    pub logs: Vec<LogLine>,
    /// When all this was read.
    pub now: WireTime,
}

impl Evidence {
    /// Gathers it; logs only if they are wanted, for they take longest.
    ///
    /// # Errors
    /// If something cannot be read.
    pub async fn gather(cloud: &Cloud, order_id: OrderId, with_logs: bool) -> Result<Self> {
        let (records, executions, dead_letters, consumers) = try_join!(
            Records::read(cloud, order_id),
            cloud.executions_of(order_id),
            lying(cloud, order_id),
            cloud.consumers(&ON_THE_WAY),
        )?;
        let now = clock::now();
        let mut evidence =
            Self { order_id, records, executions, dead_letters, consumers, logs: Vec::new(), now };
        if with_logs {
            let earliest =
                evidence.first_sign().map_or(now.0.as_millis() - DAY_MILLIS, |at| at.0.as_millis());
            let since = clock::of_millis(earliest - EARLIER_MILLIS);
            evidence.logs = cloud.log_lines(&order_id.to_string(), None, since).await?;
        }
        Ok(evidence)
    }

    /// Whether nobody knows anything of the order.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.executions.is_empty()
            && self.dead_letters.is_empty()
            && self.logs.is_empty()
    }

    /// The saga, or its last recovery.
    pub fn last_execution(&self) -> Option<&Execution> {
        self.executions.last()
    }

    fn first_sign(&self) -> Option<WireTime> {
        let facts = self.records.facts.iter().map(|fact| WireTime(fact.known.occurred_at));
        let said = self.records.said.iter().map(|said| said.at);
        let letters = self.dead_letters.iter().map(|letter| letter.sent_at);
        facts
            .chain(said)
            .chain(letters)
            .chain(self.executions.iter().map(|execution| execution.started_at))
            .min()
    }
}

/// The dead letters about an order, in every queue that has any.
async fn lying(cloud: &Cloud, order_id: OrderId) -> Result<Vec<Lying>> {
    let queues = &cloud.environment.queues;
    let looks: Vec<_> = queues.iter().map(|(name, queue)| lying_in(cloud, order_id, name, queue)).collect();
    let found: Vec<Vec<Lying>> = stream::iter(looks).buffered(AT_A_TIME).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn lying_in(cloud: &Cloud, order_id: OrderId, name: &str, queue: &Queue) -> Result<Vec<Lying>> {
    let depth = cloud.depth(&queue.dead_letter_url).await?;
    if depth.waiting + depth.in_flight == 0 {
        return Ok(Vec::new());
    }
    let letters = cloud.peek(&queue.dead_letter_url, SEARCHED).await?;
    let ours: Vec<_> =
        letters.into_iter().filter(|letter| letter.about().order_id == Some(order_id)).collect();
    let log = complaints(cloud, queue, &ours).await?;
    let lying = ours.iter().map(|letter| Lying {
        queue: name.to_owned(),
        id: letter.id.clone(),
        sent_at: letter.sent_at,
        about: letter.about(),
        reason: reason(letter, &log),
    });
    Ok(lying.collect())
}
