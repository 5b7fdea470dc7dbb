//! Executions of the saga as a port, and starting one exactly once per name.

use std::error::Error as StdError;

use lakeside_contracts::{commands::FulfilOrder, envelope};
use lakeside_domain::ids::OrderId;
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs,
};

/// How the executions that recover another one are called.
pub const RECOVERY_PREFIX: &str = "recover-";

/// The name of the execution that fulfils an order.
pub fn fulfilment_name(order_id: OrderId) -> String {
    order_id.to_string()
}

/// The name of the execution that undoes what another one of the order has left behind.
pub fn recovery_name(order_id: OrderId) -> String {
    format!("{RECOVERY_PREFIX}{order_id}")
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs, or ran already with the very same input.
    Yes,
    /// An execution of that name was started before.
    NameTaken,
}

/// How an execution stands; its failures are not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// It has not ended.
    Running {
        /// It had failed, and somebody has let it go on.
        redriven: bool,
    },
    /// It has reached its end.
    Succeeded,
    /// It failed, took too long or was ended from outside.
    Failed,
}

/// An execution, as Step Functions remembers it; a moment behind at times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// JSON.
    pub input: String,
    /// How it stands.
    pub status: ExecutionStatus,
    /// The error it failed with.
    pub error: Option<String>,
}

/// Why Step Functions could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionsError {
    /// Throttled, or no answer. A start may have taken effect.
    #[error("Step Functions does not answer")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The request is refused whatever its time: a bug, a missing grant, a missing state machine.
    #[error("Step Functions refuses the request")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
}

/// The saga's state machine.
pub trait Executions {
    /// Starts an execution called `name`, unless there is one.
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError>;
    /// The execution called `name`, if it is known already.
    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError>;
    /// Whether the execution called `name` has entered the state `state` near its end.
    async fn entered(&self, name: &str, state: &str) -> Result<bool, ExecutionsError>;
}

/// Why a saga could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SagaError {
    /// The message is no event.
    #[error(transparent)]
    Message(#[from] sqs::DecodeError),
    /// The event is not what it says it is.
    #[error(transparent)]
    Event(#[from] envelope::DecodeError),
    /// The event is not about an execution of the saga.
    #[error("the event is no status of an execution of the saga")]
    NoStatusChange(#[source] Option<serde_json::Error>),
    /// The execution that the event is about was not started with an order.
    #[error("execution `{name}` was not started with an order")]
    NoOrder {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The order may have been told to be fulfilled, so undoing it is for people to decide.
    #[error(
        "execution `{0}` ended while it completed the order: see whether the order is fulfilled before undoing it"
    )]
    Completing(String),
    /// Step Functions does not know yet what it has said itself.
    #[error("execution `{0}` cannot be described yet")]
    NotVisible(String),
    /// The name was used for something else.
    #[error("execution `{0}` is about another order")]
    Conflict(String),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Step Functions.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
}

impl Disposed for SagaError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Message(_)
            | Self::Event(_)
            | Self::NoStatusChange(_)
            | Self::NoOrder { .. }
            | Self::Completing(_)
            | Self::Conflict(_)
            | Self::Executions(ExecutionsError::Refused(_)) => Disposition::Park,
            Self::Store(error) => error.disposition(),
            Self::NotVisible(_) | Self::Executions(ExecutionsError::Unavailable(_)) => Disposition::Retry,
        }
    }
}

/// Reads the input of the execution called `name`.
///
/// # Errors
/// [`SagaError::NoOrder`].
pub fn order_of(name: &str, input: &str) -> Result<FulfilOrder, SagaError> {
    serde_json::from_str(input).map_err(|source| SagaError::NoOrder { name: name.into(), source })
}

/// Starts the execution called `name` unless it was started before for the same order.
///
/// # Errors
/// [`SagaError`]; [`SagaError::Conflict`] if the name belongs to something else.
pub async fn start_once(
    executions: &impl Executions,
    name: &str,
    input: &FulfilOrder,
) -> Result<(), SagaError> {
    if executions.start(name, input).await? == Started::Yes {
        tracing::info!(execution = name, "saga started");
        return Ok(());
    }
    let Some(earlier) = executions.describe(name).await? else {
        return Err(SagaError::NotVisible(name.into()));
    };
    let earlier: Option<FulfilOrder> = serde_json::from_str(&earlier.input).ok();
    if earlier.is_some_and(|earlier| same_order(&earlier, input)) {
        tracing::info!(execution = name, "saga was started before");
        Ok(())
    } else {
        Err(SagaError::Conflict(name.into()))
    }
}

/// Whether both are about the same order and purpose. Whether it needs approval may have been decided otherwise then.
fn same_order(earlier: &FulfilOrder, later: &FulfilOrder) -> bool {
    earlier.order_id == later.order_id
        && earlier.lines == later.lines
        && earlier.total == later.total
        && earlier.payment_method == later.payment_method
        && earlier.shipping_address_id == later.shipping_address_id
        && earlier.mode == later.mode
}
