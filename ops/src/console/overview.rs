//! What the overview shows, and how it is made of what was read. Pure.

use std::collections::BTreeMap;

use lakeside_contracts::WireTime;
use serde::Serialize;

use super::stages::Stage;
use crate::environment::Holds;

/// For how long an order that has ended is shown and counted.
pub const WINDOW_MILLIS: i64 = 3_600_000;

/// One look at everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// When it was made; nothing before the first look.
    pub at: Option<WireTime>,
    /// How many orders are at each stage.
    pub stages: BTreeMap<String, u64>,
    /// Orders under way and those that ended in the last hour, newest first.
    pub orders: Vec<Journey>,
    /// Whether there are more sagas than are shown.
    pub more: bool,
    /// Sagas that were not looked at yet.
    pub unseen: usize,
    /// Every queue with its dead-letter queue.
    pub queues: Vec<Pair>,
    /// Calls to the cloud in the last minute.
    pub calls: usize,
    /// What could not be read, and why.
    pub problems: Vec<String>,
}

/// An order with a saga, or the recovery of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    /// The order.
    pub order_id: String,
    /// Its saga.
    pub name: String,
    /// Where it is; nothing if nobody has looked yet.
    pub stage: Option<Stage>,
    /// The saga's state.
    pub state: Option<String>,
    /// Since when it is there.
    pub since: WireTime,
    /// When the saga began.
    pub started_at: WireTime,
    /// When the saga ended.
    pub stopped_at: Option<WireTime>,
    /// Attempts that failed where it is.
    pub failures: usize,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Its total.
    pub total: Option<String>,
}

/// A queue with its dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Its name without prefix.
    pub queue: String,
    /// What its dead-letter queue holds.
    pub holds: Holds,
    /// Whether messages can be sent back.
    pub takes_back: bool,
    /// The consumer.
    pub function: Option<String>,
    /// Messages that wait; nothing if it is no queue, or nobody has looked yet.
    pub waiting: Option<u64>,
    /// Messages that are being handled.
    pub in_flight: Option<u64>,
    /// Since when the console has seen it not empty.
    pub busy_since: Option<WireTime>,
    /// The age of the oldest message, where CloudWatch knows it.
    pub oldest_seconds: Option<u64>,
    /// The state of the mapping; nothing if there is none, or nobody has looked yet.
    pub mapping: Option<String>,
    /// Whether somebody listens; nothing if nobody has to, or nobody has looked yet.
    pub listens: Option<bool>,
    /// Dead letters.
    pub dead_letters: Option<u64>,
}

/// How many orders are at each stage. What has no saga yet is what lies in the queues before it.
pub fn counted(orders: &[Journey], queues: &[Pair]) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<Stage, u64> = BTreeMap::new();
    for stage in orders.iter().filter_map(|order| order.stage) {
        *counts.entry(stage).or_default() += 1;
    }
    for (stage, name) in [(Stage::Received, "order-ingest"), (Stage::Created, "start-fulfilment")] {
        let queue = queues.iter().find(|queue| queue.queue == name);
        let lying = queue.and_then(|queue| Some(queue.waiting? + queue.in_flight?));
        *counts.entry(stage).or_default() += lying.unwrap_or_default();
    }
    let named = counts
        .into_iter()
        .filter_map(|(stage, count)| Some((serde_json::to_value(stage).ok()?.as_str()?.to_owned(), count)));
    named.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::of_millis;

    pub fn order(stage: Stage) -> Journey {
        Journey {
            order_id: "o".into(),
            name: "o".into(),
            stage: Some(stage),
            state: None,
            since: of_millis(0),
            started_at: of_millis(0),
            stopped_at: None,
            failures: 0,
            reason: None,
            total: None,
        }
    }

    fn queue(name: &str, waiting: u64, in_flight: u64) -> Pair {
        Pair {
            queue: name.into(),
            holds: Holds::Messages,
            takes_back: true,
            function: None,
            waiting: Some(waiting),
            in_flight: Some(in_flight),
            busy_since: None,
            oldest_seconds: None,
            mapping: None,
            listens: None,
            dead_letters: None,
        }
    }

    #[test]
    fn orders_without_a_saga_are_what_lies_in_the_queues_before_it() {
        let orders = [order(Stage::Paying), order(Stage::Paying), order(Stage::Created)];
        let queues = [queue("order-ingest", 3, 2), queue("start-fulfilment", 1, 0), queue("other", 9, 9)];
        let counts = counted(&orders, &queues);
        assert_eq!((counts["RECEIVED"], counts["CREATED"], counts["PAYING"]), (5, 2, 2));
    }
}
