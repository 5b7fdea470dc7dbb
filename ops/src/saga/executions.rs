//! The executions of the saga, read and started.

use std::collections::BTreeMap;

use aws_sdk_sfn::{
    error::ProvideErrorMetadata as _,
    operation::{describe_execution::DescribeExecutionOutput, start_execution::StartExecutionError},
    types::ExecutionStatus,
};
use lakeside_contracts::commands::{ApprovalResult, FulfilOrder};
use lakeside_domain::ids::OrderId;
use serde::{Deserialize, Serialize};

use super::history::{Execution, PARKED, RECOVERY_PREFIX, Visit, last_work, visits};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Kind, Result},
};

/// An order may be recovered again and again; nobody has needed more.
const MAX_RECOVERIES: usize = 9;
/// Events by which it is told where an execution is: more than a step has with all its retries.
const NEWEST: i32 = 100;

/// What an execution that gave up says as its cause.
#[derive(Debug, Default, Deserialize)]
struct Cause {
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// A line of a list of sagas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The order's id, or `recover-` and the order's id.
    pub name: String,
    /// As Step Functions says it.
    pub status: String,
    /// When it began.
    pub started_at: lakeside_contracts::WireTime,
    /// When it ended.
    pub stopped_at: Option<lakeside_contracts::WireTime>,
}

/// The names that the executions of an order have: the saga, then its recoveries.
pub fn names(order_id: OrderId) -> impl Iterator<Item = String> {
    let recoveries = (1..=MAX_RECOVERIES).map(move |number| match number {
        1 => format!("{RECOVERY_PREFIX}{order_id}"),
        number => format!("{RECOVERY_PREFIX}{order_id}-{number}"),
    });
    std::iter::once(order_id.to_string()).chain(recoveries)
}

impl Cloud {
    fn execution_arn(&self, name: &str) -> Result<String> {
        let saga = self.environment.saga()?;
        Ok(format!("{}:{name}", saga.replacen(":stateMachine:", ":execution:", 1)))
    }

    async fn described(&self, name: &str) -> Result<Option<DescribeExecutionOutput>> {
        let found = self.sfn.describe_execution().execution_arn(self.execution_arn(name)?).send().await;
        match found.map_err(|error| Failure::call(&format!("cannot describe the saga {name}"), &error)) {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.kind == Kind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Every execution of an order, with what it did: the saga, then its recoveries.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn executions_of(&self, order_id: OrderId) -> Result<Vec<Execution>> {
        let mut executions = Vec::new();
        for name in names(order_id) {
            match self.execution(&name).await? {
                Some(execution) => executions.push(execution),
                // A recovery may be there where the saga itself is forgotten, but there is none after a gap.
                None if name.starts_with(RECOVERY_PREFIX) => break,
                None => {}
            }
        }
        Ok(executions)
    }

    /// The execution called `name`, if there is one.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn execution(&self, name: &str) -> Result<Option<Execution>> {
        let Some(found) = self.described(name).await? else { return Ok(None) };
        let mut pages = self
            .sfn
            .get_execution_history()
            .execution_arn(self.execution_arn(name)?)
            .include_execution_data(false)
            .into_paginator()
            .items()
            .send();
        let mut events = Vec::new();
        while let Some(event) = pages.next().await {
            events.push(
                event.map_err(|error| {
                    Failure::call(&format!("cannot read what the saga {name} did"), &error)
                })?,
            );
        }
        let cause = found.cause.as_deref().filter(|_| found.error.as_deref() == Some(PARKED));
        let cause: Cause = cause.and_then(|cause| serde_json::from_str(cause).ok()).unwrap_or_default();
        Ok(Some(Execution {
            name: name.to_owned(),
            status: found.status.as_str().to_owned(),
            started_at: clock::of_sdk(&found.start_date),
            stopped_at: found.stop_date.as_ref().map(clock::of_sdk),
            error: found.error,
            parked_step: cause.step,
            parked_reason: cause.reason,
            visits: visits(&events),
        }))
    }

    /// The state that the execution called `name` is at, or was last, by its newest events alone: one call.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn last_visit(&self, name: &str) -> Result<Option<Visit>> {
        let page = self
            .sfn
            .get_execution_history()
            .execution_arn(self.execution_arn(name)?)
            .include_execution_data(false)
            .reverse_order(true)
            .max_results(NEWEST)
            .send()
            .await
            .map_err(|error| Failure::call(&format!("cannot read what the saga {name} did"), &error))?;
        let events: Vec<_> = page.events.into_iter().rev().collect();
        Ok(last_work(visits(&events)))
    }

