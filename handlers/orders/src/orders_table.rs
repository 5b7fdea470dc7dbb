//! The orders squad's table on DynamoDB: orders, conflicting and refused submissions, and the catalogue's prices.

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use lakeside_domain::{
    ids::{OrderId, Sku},
    money::Money,
    order::Catalogue,
};
use lakeside_kit::{
    dynamo::{Item, Key, PK, StoreError, get, number},
    outbox::{Entry, attach},
};
use serde::Deserialize;

use crate::{
    advance_order, order_ingest,
    order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord, Saved},
};

const REFUSED_KEPT_SECONDS: u32 = 30 * 24 * 3600;
/// DynamoDB reads at most this many keys in one batch.
const MAX_KEYS: usize = 100;
const BATCH_READS: usize = 5;

/// The orders table.
#[derive(Debug, Clone)]
pub struct OrdersTable {
    client: Client,
    table: String,
}

#[derive(Deserialize)]
struct PriceItem {
    pk: String,
    price: Money,
}

/// The key of an order.
pub fn order_key(id: OrderId) -> Key {
    Key::new(format!("ORDER#{id}"), "ORDER")
}

impl OrdersTable {
    /// The table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn put(&self, item: Item) -> Result<(), StoreError> {
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    async fn prices_of(&self, skus: &[Sku], into: &mut Catalogue) -> Result<(), StoreError> {
        let keys: Vec<Item> =
            skus.iter().map(|sku| Key::new(format!("SKU#{sku}"), "PRICE").to_item()).collect();
        let mut wanted = KeysAndAttributes::builder().set_keys(Some(keys)).build().ok();
        for _ in 0..BATCH_READS {
            let Some(keys) = wanted.take() else { return Ok(()) };
            let read = self.client.batch_get_item().request_items(&self.table, keys).send().await?;
            for item in read.responses.unwrap_or_default().into_values().flatten() {
                let found: PriceItem = Key::new("SKU", "PRICE").read(item)?;
                if let Some(sku) = found.pk.strip_prefix("SKU#").and_then(|sku| Sku::parse(sku).ok()) {
                    into.insert(sku, found.price);
                }
            }
            wanted = read.unprocessed_keys.unwrap_or_default().into_values().next();
        }
        // A SKU that was not read must not look like one that is not in the catalogue.
        if wanted.is_some() { Err(StoreError::Busy) } else { Ok(()) }
    }
}

impl order_ingest::Orders for OrdersTable {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        let mut catalogue = Catalogue::new();
        for chunk in skus.chunks(MAX_KEYS) {
            self.prices_of(chunk, &mut catalogue).await?;
        }
        Ok(catalogue)
    }

    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError> {
        let key = order_key(record.order_id);
        let mut item = key.item_of(record)?;
        attach(&mut item, outbox)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(Creation::Created) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => match refused.item.clone() {
                Some(item) => Ok(Creation::Exists(Box::new(key.read(item)?))),
                None => Err(StoreError::Busy),
            },
            _ => Err(error.into()),
        }
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        let pk = order_key(conflict.order_id).pk;
        let key = Key::new(pk, format!("CONFLICT#{}#{}", conflict.customer_id, conflict.fingerprint));
        self.put(key.item_of(conflict)?).await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        let mut item = Key::new(format!("SUBMISSION#{message_id}"), "REFUSED").item_of(refused)?;
        let ttl = refused.received_at.plus_seconds(REFUSED_KEPT_SECONDS).as_epoch_seconds();
        item.insert("ttl".into(), number(ttl));
        self.put(item).await
    }
}

impl advance_order::Orders for OrdersTable {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        get(&self.client, &self.table, &order_key(order_id)).await
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        let mut item = order_key(record.order_id).item_of(record)?;
        attach(&mut item, outbox)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("#version = :before")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":before", number(record.version.saturating_sub(1)))
            .send()
            .await;
        match put {
            Ok(_) => Ok(Saved::Yes),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(PutItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(Saved::Stale)
            }
            Err(error) => Err(error.into()),
        }
    }
}
