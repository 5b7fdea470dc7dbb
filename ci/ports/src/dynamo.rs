//! The books of a table on DynamoDB: items are read and written as they are.

use anyhow::{Context, ensure};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lakeside_domain::{
    allocation::Allocation,
    idempotency::Lease,
    ids::{CustomerId, NodeId, OrderId, Sku},
    money::Money,
    reservation::Reservation,
    stock::{self, PoolId},
};
use lakeside_fulfilment::{
    approval_record::{ApprovalRecord, ApprovalStatus},
    fulfilment_table::{approval_key, closed_key, label_key, payment_key},
    label_record::{ClosedRecord, LabelRecord},
    payment_record::PaymentRecord,
};
use lakeside_growth::{
    growth_table::{account_key, notice_key},
    notice_record::NoticeRecord,
};
use lakeside_inventory::{
    inventory_table::{NodeStock, allocation_key, node_key, pool_key, reservation_key},
    memory::Counts,
};
use lakeside_kit::{
    dynamo::{Key, get},
    lease::LeaseKey,
    outbox::Entry,
};
use lakeside_orders::{
    order_record::{ConflictRecord, EarlyCancellation, RefusedRecord},
    orders_table::order_key,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{fulfilment, inventory, leases, loyalty, notices, orders};

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Who may do anything with it.
    pub client: Client,
    /// Its name.
    pub name: String,
}

#[derive(Deserialize)]
struct WithOutbox {
    #[serde(default)]
    outbox: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    customer_id: CustomerId,
    points: i64,
}

#[derive(Deserialize)]
struct WithVersion {
    #[serde(default)]
    version: u64,
}

#[derive(Serialize)]
struct WantedPools {
    count: u8,
}

#[derive(Serialize)]
struct Price {
    price: Money,
}

impl Table {
    pub(crate) async fn put(&self, key: &Key, item: &impl Serialize) -> anyhow::Result<()> {
        let item = key.item_of(item)?;
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// The items in the partition of `key` whose sort keys begin with `prefix`.
    async fn beside<T: DeserializeOwned>(&self, key: &Key, prefix: &str) -> anyhow::Result<Vec<T>> {
        let found = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(key.pk.clone()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.into()))
            .consistent_read(true)
            .send()
            .await
            .with_context(|| format!("cannot read {}", key.pk))?;
        found.items.unwrap_or_default().into_iter().map(|item| Ok(key.read(item)?)).collect()
    }

    pub(crate) async fn entries(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        let item: Option<WithOutbox> = get(&self.client, &self.name, key).await?;
        Ok(item.map(|item| item.outbox).unwrap_or_default())
    }
}

impl inventory::Books for Table {
    async fn put_pool(&self, sku: &Sku, pool: PoolId, counts: Counts) -> anyhow::Result<()> {
        let counts = stock::Counts {
            available: counts.available.try_into()?,
            held: counts.held.try_into()?,
            sold: counts.sold.try_into()?,
            received: counts.received.try_into()?,
        };
        self.put(&pool_key(sku, pool), &counts).await
    }

    async fn put_node(&self, sku: &Sku, node: &NodeId, on_hand: i64) -> anyhow::Result<()> {
        self.put(&node_key(sku, node), &NodeStock { on_hand: on_hand.try_into()? }).await
    }

    async fn put_wanted_pools(&self, sku: &Sku, count: u8) -> anyhow::Result<()> {
        self.put(&Key::new(format!("SKU#{sku}"), "POOLS"), &WantedPools { count }).await
    }

    async fn put_reservation(&self, reservation: &Reservation) -> anyhow::Result<()> {
        self.put(&reservation_key(reservation.order_id), reservation).await
    }

    async fn put_allocation(&self, allocation: &Allocation) -> anyhow::Result<()> {
        self.put(&allocation_key(allocation.order_id), allocation).await
    }

