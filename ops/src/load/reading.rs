//! What the cloud says of orders, goods and queues, many at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use serde_json::Value;

use super::facts::{Charged, OrderFacts, StockFacts};
use crate::{
    cloud::Cloud,
    failure::{Failure, Result},
};

/// DynamoDB reads at most this many items in one batch.
const MAX_KEYS: usize = 100;
const AT_A_TIME: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(30);

/// What lies in the queues, by their names.
pub type Depths = BTreeMap<String, u64>;

impl Cloud {
    /// The items of these orders with this kind of partition and this sort key, by order.
    async fn of_orders(
        &self,
        table: &str,
        (kind, sk): (&str, &str),
        ids: &BTreeSet<OrderId>,
    ) -> Result<BTreeMap<OrderId, Value>> {
        let name = self.environment.table(table)?;
        let ids: Vec<OrderId> = ids.iter().copied().collect();
        let chunks: Vec<Vec<_>> = ids
            .chunks(MAX_KEYS)
            .map(|chunk| {
                let key = |id: &OrderId| {
                    let part = |text: String| AttributeValue::S(text);
                    [("pk".into(), part(format!("{kind}#{id}"))), ("sk".into(), part(sk.into()))].into()
                };
                chunk.iter().map(key).collect()
            })
            .collect();
        let reads = chunks.into_iter().map(|keys| self.batch(name, keys));
        let items: Vec<Vec<Value>> = stream::iter(reads).buffer_unordered(AT_A_TIME).try_collect().await?;
        let of = |item: &Value| {
            let (_, id) = item.get("pk")?.as_str()?.split_once('#')?;
            OrderId::parse(id).ok()
        };
        Ok(items.into_iter().flatten().filter_map(|item| Some((of(&item)?, item))).collect())
    }

    async fn batch(
        &self,
        table: &str,
        mut keys: Vec<std::collections::HashMap<String, AttributeValue>>,
    ) -> Result<Vec<Value>> {
        let what = || format!("cannot read many items of the table {table}");
        let mut items = Vec::new();
        while !keys.is_empty() {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| Failure::wrong(format!("{}: {error}", what())))?;
            let read = self.dynamodb.batch_get_item().request_items(table, wanted).send().await;
            let read = read.map_err(|error| Failure::call(&what(), &error))?;
            for item in read.responses.unwrap_or_default().into_values().flatten() {
                let item = serde_dynamo::from_item(item);
                items.push(item.map_err(|error| Failure::wrong(format!("{}: {error}", what())))?);
            }
            let left = read.unprocessed_keys.unwrap_or_default().into_values();
            keys = left.flat_map(|left| left.keys).collect();
        }
        Ok(items)
    }

    /// The states of these orders, of those that are recorded.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn order_states(&self, ids: &BTreeSet<OrderId>) -> Result<BTreeMap<OrderId, String>> {
        let items = self.of_orders("orders", ("ORDER", "ORDER"), ids).await?;
        Ok(items.into_iter().map(|(id, item)| (id, text(&item, "/state/state"))).collect())
    }

    /// What is known of these orders; conflicts are looked for only under the ids in `repeated`.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn order_facts(
        &self,
        ids: &BTreeSet<OrderId>,
        repeated: &BTreeSet<OrderId>,
    ) -> Result<BTreeMap<OrderId, OrderFacts>> {
        let orders = self.of_orders("orders", ("ORDER", "ORDER"), ids).await?;
        let views = self.of_orders("order-status", ("ORDER", "STATUS"), ids).await?;
        let reservations = self.of_orders("inventory", ("RESERVATION", "RESERVATION"), ids).await?;
        let payments = self.of_orders("fulfilment", ("PAYMENT", "PAYMENT"), ids).await?;
        let partitions = repeated.iter().map(async |id| {
            let items = self.partition("orders", &format!("ORDER#{id}")).await?;
            let conflicts = items.iter().filter(|item| text(item, "/sk").starts_with("CONFLICT#")).count();
            Ok::<_, Failure>((*id, conflicts))
        });
        let conflicts: BTreeMap<OrderId, usize> =
            stream::iter(partitions).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(orders
            .into_iter()
            .map(|(id, item)| {
                let facts = OrderFacts {
                    endings: views.get(&id).map(endings).unwrap_or_default(),
                    reservation: reservations.get(&id).map(|item| text(item, "/status")),
                    payment: payments
                        .get(&id)
                        .map(|item| (text(item, "/status"), whole(item, "/amount/amount"))),
                    conflicts: conflicts.get(&id).copied().unwrap_or_default(),
                    ..order(&item)
                };
                (id, facts)
            })
            .collect())
    }

    /// Where these goods stand.
    ///
    /// # Errors
    /// If the table refuses, or one of them has no stock.
    pub async fn stock_facts<'a>(
        &self,
        skus: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, StockFacts>> {
        let mut stock = BTreeMap::new();
        for sku in skus {
            let items = self.partition("inventory", &format!("SKU#{sku}")).await?;
            if items.is_empty() {
                return Err(Failure::not_found(format!("there is no stock of `{sku}`")));
            }
            stock.insert(sku.to_owned(), counts(&items));
        }
        Ok(stock)
    }

    /// What lies in the queues that messages go to.
    ///
    /// # Errors
    /// If one cannot be read.
    pub async fn depths(&self) -> Result<Depths> {
        let queues = self.environment.queues.iter();
        self.depths_of(queues.filter_map(|(name, queue)| Some((name, queue.url.as_deref()?)))).await
    }

    /// What lies in the dead-letter queues.
    ///
    /// # Errors
    /// If one cannot be read.
    pub async fn dead_letter_depths(&self) -> Result<Depths> {
        let queues = self.environment.queues.iter();
        self.depths_of(queues.map(|(name, queue)| (name, queue.dead_letter_url.as_str()))).await
    }

    async fn depths_of<'a>(&self, queues: impl Iterator<Item = (&'a String, &'a str)>) -> Result<Depths> {
        let reads = queues.map(async |(name, url)| {
            let depth = self.depth(url).await?;
            Ok((name.clone(), depth.waiting + depth.in_flight))
        });
        stream::iter(reads).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// The books of the processor of a sandbox, by order.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn processor_books(&self, url: &str) -> Result<BTreeMap<OrderId, Charged>> {
        let silent = |error| Failure::unreachable(format!("the processor at {url} shows no books: {error}"));
        let url = format!("{}/ledger", url.trim_end_matches('/'));
        let answer = self.http.get(url).timeout(TIMEOUT).send().await.map_err(silent)?;
        let books: Value = answer.error_for_status().map_err(silent)?.json().await.map_err(silent)?;
        let payments = books.get("payments").and_then(Value::as_array).into_iter().flatten();
        Ok(payments
            .filter_map(|payment| {
                let id = OrderId::parse(&text(payment, "/reference")).ok()?;
                let kept =
                    whole(payment, "/capturedAmount").saturating_sub(whole(payment, "/refundedAmount"));
                let charges = payment.get("charges").and_then(Value::as_u64).unwrap_or_default();
                Some((id, Charged { charges, kept }))
            })
            .collect())
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn whole(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// What the order's own item says; one that was refused at once has no lines and no total.
fn order(item: &Value) -> OrderFacts {
    let lines = item.pointer("/order/lines").and_then(Value::as_array).into_iter().flatten();
    let units = lines.filter_map(|line| Some((text(line, "/sku"), line.get("quantity")?.as_u64()?)));
    OrderFacts {
        state: text(item, "/state/state"),
        total: whole(item, "/order/total/amount"),
        units: units.collect(),
        ..OrderFacts::default()
    }
}

/// The endings that the customer's view knows, in their order.
fn endings(view: &Value) -> Vec<(String, i64)> {
    let facts = view.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("fact_"));
    let ends = ["OrderFulfilled", "OrderCancelled", "OrderRejected"];
    let mut endings: Vec<(String, i64)> = facts
        .filter_map(|(_, fact)| {
            let event = text(fact, "/event");
            let at = WireTime::try_from(text(fact, "/occurredAt")).ok()?.0.as_millis();
            ends.contains(&event.as_str()).then_some((event, at))
        })
        .collect();
    endings.sort_by_key(|(_, at)| *at);
    endings
}

