//! A state machine of one test, whose executions wait until they are stopped.

use std::ops::ControlFlow;

use anyhow::Context;
use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_e2e::{cloud::Cloud, poll::eventually};
use lakeside_fulfilment::step_functions::StepFunctions;
use lakeside_service_contracts::executions::Sagas;
use serde_json::{Value, json};
use uuid::Uuid;

use super::PATIENCE;

pub struct Scratch {
    pub cloud: Cloud,
    pub arn: String,
    executions: StepFunctions,
    seed: Uuid,
}

pub async fn scratch() -> anyhow::Result<Scratch> {
    let wait = json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": true}}});
    state_machine(Cloud::open()?, &wait).await
}

/// Makes a state machine that may do what the deployment's own saga may do.
pub async fn state_machine(cloud: Cloud, definition: &Value) -> anyhow::Result<Scratch> {
    let saga = cloud.sfn.describe_state_machine().state_machine_arn(&cloud.state_machine_arn).send().await?;
    let seed = Uuid::new_v4();
    let made = cloud
        .sfn
        .create_state_machine()
        .name(format!("e2e-services-{}", seed.simple()))
        .definition(definition.to_string())
        .role_arn(saga.role_arn)
        .send()
        .await
        .context("cannot make a state machine")?;
    let arn = made.state_machine_arn;
    Ok(Scratch { executions: StepFunctions::new(cloud.sfn.clone(), arn.clone()), cloud, arn, seed })
}

impl Scratch {
    pub async fn close(self) -> anyhow::Result<()> {
        let mut running =
            self.cloud.sfn.list_executions().state_machine_arn(&self.arn).into_paginator().items().send();
        while let Some(execution) = running.next().await {
            let execution = execution?;
            if execution.status == ExecutionStatus::Running {
                self.cloud.sfn.stop_execution().execution_arn(execution.execution_arn).send().await?;
            }
        }
        self.cloud.sfn.delete_state_machine().state_machine_arn(&self.arn).send().await?;
        Ok(())
    }
}

impl Sagas for Scratch {
    type Port = StepFunctions;

    fn executions(&self) -> &StepFunctions {
        &self.executions
    }

    async fn stop(&self, name: &str) -> anyhow::Result<()> {
        let arn = format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1));
        self.cloud.sfn.stop_execution().execution_arn(&arn).send().await?;
        eventually("the end of the execution", PATIENCE, async || {
            let described = self.cloud.sfn.describe_execution().execution_arn(&arn).send().await?;
            Ok(if described.status == ExecutionStatus::Running {
                ControlFlow::Continue("it runs".into())
            } else {
                ControlFlow::Break(())
            })
        })
        .await
    }

    fn seed(&self) -> Uuid {
        self.seed
    }
}