    /// What the execution called `name` was started with.
    ///
    /// # Errors
    /// If there is none, or it was not started with an order.
    pub async fn execution_input(&self, name: &str) -> Result<FulfilOrder> {
        let found = self.described(name).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("there is no saga {name}")))?;
        serde_json::from_str(&found.input.unwrap_or_default()).map_err(|error| {
            Failure::wrong(format!("the saga {name} was not started with an order: {error}"))
        })
    }

    /// The newest executions with one of these statuses.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn list_executions(&self, statuses: &[ExecutionStatus], limit: usize) -> Result<Vec<Listed>> {
        let mut listed: BTreeMap<_, _> = BTreeMap::new();
        for status in statuses {
            let mut pages = self
                .sfn
                .list_executions()
                .state_machine_arn(self.environment.saga()?)
                .status_filter(status.clone())
                .into_paginator()
                .items()
                .send();
            let mut found = 0;
            while let Some(item) = pages.next().await {
                let item = item.map_err(|error| Failure::call("cannot list sagas", &error))?;
                let started_at = clock::of_sdk(&item.start_date);
                listed.insert(
                    (std::cmp::Reverse(started_at), item.name.clone()),
                    Listed {
                        name: item.name,
                        status: item.status.as_str().to_owned(),
                        started_at,
                        stopped_at: item.stop_date.as_ref().map(clock::of_sdk),
                    },
                );
                found += 1;
                if found >= limit {
                    break;
                }
            }
        }
        Ok(listed.into_values().take(limit).collect())
    }

    /// Starts an execution called `name`.
    ///
    /// # Errors
    /// If the name is taken, or Step Functions refuses.
    pub async fn start_execution(&self, name: &str, input: &FulfilOrder) -> Result<()> {
        let input = serde_json::to_string(input)
            .map_err(|error| Failure::wrong(format!("the saga's input has no JSON form: {error}")))?;
        let started = self.sfn.start_execution().state_machine_arn(self.environment.saga()?);
        match started.name(name).input(input).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(StartExecutionError::ExecutionAlreadyExists(_))
                ) =>
            {
                Err(Failure::guarded(format!(
                    "somebody has started {name} in the meantime: look at it with `lakeside saga show`"
                )))
            }
            Err(error) => Err(Failure::call(&format!("cannot start {name}"), &error)),
        }
    }

    /// Goes on with an execution that failed, from the state in which it did.
    ///
    /// # Errors
    /// If Step Functions refuses.
    pub async fn redrive_execution(&self, name: &str) -> Result<()> {
        let redriven = self.sfn.redrive_execution().execution_arn(self.execution_arn(name)?).send().await;
        redriven.map(|_| ()).map_err(|error| Failure::call(&format!("cannot redrive {name}"), &error))
    }

    /// Answers the saga's request for an approval.
    ///
    /// # Errors
    /// If the saga does not wait for it any more.
    pub async fn decide(&self, token: &str, decision: ApprovalResult) -> Result<()> {
        let output = serde_json::to_string(&decision)
            .map_err(|error| Failure::wrong(format!("a decision has no JSON form: {error}")))?;
        self.sfn.send_task_success().task_token(token).output(output).send().await.map(|_| ()).map_err(
            |error| {
                let late = error.as_service_error().and_then(|error| error.code()).is_some_and(|code| {
                    ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"]
                        .iter()
                        .any(|late| code.contains(late))
                });
                if late {
                    Failure::guarded(
                        "the saga does not wait for this approval any more: look with `lakeside saga show`",
                    )
                } else {
                    Failure::call("cannot answer the saga", &error)
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recoveries_are_counted_from_the_second_on() {
        let id = OrderId::parse("7e57d004-2b97-4e7a-b45f-5387367791cd").unwrap();
        let names: Vec<String> = names(id).take(3).collect();
        assert_eq!(names, [id.to_string(), format!("recover-{id}"), format!("recover-{id}-2")]);
    }
}
