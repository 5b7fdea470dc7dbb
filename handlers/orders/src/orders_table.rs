//! The orders squad's table on DynamoDB: orders, conflicting and refused submissions, cancellations that came before their
//! orders, and the catalogue's prices.

use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    operation::put_item::PutItemError,
    types::{ConditionCheck, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use lakeside_domain::{
    ids::{CustomerId, OrderId, Sku},
    money::Money,
    order::{Catalogue, OrderState},
    time::Timestamp,
};
use lakeside_kit::{
    dynamo::{Item, Key, PK, Reason, StoreError, Transacted, get, number, transact},
    outbox::{Entry, attach},
};
use serde::Deserialize;

use crate::{
    advance_order, cancel_order, order_ingest,
    order_record::{ConflictRecord, Creation, EarlyCancellation, OrderRecord, RefusedRecord, Saved},
};

/// Queues and dead-letter queues keep a message for fourteen days each.
const KEPT_SECONDS: u32 = 30 * 24 * 3600;
const ABSENT: &str = "attribute_not_exists(#pk)";
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

/// The key of a customer's request to cancel an order that has not come.
pub fn early_key(id: OrderId, customer_id: &CustomerId) -> Key {
    Key::new(order_key(id).pk, format!("CANCELLATION#{customer_id}"))
}

fn refused(error: BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

/// `item`, which DynamoDB deletes thirty days after `received_at` or later.
fn passing(mut item: Item, received_at: Timestamp) -> Item {
    item.insert("ttl".into(), number(received_at.plus_seconds(KEPT_SECONDS).as_epoch_seconds()));
    item
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

    /// There is no item under `key`.
    fn absent(&self, key: &Key) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.to_item()))
            .condition_expression(ABSENT)
            .expression_attribute_names("#pk", PK);
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(refused)?).build())
    }

    /// Writes the record of an accepted order, together with a look at what its customer wanted before it came.
    async fn accept(
        &self,
        key: &Key,
        item: Item,
        customer_id: &CustomerId,
        order_id: OrderId,
    ) -> Result<Creation, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(ABSENT)
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = TransactWriteItem::builder().put(put.build().map_err(refused)?).build();
        let uncancelled = self.absent(&early_key(order_id, customer_id))?;
        match transact(&self.client, vec![put, uncancelled]).await? {
            Transacted::Applied => Ok(Creation::Created),
            Transacted::Refused(reasons) => match reasons.into_iter().next() {
                Some(Reason::ConditionFailed(Some(item))) => Ok(Creation::Exists(Box::new(key.read(item)?))),
                Some(Reason::ConditionFailed(None)) => Err(StoreError::Busy),
                _ => Ok(Creation::CancelledFirst),
            },
        }
    }

    /// Writes the record of a refused order.
    async fn reject(&self, key: &Key, item: Item) -> Result<Creation, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(ABSENT)
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
        if record.state == OrderState::Created {
            self.accept(&key, item, &record.customer_id, record.order_id).await
        } else {
            self.reject(&key, item).await
        }
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        let pk = order_key(conflict.order_id).pk;
        let key = Key::new(pk, format!("CONFLICT#{}#{}", conflict.customer_id, conflict.fingerprint));
        self.put(key.item_of(conflict)?).await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        let item = Key::new(format!("SUBMISSION#{message_id}"), "REFUSED").item_of(refused)?;
        self.put(passing(item, refused.received_at)).await
    }
}

impl cancel_order::Cancellations for OrdersTable {
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        advance_order::Orders::load(self, order_id).await
    }

    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        advance_order::Orders::save(self, record, outbox).await
    }

    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError> {
        let EarlyCancellation { order_id, customer_id, requested_at } = cancellation;
        let item = passing(early_key(*order_id, customer_id).item_of(cancellation)?, *requested_at);
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(refused)?;
        let put = TransactWriteItem::builder().put(put).build();
        Ok(match transact(&self.client, vec![self.absent(&order_key(*order_id))?, put]).await? {
            Transacted::Applied => Saved::Yes,
            Transacted::Refused(_) => Saved::Stale,
        })
    }

    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        order_ingest::Orders::record_refused(self, message_id, refused).await
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
