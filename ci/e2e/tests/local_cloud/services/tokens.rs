//! State machines of one test that wait for an answer: one for two seconds, one for ten minutes.

use std::{cell::RefCell, collections::HashMap, ops::ControlFlow};

use anyhow::{Context, bail};
use aws_sdk_sfn::types::ExecutionStatus;
use lakeside_e2e::{cloud::Cloud, poll::eventually};
use lakeside_kit::task_token::StepFunctions;
use lakeside_service_contracts::{
    queues::{Queue, Queues, Setup},
    tokens::Waiting,
};
use serde_json::{Value, json};

use super::{
    PATIENCE,
    executions::{self, state_machine},
    queues::{Scratch as ScratchQueues, ScratchQueue},
};

pub struct Scratch {
    cloud: Cloud,
    queues: ScratchQueues,
    queue: ScratchQueue,
    briefly: executions::Scratch,
    for_long: executions::Scratch,
    tokens: StepFunctions,
    /// The executions by their tokens.
    waiting: RefCell<HashMap<String, String>>,
}

fn waits(queue: &ScratchQueue, seconds: u32) -> Value {
    json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": seconds,
        "Parameters": {"QueueUrl": queue.url, "MessageBody": {"taskToken.$": "$$.Task.Token"}}, "End": true,
    }}})
}

pub async fn scratch() -> anyhow::Result<Scratch> {
    let queues = super::queues::scratch().await?;
    let cloud = queues.cloud.clone();
    let queue = queues.queue(Setup { fifo: false, max_receives: 10, max_bytes: 262_144 }).await?;
    Ok(Scratch {
        briefly: state_machine(cloud.clone(), &waits(&queue, 2)).await?,
        for_long: state_machine(cloud.clone(), &waits(&queue, 600)).await?,
        tokens: StepFunctions::new(cloud.sfn.clone()),
        waiting: RefCell::default(),
        cloud,
        queues,
        queue,
    })
}

impl Scratch {
    pub async fn close(self) -> anyhow::Result<()> {
        self.briefly.close().await?;
        self.for_long.close().await?;
        self.queues.close().await
    }
}

impl Waiting for Scratch {
    type Port = StepFunctions;

    fn tokens(&self) -> &StepFunctions {
        &self.tokens
    }

    async fn wait(&self, briefly: bool) -> anyhow::Result<String> {
        let machine = if briefly { &self.briefly } else { &self.for_long };
        let started =
            self.cloud.sfn.start_execution().state_machine_arn(&machine.arn).input("{}").send().await?;
        let asked = self.queue.arrival(1).await?.pop().context("nobody asks")?;
        self.queue.delete(&asked.receipt).await?;
        let asked: Value = serde_json::from_str(&asked.body)?;
        let token = asked.get("taskToken").and_then(Value::as_str).context("no token")?.to_owned();
        self.waiting.borrow_mut().insert(token.clone(), started.execution_arn);
        Ok(token)
    }

    async fn heard(&self, token: &str) -> anyhow::Result<Option<Value>> {
        let execution = self.waiting.borrow().get(token).cloned().context("a token of this test")?;
        let ended = eventually("the end of the execution", PATIENCE, async || {
            let described = self.cloud.sfn.describe_execution().execution_arn(&execution).send().await?;
            Ok(if described.status == ExecutionStatus::Running {
                ControlFlow::Continue("it runs".into())
            } else {
                ControlFlow::Break(described)
            })
        })
        .await?;
        match ended.status {
            ExecutionStatus::Succeeded => Ok(Some(serde_json::from_str(&ended.output.unwrap_or_default())?)),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut
                if ended.error.as_deref().is_some_and(|error| error == "States.Timeout") =>
            {
                Ok(None)
            }
            status => bail!("the execution ended {status:?}: {:?} {:?}", ended.error, ended.cause),
        }
    }
}
