//! Executions of the saga.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_sfn::{
    operation::describe_execution::DescribeExecutionError,
    types::{ExecutionListItem, ExecutionStatus},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{cloud::Cloud, poll::eventually};

impl Cloud {
    /// The saga of an order: its execution has the order's id as its name.
    pub fn execution_arn(&self, order_id: Uuid) -> String {
        format!("{}:{order_id}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Waits until the saga of an order has ended, and answers how.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn saga_ended(&self, order_id: Uuid, deadline: Duration) -> anyhow::Result<ExecutionStatus> {
        let arn = self.execution_arn(order_id);
        eventually(&format!("the end of the saga of order {order_id}"), deadline, async || {
            let described = self.sfn.describe_execution().execution_arn(&arn).send().await;
            let described = match described {
                Err(error)
                    if matches!(
                        error.as_service_error(),
                        Some(DescribeExecutionError::ExecutionDoesNotExist(_))
                    ) =>
                {
                    return Ok(ControlFlow::Continue("it has not begun".into()));
                }
                other => other.context("cannot describe an execution")?,
            };
            Ok(match described.status() {
                ExecutionStatus::Running => ControlFlow::Continue("it is running".into()),
                ended => ControlFlow::Break(ended.clone()),
            })
        })
        .await
    }

    /// The executions with this status, or all of them.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn executions(
        &self,
        status: Option<ExecutionStatus>,
    ) -> anyhow::Result<Vec<ExecutionListItem>> {
        let mut pages = self
            .sfn
            .list_executions()
            .state_machine_arn(&self.state_machine_arn)
            .set_status_filter(status)
            .into_paginator()
            .items()
            .send();
        let mut executions = Vec::new();
        while let Some(execution) = pages.next().await {
            executions.push(execution.context("cannot list executions")?);
        }
        Ok(executions)
    }

    /// Waits until no saga runs.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn sagas_ended(&self, deadline: Duration) -> anyhow::Result<()> {
        eventually(&format!("the end of all sagas in {}", self.region), deadline, async || {
            let running = self.executions(Some(ExecutionStatus::Running)).await?;
            Ok(match running.as_slice() {
                [] => ControlFlow::Break(()),
                [one, ..] => ControlFlow::Continue(format!("{} run, among them {}", running.len(), one.name)),
            })
        })
        .await
    }

    /// Answers a task that waits for a token.
    ///
    /// # Errors
    /// If the token is not waited for.
    pub async fn answer_task(&self, token: &str, answer: &Value) -> anyhow::Result<()> {
        self.sfn
            .send_task_success()
            .task_token(token)
            .output(answer.to_string())
            .send()
            .await
            .context("the task does not take the answer")?;
        Ok(())
    }

    /// Above which total, in minor units, an order needs approval.
    ///
    /// # Errors
    /// If the function that starts sagas does not say.
    pub async fn approval_threshold_minor(&self) -> anyhow::Result<i64> {
        let path = format!("/2015-03-31/functions/{}/configuration", self.name("start-fulfilment"));
        let configuration = self.signed.get("lambda", &path).await?;
        configuration
            .pointer("/Environment/Variables/APPROVAL_THRESHOLD_MINOR")
            .and_then(Value::as_str)
            .context("start-fulfilment has no APPROVAL_THRESHOLD_MINOR")?
            .parse()
            .context("APPROVAL_THRESHOLD_MINOR is no number")
    }

    /// How long a request for approval waits.
    ///
    /// # Errors
    /// If the saga's definition does not say.
    pub async fn approval_timeout(&self) -> anyhow::Result<Duration> {
        let described = self
            .sfn
            .describe_state_machine()
            .state_machine_arn(&self.state_machine_arn)
            .send()
            .await
            .context("cannot describe the saga")?;
        let definition: Value = serde_json::from_str(&described.definition)?;
        let seconds = definition.pointer("/States/RequestApproval/TimeoutSeconds").and_then(Value::as_u64);
        seconds.map(Duration::from_secs).context("RequestApproval has no timeout")
    }
}
