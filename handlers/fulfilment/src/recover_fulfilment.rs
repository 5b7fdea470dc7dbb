//! Undoes what a saga left behind that died without a chance to do so itself.
//!
//! Consumes: "Step Functions Execution Status Change" of the saga, from AWS.
//! Emits: nothing itself; it starts an execution that compensates.
//! Idempotency key: `recover-<order id>`, which names that execution.
//! Retries: when Step Functions throttles, does not answer, or does not show an execution yet.
//! Parks: what is no such event, executions that were not started with an order, and those that ended while they
//! completed their order: whether that was told cannot be known here.
//!
//! Left alone are executions that did not fail, or that somebody has redriven since; those that gave up on purpose, for
//! they have tried everything; and recoveries, for another one would fare no better. The last two raise an alarm of
//! their own.

use lakeside_contracts::{
    Delivery,
    commands::{FulfilOrder, SagaMode},
};
use lakeside_kit::{
    correlation,
    sqs::{Failures, Message, each},
};
use serde::Deserialize;

use crate::executions::{
    ExecutionStatus, Executions, RECOVERY_PREFIX, SagaError, order_of, recovery_name, start_once,
};

const SOURCE: &str = "aws.states";
const DETAIL_TYPE: &str = "Step Functions Execution Status Change";
/// The state after which nothing may be undone without a look at the order.
const COMPLETION: &str = "PublishCompleted";
/// The error of a saga that gave up on purpose.
const PARKED: &str = "FulfilmentParked";

#[derive(Debug, Deserialize)]
struct StatusChange {
    name: String,
    status: String,
    /// Left out by AWS when it is large.
    #[serde(default)]
    input: Option<String>,
    /// Null in some events of failed executions.
    #[serde(default)]
    error: Option<String>,
}

/// Handles a batch, each message on its own.
pub async fn handle(executions: &impl Executions, messages: &[Message]) -> Failures {
    each(messages, async |message| -> Result<(), SagaError> {
        let change = read(&message.delivery()?)?;
        let Some(order) = left_behind(executions, change).await? else { return Ok(()) };
        // What AWS says of an execution names it, and not its order.
        correlation::found(order.order_id);
        let recovery = FulfilOrder { mode: Some(SagaMode::Compensate), ..order };
        start_once(executions, &recovery_name(recovery.order_id), &recovery).await
    })
    .await
}

fn read(delivery: &Delivery) -> Result<StatusChange, SagaError> {
    if delivery.source != SOURCE || delivery.detail_type != DETAIL_TYPE {
        return Err(SagaError::NoStatusChange(None));
    }
    StatusChange::deserialize(&delivery.detail).map_err(|e| SagaError::NoStatusChange(Some(e)))
}

/// The order of an execution that needs recovery.
///
/// What became of it since is asked for: an event may have waited long in its queue, and AWS does not say everything
/// in it.
async fn left_behind(
    executions: &impl Executions,
    change: StatusChange,
) -> Result<Option<FulfilOrder>, SagaError> {
    let StatusChange { name, status, input, error } = change;
    let failed = status == "FAILED";
    if !(failed || status == "TIMED_OUT" || status == "ABORTED") || name.starts_with(RECOVERY_PREFIX) {
        return Ok(None);
    }
    let Some(now) = executions.describe(&name).await? else {
        return Err(SagaError::NotVisible(name));
    };
    match now.status {
        ExecutionStatus::Failed => {}
        ExecutionStatus::Running { redriven: false } => return Err(SagaError::NotVisible(name)),
        // Should it die again, that is told by itself.
        ExecutionStatus::Running { redriven: true } | ExecutionStatus::Succeeded => {
            tracing::info!(execution = name, "saga was redriven");
            return Ok(None);
        }
    }
    let errors = [error, now.error];
    if failed && errors == [None, None] {
        // To compensate what was parked would hide it from those who must settle it.
        return Err(SagaError::NotVisible(name));
    }
    if errors.iter().flatten().any(|error| error == PARKED) {
        return Ok(None);
    }
    let order = order_of(&name, input.as_ref().unwrap_or(&now.input))?;
    if executions.entered(&name, COMPLETION).await? {
        return Err(SagaError::Completing(name));
    }
    Ok(Some(order))
}

#[cfg(test)]
mod tests;
