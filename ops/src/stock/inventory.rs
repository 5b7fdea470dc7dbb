//! The inventory squad's table, and the functions that compare it and write it.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakeside_contracts::commands::AdjustStock;
use lakeside_domain::{
    ids::Sku,
    reconciliation::SkuStock,
    reservation::{Reservation, ReservationStatus},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::books::{Hold, Reconciled, hold, stock};
use crate::{
    cloud::Cloud,
    failure::{Failure, Result},
};

const TABLE: &str = "inventory";
/// The indexes of SKUs and of holds: their names, and the keys of their partitions.
const SKUS: (&str, &str, &str) = ("skus-by-shard", "stockShard", "STOCK");
const HOLDS: (&str, &str, &str) = ("held-by-end", "heldShard", "HELD");
/// Partitions of each.
const SHARDS: u8 = 4;
/// Holds that are looked at in each partition, those that end soonest first.
const HOLDS_PER_SHARD: usize = 100;
const AT_A_TIME: usize = 8;
/// SKUs that one call of `reconcile-stock` looks at, which takes some milliseconds for each.
const SKUS_PER_CALL: usize = 50;

impl Cloud {
    /// What there is of a SKU.
    ///
    /// # Errors
    /// If there is none of it and never was, or the table refuses.
    pub async fn stock_of(&self, sku: &Sku) -> Result<SkuStock> {
        let items = self.partition(TABLE, &format!("SKU#{sku}")).await?;
        if items.is_empty() {
            return Err(Failure::not_found(format!("there is no stock of `{sku}`, and never was")));
        }
        stock(sku, &items)
    }

    /// Who holds units of a SKU, those whose hold ends soonest first, and whether these are all. The index that finds them
    /// lags a moment.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn holds_of(&self, sku: &Sku) -> Result<(Vec<Hold>, bool)> {
        let mut orders = Vec::new();
        let mut all = true;
        for shard in 0..SHARDS {
            let (keys, whole) = self.index(HOLDS, shard, "pk", HOLDS_PER_SHARD).await?;
            orders.extend(keys);
            all &= whole;
        }
        let reads: Vec<_> = orders.iter().map(|pk| self.partition(TABLE, pk)).collect();
        let items: Vec<Vec<Value>> = stream::iter(reads).buffer_unordered(AT_A_TIME).try_collect().await?;
        let mut holds = Vec::new();
        for item in items.into_iter().flatten() {
            let reservation = Reservation::deserialize(&item).map_err(|error| {
                Failure::wrong(format!("the reservation {:?} is not of its form: {error}", item.get("pk")))
            })?;
            if reservation.status == ReservationStatus::Held {
                holds.extend(hold(sku, &reservation));
            }
        }
        holds.sort_by_key(|hold| (hold.expires_at, hold.order_id.to_string()));
        Ok((holds, all))
    }

    /// Every SKU that has stock, or had.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn skus(&self) -> Result<Vec<Sku>> {
        self.some_skus(usize::MAX).await
    }

    /// Up to so many SKUs of each partition of the index.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn some_skus(&self, limit: usize) -> Result<Vec<Sku>> {
        let mut skus = Vec::new();
        for shard in 0..SHARDS {
            for sku in self.index(SKUS, shard, "sku", limit).await?.0 {
                skus.push(Sku::parse(&sku).map_err(|error| Failure::wrong(error.to_string()))?);
            }
        }
        skus.sort();
        Ok(skus)
    }

    /// One attribute of the items of an index's partition, in its order, and whether these are all.
    async fn index(
        &self,
        (name, key, partition): (&str, &str, &str),
        shard: u8,
        attribute: &str,
        limit: usize,
    ) -> Result<(Vec<String>, bool)> {
        let mut items = self
            .dynamodb
            .query()
            .table_name(self.environment.table(TABLE)?)
            .index_name(name)
            .key_condition_expression(format!("{key} = :key"))
            .expression_attribute_values(":key", AttributeValue::S(format!("{partition}#{shard}")))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item =
                item.map_err(|error| Failure::call(&format!("cannot read the index {name}"), &error))?;
            if found.len() == limit {
                return Ok((found, false));
            }
            found.extend(item.get(attribute).and_then(|value| value.as_s().ok()).cloned());
        }
        Ok((found, true))
    }

    /// Lets `reconcile-stock` compare pools and nodes of these SKUs.
    ///
    /// # Errors
    /// If it fails, which it does if a SKU cannot be read.
    pub async fn reconcile(&self, skus: &[Sku], mut progress: impl FnMut(usize)) -> Result<Reconciled> {
        let function = self.environment.function("reconcile-stock")?;
        let mut found = Reconciled::default();
        let mut done = 0;
        for some in skus.chunks(SKUS_PER_CALL) {
            let answer = self.signed.invoke(&format!("{function}:live"), &json!({ "skus": some })).await;
            let answer = answer.map_err(|error| Failure::signed("cannot compare pools and nodes", &error))?;
            let answer = serde_json::from_value(answer).map_err(|error| {
                Failure::wrong(format!("the answer of {function} is not of its form: {error}"))
            })?;
            found = found.and(answer);
            done += some.len();
            progress(done);
        }
        Ok(found)
    }

    /// Puts a command on the queue of `adjust-stock`.
    ///
    /// # Errors
    /// If there is no such queue, or it refuses.
    pub async fn send_adjustment(&self, command: &AdjustStock) -> Result<()> {
        let (_, queue) = self.environment.queue("adjust-stock")?;
        let body = serde_json::to_string(command)
            .map_err(|error| Failure::wrong(format!("the command has no JSON form: {error}")))?;
        let sent = self.sqs.send_message().set_queue_url(queue.url.clone()).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| Failure::call("cannot send the command to adjust-stock", &error))
    }

    /// What is kept under a command's id.
    ///
    /// # Errors
    /// If the table refuses.
    pub async fn adjustment(&self, command: &AdjustStock) -> Result<Vec<Value>> {
        self.partition(TABLE, &format!("ADJUSTMENT#{}", command.adjustment_id)).await
    }
}
