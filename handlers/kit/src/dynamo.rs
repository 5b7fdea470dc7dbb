//! Writing to DynamoDB and understanding its answers.
//!
//! A condition that does not hold is a business outcome and never an error; a conflict between transactions is
//! tried again here; throttling and failures send the message back to its queue.

use std::{collections::HashMap, error::Error as StdError, fmt::Display, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, TransactWriteItem},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::disposition::{Disposed, Disposition};

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The partition key's name.
pub const PK: &str = "pk";
/// The sort key's name.
pub const SK: &str = "sk";

/// DynamoDB takes at most this many actions in one transaction.
pub const MAX_ACTIONS: usize = 100;

/// Attempts at a transaction that conflicts with another one.
pub const ATTEMPTS: u32 = 5;
/// Half of what is waited at most before the second of them; twice as much before each next one.
pub const BACKOFF: Duration = Duration::from_millis(25);

/// Why a store could not answer. A condition that does not hold is not among these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, or in conflict with other writers for too long.
    #[error("the table is busy")]
    Busy,
    /// No answer, or a failure of the service. A write may have taken effect.
    #[error("the table does not answer")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The request is refused whatever its time: a bug, a missing grant, a missing table.
    #[error("the table refuses the request")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
    /// An item is not of the form it was written in.
    #[error("the stored item `{key}` is malformed")]
    Malformed {
        /// Partition and sort key.
        key: String,
        /// What is wrong.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Disposed for StoreError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Busy | Self::Unavailable(_) => Disposition::Retry,
            Self::Refused(_) | Self::Malformed { .. } => Disposition::Park,
        }
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let SdkError::ServiceError(service) = &error else { return Self::Unavailable(error.into()) };
        match service.err().code() {
            Some(
                "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException"
                | "TransactionConflictException"
                | "TransactionInProgressException",
            ) => Self::Busy,
            Some("AccessDeniedException" | "ResourceNotFoundException" | "ValidationException") => {
                Self::Refused(error.into())
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    /// A key of these two parts.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key's attributes.
    pub fn to_item(&self) -> Item {
        [(PK.to_owned(), string(&self.pk)), (SK.to_owned(), string(&self.sk))].into()
    }

    /// `value` as an item under this key.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if `value` has no such form.
    pub fn item_of<T: Serialize>(&self, value: &T) -> Result<Item, StoreError> {
        let mut item: Item = serde_dynamo::to_item(value).map_err(|e| self.malformed(e))?;
        item.extend(self.to_item());
        Ok(item)
    }

    /// Reads an item that was found under this key.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if it does not fit `T`.
    pub fn read<T: DeserializeOwned>(&self, item: Item) -> Result<T, StoreError> {
        serde_dynamo::from_item(item).map_err(|e| self.malformed(e))
    }

    fn malformed(&self, source: serde_dynamo::Error) -> StoreError {
        StoreError::Malformed { key: format!("{}/{}", self.pk, self.sk), source: source.into() }
    }
}

/// A string attribute.
pub fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub fn number(n: impl Display) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

/// One item, read consistently.
///
/// # Errors
/// [`StoreError`] if the table does not answer or the item does not fit `T`.
pub async fn get<T: DeserializeOwned>(
    client: &Client,
    table: &str,
    key: &Key,
) -> Result<Option<T>, StoreError> {
    let found =
        client.get_item().table_name(table).set_key(Some(key.to_item())).consistent_read(true).send().await?;
    found.item.map(|item| key.read(item)).transpose()
}

/// What became of one action of a transaction that was not applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Nothing against it.
    None,
    /// Its condition does not hold; with the item as it stands, if it exists and was asked for.
    ConditionFailed(Option<Item>),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Transacted {
    /// All of it was written.
    Applied,
    /// Nothing was written; one reason per action, in order.
    Refused(Vec<Reason>),
}

enum Cancelled {
    Refused(Vec<Reason>),
    Conflict,
    Throttled,
    Bug,
}

/// Writes all of `actions` or nothing. Conflicts with other transactions are tried again with jitter.
///
/// # Errors
/// [`StoreError`] if the table is busy, does not answer, or refuses the request. The outcome of
/// [`StoreError::Unavailable`] is unknown; the conditions make a retry safe.
pub async fn transact(client: &Client, actions: Vec<TransactWriteItem>) -> Result<Transacted, StoreError> {
    for attempt in 1..=ATTEMPTS {
        let sent = client.transact_write_items().set_transact_items(Some(actions.clone())).send().await;
        let Err(error) = sent else { return Ok(Transacted::Applied) };
        match cancelled(&error) {
            None => return Err(error.into()),
            Some(Cancelled::Refused(reasons)) => return Ok(Transacted::Refused(reasons)),
            Some(Cancelled::Throttled) => return Err(StoreError::Busy),
            Some(Cancelled::Bug) => return Err(StoreError::Refused(error.into())),
            Some(Cancelled::Conflict) => {
                let ceiling = BACKOFF.saturating_mul(2_u32.saturating_pow(attempt));
                tokio::time::sleep(ceiling.mul_f64(fastrand::f64())).await;
            }
        }
    }
    Err(StoreError::Busy)
}

fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancelled> {
    let SdkError::ServiceError(service) = error else { return None };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() else { return None };
    let reasons = cancelled.cancellation_reasons();
    Some(classify(reasons.iter().map(|r| (r.code(), r.item()))))
}

/// A condition that fails decides whatever else went wrong: the other reasons would pass, this one would not.
fn classify<'a>(reasons: impl Iterator<Item = (Option<&'a str>, Option<&'a Item>)> + Clone) -> Cancelled {
    let has = |wanted: &[&str]| reasons.clone().any(|(code, _)| code.is_some_and(|c| wanted.contains(&c)));
    if has(&["ConditionalCheckFailed"]) {
        return Cancelled::Refused(
            reasons
                .map(|(code, item)| match code {
                    Some("ConditionalCheckFailed") => {
                        Reason::ConditionFailed(item.filter(|i| !i.is_empty()).cloned())
                    }
                    _ => Reason::None,
                })
                .collect(),
        );
    }
    if has(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
        Cancelled::Bug
    } else if has(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
        Cancelled::Throttled
    } else {
        Cancelled::Conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(codes: &[&str]) -> Cancelled {
        let reasons: Vec<_> = codes.iter().map(|c| (Some(*c), None)).collect();
        classify(reasons.into_iter())
    }

    #[test]
    fn a_failed_condition_decides_whatever_else_went_wrong() {
        let mixed = classified(&["None", "TransactionConflict", "ConditionalCheckFailed", "ThrottlingError"]);
        let Cancelled::Refused(reasons) = mixed else { panic!("a condition failed") };
        assert_eq!(reasons, [Reason::None, Reason::None, Reason::ConditionFailed(None), Reason::None]);
    }

    #[test]
    fn a_conflict_is_never_taken_for_a_failed_condition() {
        assert!(matches!(classified(&["None", "TransactionConflict"]), Cancelled::Conflict));
        assert!(matches!(classified(&["TransactionConflict", "ThrottlingError"]), Cancelled::Throttled));
        assert!(matches!(classified(&["ValidationError", "TransactionConflict"]), Cancelled::Bug));
    }
}
