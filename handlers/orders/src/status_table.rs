//! The status view's table on DynamoDB: one item per order, one attribute per fact.

use aws_sdk_dynamodb::Client;
use lakeside_domain::ids::OrderId;
use lakeside_kit::dynamo::{Key, StoreError, get, string};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    order_query::{self, View},
    order_status::{self, Known, ViewFact},
};

/// The status view's table.
#[derive(Debug, Clone)]
pub struct StatusTable {
    client: Client,
    table: String,
}

fn status_key(id: OrderId) -> Key {
    Key::new(format!("ORDER#{id}"), "STATUS")
}

/// Facts are attributes of their own, so that they can arrive in any order and none overwrites another.
const FACT: &str = "fact_";

impl StatusTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
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
            update.push_str(", customerId = if_not_exists(customerId, :customer)");
            request = request.expression_attribute_values(":customer", string(customer_id.as_str()));
        }
        request.update_expression(update).send().await?;
        Ok(())
    }
}

impl order_query::StatusView for StatusTable {
    async fn load(&self, order_id: OrderId) -> Result<Option<View>, StoreError> {
        let key = status_key(order_id);
        let item: Option<Map<String, Value>> = get(&self.client, &self.table, &key).await?;
        let Some(mut item) = item else { return Ok(None) };
        let customer_id = item.remove("customerId").map(|value| read(&key, value)).transpose()?;
        let mut facts = Vec::new();
        for (name, value) in item {
            if name.starts_with(FACT) {
                facts.push(read::<Known>(&key, value)?.into());
            }
        }
        Ok(Some(View { customer_id, facts }))
    }
}

fn read<T: DeserializeOwned>(key: &Key, value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value)
        .map_err(|e| StoreError::Malformed { key: format!("{}/{}", key.pk, key.sk), source: e.into() })
}
