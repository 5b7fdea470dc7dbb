//! The lease around an external effect, on DynamoDB. The rules are [`lakeside_domain::idempotency`]'s; the
//! conditions here say the same to the table, so that two attempts cannot both be right.

use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, put_item::PutItemError},
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use lakeside_domain::{
    idempotency::{Acquisition, Durations, Lease, Owner, acquire},
    time::Timestamp,
};

use crate::dynamo::{Item, Key, StoreError, number, string};

/// What a lease is on: one effect of one function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey {
    function: &'static str,
    effect: String,
}

impl LeaseKey {
    /// The lease of `function` on the effect named `effect`.
    pub fn new(function: &'static str, effect: impl Into<String>) -> Self {
        Self { function, effect: effect.into() }
    }

    /// The key of its record.
    pub fn key(&self) -> Key {
        Key::new(format!("LEASE#{}#{}", self.function, self.effect), "LEASE")
    }
}

/// A lease that is held: what its holder needs to complete or release it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// On what.
    pub key: LeaseKey,
    /// By whom.
    pub owner: Owner,
}

/// Where leases are kept.
pub trait Leases {
    /// Takes the lease if it is free, expired, or its holder's deadline has passed.
    async fn acquire(&self, key: &LeaseKey, owner: &Owner, now: Timestamp)
    -> Result<Acquisition, StoreError>;

    /// Gives the lease up after a failure, so that the next attempt need not wait for the deadline. A lease that
    /// was lost or completed in the meantime stays as it is.
    async fn release(&self, held: &Held) -> Result<(), StoreError>;
}

/// Leases in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoLeases {
    client: Client,
    table: String,
    durations: Durations,
}

const MINE: &str = "#status = :in_progress AND #owner = :owner";

impl DynamoLeases {
    /// Leases in `table`, as long as `durations`.
    pub const fn new(client: Client, table: String, durations: Durations) -> Self {
        Self { client, table, durations }
    }

    /// The action that completes `held` inside the transaction that records its outcome: applied only if the
    /// lease is still the holder's.
    ///
    /// # Errors
    /// [`StoreError`] if the record cannot be built.
    pub fn completion(
        &self,
        held: &Held,
        result: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let expires_at = now.plus_seconds(self.durations.record);
        let lease = Lease::Completed { result: result.into(), expires_at };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(record(&held.key, &lease)?))
            .condition_expression(MINE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":in_progress", string("IN_PROGRESS"))
            .expression_attribute_values(":owner", string(&held.owner.0))
            .build()
            .map_err(|e| StoreError::Refused(e.into()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

fn record(key: &LeaseKey, lease: &Lease) -> Result<Item, StoreError> {
    let mut item = key.key().item_of(lease)?;
    let (Lease::InProgress { expires_at, .. } | Lease::Completed { expires_at, .. }) = lease;
    item.insert("ttl".into(), number(expires_at.as_epoch_seconds()));
    Ok(item)
}

impl Leases for DynamoLeases {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        let wanted = acquire(None, owner, now, self.durations);
        let Acquisition::Acquired(lease) = &wanted else { return Ok(wanted) };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(record(key, lease)?))
            .condition_expression(
                "attribute_not_exists(pk) OR expiresAt <= :now OR (#status = :in_progress AND deadline <= :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":in_progress", string("IN_PROGRESS"))
            .expression_attribute_values(":now", number(now.as_millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(wanted) };
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(error.into());
        };
        let current: Option<Lease> = refused.item.clone().map(|item| key.key().read(item)).transpose()?;
        if let Some(Lease::InProgress { owner: holder, .. }) = &current
            && holder == owner
        {
            // The first try of this very request was applied and its answer lost.
            return Ok(wanted);
        }
        match acquire(current.as_ref(), owner, now, self.durations) {
            // The table refused what the rules allow: the record changed between its check and its answer.
            Acquisition::Acquired(_) => Err(StoreError::Busy),
            decided => Ok(decided),
        }
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(held.key.key().to_item()))
            .condition_expression(MINE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":in_progress", string("IN_PROGRESS"))
            .expression_attribute_values(":owner", string(&held.owner.0))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(DeleteItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                tracing::info!("the lease was lost to another attempt");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
