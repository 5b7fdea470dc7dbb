//! The status view's table on DynamoDB: one item per order, one attribute per fact, and an index of each customer's orders.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::KeysAndAttributes};
use lakeside_domain::{
    ids::{CustomerId, OrderId},
    time::Timestamp,
};
use lakeside_kit::dynamo::{Item, Key, PK, StoreError, get, number, string};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    customer_orders::{CustomerView, Listed, Page, Position},
    order_query::{self, View},
    order_status::{self, Known, ViewFact},
};

/// The status view's table.
#[derive(Debug, Clone)]
pub struct StatusTable {
    client: Client,
    table: String,
}

/// What begins the partition key of an order.
const ORDER: &str = "ORDER#";
const STATUS: &str = "STATUS";
/// Facts are attributes of their own, so that they can arrive in any order and none overwrites another.
const FACT: &str = "fact_";
/// The index of customers' orders: its name, and its keys, which only an order has whose customer is known.
const BY_CUSTOMER: &str = "by-customer";
const CUSTOMER_KEY: &str = "customerKey";
const PLACED_AT: &str = "placedAt";
const BATCH_READS: usize = 5;

fn status_key(id: OrderId) -> Key {
    Key::new(format!("{ORDER}{id}"), STATUS)
}

fn customer_key(customer_id: &CustomerId) -> String {
    format!("CUSTOMER#{customer_id}")
}

/// The keys of an order's entry in the index.
fn entry(customer_id: &CustomerId, position: Position) -> Item {
    let mut item = status_key(position.order_id).to_item();
    item.insert(CUSTOMER_KEY.into(), string(customer_key(customer_id)));
    item.insert(PLACED_AT.into(), number(position.placed_at.as_millis()));
    item
}

fn position(item: &Item) -> Option<Position> {
    let order_id = item.get(PK)?.as_s().ok()?.strip_prefix(ORDER)?;
    let placed_at = item.get(PLACED_AT)?.as_n().ok()?.parse().ok()?;
    Some(Position { placed_at: Timestamp::from_millis(placed_at), order_id: OrderId::parse(order_id).ok()? })
}

impl StatusTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What is known about each of these orders.
    async fn views(&self, orders: &[Position]) -> Result<HashMap<OrderId, View>, StoreError> {
        let mut views = HashMap::new();
        let keys: Vec<Item> = orders.iter().map(|order| status_key(order.order_id).to_item()).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut wanted =
            Some(wanted.map_err(|e| StoreError::Refused(e.into()))?).filter(|_| !orders.is_empty());
        for _ in 0..BATCH_READS {
            let Some(keys) = wanted.take() else { return Ok(views) };
            let read = self.client.batch_get_item().request_items(&self.table, keys).send().await?;
            for item in read.responses.unwrap_or_default().into_values().flatten() {
                let pk = item.get(PK).and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
                let key = Key::new(pk, STATUS);
                if let Some(order_id) = key.pk.strip_prefix(ORDER).and_then(|id| OrderId::parse(id).ok()) {
                    views.insert(order_id, view(&key, key.read(item)?)?);
                }
            }
            wanted = read.unprocessed_keys.unwrap_or_default().into_values().next();
        }
        // An order that was not read must not look like one that is not there.
        if wanted.is_some() { Err(StoreError::Busy) } else { Ok(views) }
    }
}

impl order_status::StatusView for StatusTable {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        let value = serde_dynamo::to_attribute_value(&fact.known)
            .map_err(|e| StoreError::Malformed { key: fact.known.event.clone(), source: e.into() })?;
        let mut update = "SET #fact = if_not_exists(#fact, :fact)".to_owned();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(status_key(fact.order_id).to_item()))
            .expression_attribute_names("#fact", format!("{FACT}{}", fact.event_id))
            .expression_attribute_values(":fact", value);
        if let Some(customer_id) = &fact.customer_id {
            update.push_str(
                ", customerId = if_not_exists(customerId, :customer), #key = if_not_exists(#key, :key), #placed = ",
            );
            update.push_str(if fact.is_creation() { ":placed" } else { "if_not_exists(#placed, :placed)" });
            request = request
                .expression_attribute_names("#key", CUSTOMER_KEY)
                .expression_attribute_names("#placed", PLACED_AT)
                .expression_attribute_values(":customer", string(customer_id.as_str()))
                .expression_attribute_values(":key", string(customer_key(customer_id)))
                .expression_attribute_values(":placed", number(fact.known.occurred_at.0.as_millis()));
        }
        request.update_expression(update).send().await?;
        Ok(())
    }
}

impl order_query::StatusView for StatusTable {
    async fn load(&self, order_id: OrderId) -> Result<Option<View>, StoreError> {
        let key = status_key(order_id);
        let item: Option<Map<String, Value>> = get(&self.client, &self.table, &key).await?;
        item.map(|item| view(&key, item)).transpose()
    }
}

impl CustomerView for StatusTable {
    async fn page(
        &self,
        customer_id: &CustomerId,
        limit: usize,
        after: Option<Position>,
    ) -> Result<Page, StoreError> {
        // One more than is shown tells whether there are more.
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_CUSTOMER)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", CUSTOMER_KEY)
            .expression_attribute_values(":key", string(customer_key(customer_id)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|after| entry(customer_id, after)))
            .send()
            .await?;
        let mut positions: Vec<Position> = found.items().iter().filter_map(position).collect();
        let more = positions.len() > limit;
        positions.truncate(limit);
        let mut views = self.views(&positions).await?;
        let next = positions.last().copied().filter(|_| more);
        let listed = |position: Position| {
            let view = views.remove(&position.order_id)?;
            (view.customer_id.as_ref() == Some(customer_id)).then_some(Listed { position, facts: view.facts })
        };
        Ok(Page { orders: positions.into_iter().filter_map(listed).collect(), next })
    }
}

fn view(key: &Key, mut item: Map<String, Value>) -> Result<View, StoreError> {
    let customer_id = item.remove("customerId").map(|value| read(key, value)).transpose()?;
    let mut facts = Vec::new();
    for (name, value) in item {
        if name.starts_with(FACT) {
            facts.push(read::<Known>(key, value)?.into());
        }
    }
    Ok(View { customer_id, facts })
}

fn read<T: DeserializeOwned>(key: &Key, value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value)
        .map_err(|e| StoreError::Malformed { key: format!("{}/{}", key.pk, key.sk), source: e.into() })
}
