//! Keeps what others may know of the stock: what may still be promised of each SKU, and what each node has of it.
//!
//! Consumes: StockLevelChanged and NodeStockChanged.
//! Emits: nothing.
//! Idempotency key: what is counted, under which the count with the highest version is kept, so duplicates, replays and
//! any order of arrival end in the same view.
//! Retries: when the table is busy or does not answer.
//! Parks: what is neither of the two events.

use lakeside_contracts::{
    EventData, envelope,
    events::{NodeStockChanged, StockLevelChanged},
};
use lakeside_domain::{
    ids::{NodeId, Sku},
    level::Level,
};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{DecodeError, Failures, Message, each},
};

/// What there is of a SKU: at a node, or to promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCount {
    /// Of what.
    pub sku: Sku,
    /// Where; what may still be promised is nowhere.
    pub node: Option<NodeId>,
    /// How many, and how new that is.
    pub level: Level,
}

/// What became of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is the newest.
    Yes,
    /// One as new or newer is known.
    Older,
}

/// The view's table.
pub trait StockProjection {
    /// Keeps a count, unless one as new or newer is known.
    async fn record(&self, count: &StockCount) -> Result<Recorded, StoreError>;
}

/// Why a count could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// The event is not what it says it is, or is about something else.
    #[error(transparent)]
    Event(#[from] envelope::DecodeError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for ProjectionError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_) | Self::Event(_) => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// Handles a batch, each message on its own.
pub async fn handle(view: &impl StockProjection, messages: &[Message]) -> Failures {
    each(messages, async |message| {
        let count = read(message)?;
        if view.record(&count).await? == Recorded::Older {
            tracing::debug!(sku = %count.sku, version = count.level.version, "a newer count is known");
        }
        Ok::<_, ProjectionError>(())
    })
    .await
}

fn read(message: &Message) -> Result<StockCount, ProjectionError> {
    let delivery = message.delivery()?;
    if delivery.detail_type == NodeStockChanged::DETAIL_TYPE {
        let NodeStockChanged { sku, node, on_hand, version } = delivery.decode::<NodeStockChanged>()?.data;
        return Ok(StockCount { sku, node: Some(node), level: Level { units: on_hand, version } });
    }
    let StockLevelChanged { sku, available, version } = delivery.decode::<StockLevelChanged>()?.data;
    Ok(StockCount { sku, node: None, level: Level { units: available, version } })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lakeside_contracts::generate::documents;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::store_stock::MemoryStoreStock;

    fn message(id: &str, source: &str, detail_type: &str, data: &Value) -> Message {
        let uuid = "7e57d004-2b97-4e7a-b45f-5387367791cd";
        let metadata = json!({
            "eventId": uuid, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": uuid,
            "causationId": uuid, "schemaVersion": 1,
        });
        let detail = json!({"metadata": metadata, "data": data});
        let body = json!({"source": source, "detail-type": detail_type, "detail": detail});
        Message { id: id.into(), body: body.to_string(), attributes: HashMap::new(), ..Message::default() }
    }

    fn level(version: u64, available: u64) -> Message {
        let data = json!({"sku": "TENT-2P", "available": available, "version": version});
        message("level", "lakeside.inventory", "StockLevelChanged", &data)
    }

    fn node(node: &str, version: u64, on_hand: u64) -> Message {
        let data = json!({"sku": "TENT-2P", "node": node, "onHand": on_hand, "version": version});
        message("node", "lakeside.inventory", "NodeStockChanged", &data)
    }

    async fn seen(messages: &[Message]) -> (Option<u64>, Vec<u64>) {
        let view = MemoryStoreStock::default();
        assert!(handle(&view, messages).await.ids().is_empty());
        let stock = view.of_sku(&Sku::parse("TENT-2P").unwrap());
        (stock.available, stock.nodes.into_values().collect())
    }

    #[tokio::test]
    async fn the_newest_count_stands_whatever_comes_last() {
        assert_eq!(seen(&[level(2, 7), level(1, 9), level(2, 7)]).await, (Some(7), vec![]));
        let nodes =
            [node("wh-east", 1, 5), node("wh-east", 3, 2), node("wh-east", 2, 4), node("store-1", 1, 1)];
        assert_eq!(seen(&nodes).await, (None, vec![1, 2]));
    }

    #[tokio::test]
    async fn the_events_are_read_as_they_are_said() {
        let view = MemoryStoreStock::default();
        let mut read = 0;
        for document in documents().unwrap() {
            let wanted = [
                ("events/inventory/stock-level-changed/examples/v1.json", StockLevelChanged::DETAIL_TYPE),
                ("events/inventory/node-stock-changed/examples/v1.json", NodeStockChanged::DETAIL_TYPE),
            ];
            let Some((_, name)) = wanted.iter().find(|(path, _)| document.path == *path) else { continue };
            let detail: Value = serde_json::from_str(&document.text).unwrap();
            let message = message("m", "lakeside.inventory", name, &detail["data"]);
            assert!(handle(&view, &[message]).await.ids().is_empty());
            read += 1;
        }
        assert_eq!((read, view.available.borrow().len(), view.on_hand.borrow().len()), (2, 1, 1));
    }

    #[tokio::test]
    async fn what_is_no_count_fails_alone() {
        let view = MemoryStoreStock::default();
        let data = json!({"sku": "TENT-2P", "available": 1, "version": 1});
        let mut messages = vec![
            message("stranger", "lakeside.orders", "StockLevelChanged", &data),
            message("other", "lakeside.inventory", "StockReserved", &data),
            message(
                "unversioned",
                "lakeside.inventory",
                "StockLevelChanged",
                &json!({"sku": "TENT-2P", "available": 1}),
            ),
            level(1, 3),
        ];
        messages.push(Message { body: "{".into(), id: "broken".into(), ..level(1, 3) });
        let failures = handle(&view, &messages).await;
        assert_eq!(failures.ids(), ["stranger", "other", "unversioned", "broken"]);
        assert_eq!(view.available.borrow().len(), 1);
    }

    proptest! {
        #[test]
        fn counts_in_any_order_repeated_give_the_same_view(
            order in Just((1..6_u64).collect::<Vec<_>>()).prop_shuffle(),
            again in prop::collection::vec(1..6_u64, 0..6),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let said: Vec<Message> =
                order.iter().chain(&again).flat_map(|n| [level(*n, 10 * n), node("wh-east", *n, *n)]).collect();
            prop_assert_eq!(runtime.block_on(seen(&said)), (Some(50), vec![5]));
        }
    }
}
