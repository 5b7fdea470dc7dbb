//! The growth squad's table on DynamoDB: orders and accounts of loyalty, and what customers were told.

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::put_item::PutItemError,
    types::{Put, TransactWriteItem, Update},
};
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{CustomerId, OrderId},
    notice::What,
    time::Timestamp,
};
use lakeside_kit::{
    attempt::Written,
    dynamo::{Key, PK, StoreError, Transacted, get, number, string, transact},
    lease::{DynamoLeases, Held, LeaseKey, Leases},
    outbox::{Entry, attach},
};

use crate::{
    accrue_loyalty::LoyaltyStore,
    loyalty_record::{AccountChange, LoyaltyRecord},
    notice_record::{CustomerRecord, NoticeRecord, status_name},
    notify_customer::{NoticeStore, Standing},
};

/// What begins the sort key of a notice.
const FACT: &str = "FACT#";

fn refused(error: BuildError) -> StoreError {
    StoreError::Refused(error.into())
}

/// The key of what is known of an order's points.
pub fn points_key(order_id: OrderId) -> Key {
    Key::new(format!("LOYALTY#{order_id}"), "LOYALTY")
}

/// The key of an account.
pub fn account_key(customer_id: &CustomerId) -> Key {
    Key::new(format!("ACCOUNT#{customer_id}"), "ACCOUNT")
}

/// The key of whose order it is.
pub fn customer_key(order_id: OrderId) -> Key {
    Key::new(format!("NOTICE#{order_id}"), "CUSTOMER")
}

/// The key of the telling of one fact.
pub fn notice_key(order_id: OrderId, what: What) -> Key {
    Key::new(format!("NOTICE#{order_id}"), format!("{FACT}{}", what.name()))
}

/// Loyalty's part of the table.
#[derive(Debug, Clone)]
pub struct LoyaltyTable {
    client: Client,
    table: String,
}

impl LoyaltyTable {
    /// In the table called `table`.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Replaces the version before `record`'s.
    fn put(&self, record: &LoyaltyRecord, outbox: &[Entry]) -> Result<TransactWriteItem, StoreError> {
        let mut item = points_key(record.order_id).item_of(record)?;
        attach(&mut item, outbox)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = if record.version == 1 {
            put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PK)
        } else {
            put.condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(record.version.saturating_sub(1)))
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(refused)?).build())
    }

    /// Adds to the account, which need not exist, or takes from it what it has.
    fn update(&self, change: &AccountChange) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(account_key(&change.customer_id).to_item()))
            .update_expression("SET customerId = :customer ADD #points :change")
            .expression_attribute_names("#points", "points")
            .expression_attribute_values(":customer", string(change.customer_id.as_str()))
            .expression_attribute_values(":change", number(change.points));
        let update = if change.points < 0 {
            update
                .condition_expression("#points >= :taken")
                .expression_attribute_values(":taken", number(change.points.unsigned_abs()))
        } else {
            update
        };
        Ok(TransactWriteItem::builder().update(update.build().map_err(refused)?).build())
    }
}

impl LoyaltyStore for LoyaltyTable {
    async fn order_points(&self, order_id: OrderId) -> Result<Option<LoyaltyRecord>, StoreError> {
        get(&self.client, &self.table, &points_key(order_id)).await
    }

    async fn save(
        &self,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Result<Written, StoreError> {
        let mut actions = vec![self.put(record, outbox)?];
        if let Some(change) = change {
            actions.push(self.update(change)?);
        }
        Ok(written(&transact(&self.client, actions).await?))
    }
}

const fn written(transacted: &Transacted) -> Written {
    match transacted {
        Transacted::Applied => Written::Yes,
        Transacted::Refused(_) => Written::Stale,
    }
}

/// The notices' part of the table, during one invocation.
#[derive(Debug, Clone)]
pub struct NoticeTable {
    client: Client,
    table: String,
    leases: DynamoLeases,
}

impl NoticeTable {
    /// In the table called `table`, with leases as long as `durations`.
    pub fn new(client: Client, table: String, durations: Durations) -> Self {
        let leases = DynamoLeases::new(client.clone(), table.clone(), durations);
        Self { client, table, leases }
    }
}

/// Whether a put was applied, where its condition failing is an answer.
fn applied<T, R>(put: Result<T, SdkError<PutItemError, R>>) -> Result<Written, StoreError>
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match put {
        Ok(_) => Ok(Written::Yes),
        Err(error)
            if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
        {
            Ok(Written::Stale)
        }
        Err(error) => Err(error.into()),
    }
}