    async fn pool(&self, sku: &Sku, pool: PoolId) -> anyhow::Result<Option<Counts>> {
        let counts: Option<stock::Counts> = get(&self.client, &self.name, &pool_key(sku, pool)).await?;
        let signed = |counts: stock::Counts| {
            anyhow::Ok(Counts {
                available: counts.available.try_into()?,
                held: counts.held.try_into()?,
                sold: counts.sold.try_into()?,
                received: counts.received.try_into()?,
            })
        };
        counts.map(signed).transpose()
    }

    async fn node(&self, sku: &Sku, node: &NodeId) -> anyhow::Result<Option<i64>> {
        let stock: Option<NodeStock> = get(&self.client, &self.name, &node_key(sku, node)).await?;
        Ok(stock.map(|stock| stock.on_hand.try_into()).transpose()?)
    }

    async fn version(&self, key: &Key) -> anyhow::Result<u64> {
        let item: Option<WithVersion> = get(&self.client, &self.name, key).await?;
        Ok(item.map(|item| item.version).unwrap_or_default())
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        self.entries(key).await
    }
}

impl leases::Books for Table {
    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>> {
        Ok(get(&self.client, &self.name, &key.key()).await?)
    }
}

impl fulfilment::Books for Table {
    async fn put_payment(&self, payment: &PaymentRecord) -> anyhow::Result<()> {
        self.put(&payment_key(payment.order_id), payment).await
    }

    async fn put_label(&self, label: &LabelRecord) -> anyhow::Result<()> {
        self.put(&label_key(label.order_id, label.shipment_id), label).await
    }

    async fn closed(&self, order_id: OrderId) -> anyhow::Result<Option<ClosedRecord>> {
        Ok(get(&self.client, &self.name, &closed_key(order_id)).await?)
    }

    async fn put_approval(&self, order_id: OrderId, task_token: &str) -> anyhow::Result<()> {
        let (status, task_token) = (ApprovalStatus::Pending, Some(task_token.to_owned()));
        let pending = ApprovalRecord { order_id, status, task_token, cancelled_at: None };
        self.put(&approval_key(order_id), &pending).await
    }

    async fn approval(&self, order_id: OrderId) -> anyhow::Result<Option<ApprovalRecord>> {
        Ok(get(&self.client, &self.name, &approval_key(order_id)).await?)
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        self.entries(key).await
    }
}

impl loyalty::Books for Table {
    async fn account(&self, customer_id: &CustomerId) -> anyhow::Result<Option<i64>> {
        let account: Option<Account> = get(&self.client, &self.name, &account_key(customer_id)).await?;
        let Some(account) = account else { return Ok(None) };
        ensure!(account.customer_id == *customer_id, "the account of {customer_id} says another customer");
        Ok(Some(account.points))
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        self.entries(key).await
    }
}

impl notices::Books for Table {
    async fn put_notice(&self, notice: &NoticeRecord) -> anyhow::Result<()> {
        self.put(&notice_key(notice.order_id, notice.what), notice).await
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        self.entries(key).await
    }
}

impl orders::Books for Table {
    async fn put_price(&self, sku: &Sku, price: Money) -> anyhow::Result<()> {
        self.put(&Key::new(format!("SKU#{sku}"), "PRICE"), &Price { price }).await
    }

    async fn conflicts(&self, order_id: OrderId) -> anyhow::Result<Vec<ConflictRecord>> {
        self.beside(&order_key(order_id), "CONFLICT#").await
    }

    async fn early(&self, order_id: OrderId) -> anyhow::Result<Vec<EarlyCancellation>> {
        self.beside(&order_key(order_id), "CANCELLATION#").await
    }

    async fn refused(&self, message_id: &str) -> anyhow::Result<Option<RefusedRecord>> {
        let key = Key::new(format!("SUBMISSION#{message_id}"), "REFUSED");
        Ok(get(&self.client, &self.name, &key).await?)
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        self.entries(key).await
    }
}