fn counts(items: &[Value]) -> StockFacts {
    let mut stock = StockFacts::default();
    for item in items {
        let sk = text(item, "/sk");
        if sk.starts_with("POOL#") {
            stock.available += whole(item, "/available");
            stock.held += whole(item, "/held");
            stock.sold += whole(item, "/sold");
            stock.received += whole(item, "/received");
        } else if sk.starts_with("NODE#") {
            stock.on_hand += whole(item, "/on_hand");
        }
    }
    stock
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pools_and_nodes_add_up() {
        let items = [
            json!({ "sk": "POOL#0", "available": 3, "held": 1, "sold": 2, "received": 6 }),
            json!({ "sk": "POOL#1", "available": 4, "held": 0, "sold": 1, "received": 5 }),
            json!({ "sk": "NODE#wh-one", "on_hand": 8 }),
            json!({ "sk": "SOMETHING", "available": 100 }),
        ];
        let due = StockFacts { available: 7, held: 1, sold: 3, received: 11, on_hand: 8 };
        assert_eq!(counts(&items), due);
    }

    #[test]
    fn an_order_that_was_refused_at_once_has_a_state_alone() {
        let refused = order(&json!({ "state": { "state": "REJECTED", "reason": "X" } }));
        assert_eq!((refused.state.as_str(), refused.total, refused.units.len()), ("REJECTED", 0, 0));
        let total = json!({ "amount": 500, "currency": "USD" });
        let lines = json!([{ "sku": "A", "quantity": 2 }]);
        let taken =
            order(&json!({ "state": { "state": "CREATED" }, "order": { "total": total, "lines": lines } }));
        assert_eq!((taken.total, taken.units), (500, vec![("A".to_owned(), 2)]));
    }

    #[test]
    fn endings_are_told_in_their_order_and_nothing_else_is_one() {
        let fact = |event: &str, at: &str| json!({ "event": event, "occurredAt": at });
        let view = json!({
            "fact_1": fact("OrderFulfilled", "2026-11-27T09:00:02.000Z"),
            "fact_2": fact("OrderCreated", "2026-11-27T09:00:00.000Z"),
            "fact_3": fact("OrderCancelled", "2026-11-27T09:00:01.000Z"),
        });
        let told: Vec<String> = endings(&view).into_iter().map(|(event, _)| event).collect();
        assert_eq!(told, ["OrderCancelled", "OrderFulfilled"]);
    }
}