impl NoticeStore for NoticeTable {
    async fn customer(&self, order_id: OrderId) -> Result<Option<CustomerId>, StoreError> {
        let record: Option<CustomerRecord> = get(&self.client, &self.table, &customer_key(order_id)).await?;
        Ok(record.map(|record| record.customer_id))
    }

    async fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) -> Result<(), StoreError> {
        let record = CustomerRecord { order_id, customer_id: customer_id.clone() };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(customer_key(order_id).item_of(&record)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        applied(put).map(|_| ())
    }

    async fn notice(&self, order_id: OrderId, what: What) -> Result<Option<NoticeRecord>, StoreError> {
        get(&self.client, &self.table, &notice_key(order_id, what)).await
    }

    async fn notices(&self, order_id: OrderId) -> Result<Vec<NoticeRecord>, StoreError> {
        let pk = format!("NOTICE#{order_id}");
        // As many as there are things to tell: they fit one page.
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :fact)")
            .expression_attribute_values(":pk", string(&pk))
            .expression_attribute_values(":fact", string(FACT))
            .consistent_read(true)
            .send()
            .await?;
        let key = Key::new(pk, FACT);
        found.items.unwrap_or_default().into_iter().map(|item| key.read(item)).collect()
    }

    async fn wait(&self, waiting: &NoticeRecord) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(notice_key(waiting.order_id, waiting.what).item_of(waiting)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        applied(put).map(|_| ())
    }

    async fn begin_sending(&self, sending: &NoticeRecord) -> Result<Written, StoreError> {
        let owner = sending.owner.as_ref().map_or("", |owner| owner.0.as_str());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(notice_key(sending.order_id, sending.what).item_of(sending)?))
            // The last part is for a try of this very request that was applied and its answer lost.
            .condition_expression(
                "attribute_not_exists(pk) OR #status = :waiting OR (#status = :sending AND #owner = :owner)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":waiting", string("WAITING"))
            .expression_attribute_values(":sending", string("SENDING"))
            .expression_attribute_values(":owner", string(owner))
            .send()
            .await;
        applied(put)
    }

    async fn withdraw(&self, waiting: &NoticeRecord) -> Result<Written, StoreError> {
        let owner = waiting.owner.as_ref().map_or("", |owner| owner.0.as_str());
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(notice_key(waiting.order_id, waiting.what).item_of(waiting)?))
            .condition_expression("#status = :sending AND #owner = :owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":sending", string("SENDING"))
            .expression_attribute_values(":owner", string(owner))
            .send()
            .await;
        applied(put)
    }

    async fn settle(
        &self,
        notice: &NoticeRecord,
        from: Standing,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let mut item = notice_key(notice.order_id, notice.what).item_of(notice)?;
        attach(&mut item, outbox)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .expression_attribute_names("#status", "status");
        let put = match from {
            Standing::Untold => put
                .condition_expression("attribute_not_exists(pk) OR #status = :before")
                .expression_attribute_values(":before", string("WAITING")),
            Standing::Sending => put
                .condition_expression("#status = :before")
                .expression_attribute_values(":before", string("SENDING")),
        };
        let put = TransactWriteItem::builder().put(put.build().map_err(refused)?).build();
        let done = self.leases.completion(held, status_name(&notice.status), notice.updated_at)?;
        Ok(written(&transact(&self.client, vec![put, done]).await?))
    }
}

impl Leases for NoticeTable {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.leases.acquire(key, owner, now).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.leases.release(held).await
    }
}
