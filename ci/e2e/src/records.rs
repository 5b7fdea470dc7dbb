//! What the tables say, as JSON: the tests look at records as operations would, not through the functions' code.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use lakeside_domain::{allocation::Allocation, reservation::Reservation};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::cloud::{Cloud, table};

/// DynamoDB reads at most this many items in one batch.
const MAX_KEYS: usize = 100;

/// Every item of one partition.
///
/// # Errors
/// If the table refuses.
pub async fn with_key(cloud: &Cloud, table: &str, pk: &str) -> anyhow::Result<Vec<Value>> {
    let mut pages = cloud
        .dynamodb
        .query()
        .table_name(cloud.name(table))
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(pk.into()))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(serde_dynamo::from_item(item.with_context(|| format!("cannot read {pk}"))?)?);
    }
    Ok(items)
}

/// Every item of a table, by its key.
///
/// # Errors
/// If the table refuses.
pub async fn all(cloud: &Cloud, table: &str) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut pages = cloud
        .dynamodb
        .scan()
        .table_name(cloud.name(table))
        .consistent_read(true)
        .into_paginator()
        .items()
        .send();
    let mut items = BTreeMap::new();
    while let Some(item) = pages.next().await {
        let item: Value =
            serde_dynamo::from_item(item.with_context(|| format!("cannot read the table {table}"))?)?;
        let part = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
        items.insert(format!("{table} {} {}", part("pk"), part("sk")), item);
    }
    Ok(items)
}

/// What all tables hold about one order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRecords(BTreeMap<String, Value>);

impl OrderRecords {
    /// Reads everything about `order_id`.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn read(cloud: &Cloud, order_id: Uuid) -> anyhow::Result<Self> {
        let mut found = BTreeMap::new();
        for (table, kinds) in [
            (table::ORDERS, &["ORDER"][..]),
            (table::ORDER_STATUS, &["ORDER"]),
            (table::INVENTORY, &["RESERVATION", "ALLOCATION"]),
            (table::FULFILMENT, &["PAYMENT", "LABEL", "APPROVAL"]),
        ] {
            for kind in kinds {
                for item in with_key(cloud, table, &format!("{kind}#{order_id}")).await? {
                    let sk = item.get("sk").and_then(Value::as_str).unwrap_or_default();
                    found.insert(format!("{table} {kind} {sk}"), item);
                }
            }
        }
        Ok(Self(found))
    }

    /// The order itself.
    pub fn order(&self) -> Option<&Value> {
        self.0.get("orders ORDER ORDER")
    }

    /// The order's state, such as `FULFILLED`.
    pub fn state(&self) -> Option<&str> {
        self.order()?.pointer("/state/state")?.as_str()
    }

    /// Submissions under the order's id that were not the first.
    pub fn conflicts(&self) -> Vec<&Value> {
        self.of("orders ORDER CONFLICT#")
    }

    /// The reservation.
    ///
    /// # Errors
    /// If it is not of its form.
    pub fn reservation(&self) -> anyhow::Result<Option<Reservation>> {
        self.typed("inventory RESERVATION RESERVATION")
    }

    /// The allocation.
    ///
    /// # Errors
    /// If it is not of its form.
    pub fn allocation(&self) -> anyhow::Result<Option<Allocation>> {
        self.typed("inventory ALLOCATION ALLOCATION")
    }

    /// The payment's status, such as `CAPTURED`.
    pub fn payment_status(&self) -> Option<&str> {
        self.0.get("fulfilment PAYMENT PAYMENT")?.get("status")?.as_str()
    }

    /// The labels' statuses, such as `CREATED`.
    pub fn label_statuses(&self) -> Vec<&str> {
        self.of("fulfilment LABEL ").into_iter().filter_map(|label| label.get("status")?.as_str()).collect()
    }

    /// Why labels were refused, such as `UNDELIVERABLE`.
    pub fn label_reasons(&self) -> Vec<&str> {
        self.of("fulfilment LABEL ").into_iter().filter_map(|label| label.get("reason")?.as_str()).collect()
    }

    /// The request for approval.
    pub fn approval(&self) -> Option<&Value> {
        self.0.get("fulfilment APPROVAL APPROVAL")
    }

    fn of(&self, prefix: &str) -> Vec<&Value> {
        self.0.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, item)| item).collect()
    }

    fn typed<T: DeserializeOwned>(&self, key: &str) -> anyhow::Result<Option<T>> {
        let item = self.0.get(key).cloned();
        item.map(serde_json::from_value).transpose().with_context(|| format!("{key} is malformed"))
    }
}

/// The states of many orders at once, of those that are recorded.
///
/// # Errors
/// If the table refuses.
pub async fn order_states(cloud: &Cloud, orders: &[Uuid]) -> anyhow::Result<BTreeMap<Uuid, String>> {
    let mut states = BTreeMap::new();
    for chunk in orders.chunks(MAX_KEYS) {
        let keys = chunk.iter().map(|id| {
            [
                ("pk".to_owned(), AttributeValue::S(format!("ORDER#{id}"))),
                ("sk".to_owned(), AttributeValue::S("ORDER".into())),
            ]
            .into()
        });
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .projection_expression("orderId, #state")
            .expression_attribute_names("#state", "state")
            .consistent_read(true)
            .build()?;
        let read =
            cloud.dynamodb.batch_get_item().request_items(cloud.name(table::ORDERS), wanted).send().await?;
        for item in read.responses.unwrap_or_default().into_values().flatten() {
            let item: Value = serde_dynamo::from_item(item)?;
            let id = item.get("orderId").and_then(Value::as_str).unwrap_or_default().parse()?;
            let state = item.pointer("/state/state").and_then(Value::as_str).unwrap_or_default();
            states.insert(id, state.to_owned());
        }
    }
    Ok(states)
}

/// Whether an order in this state will not change any more.
pub fn is_final(state: &str) -> bool {
    matches!(state, "FULFILLED" | "CANCELLED" | "REJECTED")
}
