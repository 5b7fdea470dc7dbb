//! Task tokens, the bus, and the saga's executions.

use lakeside_contracts::commands::FulfilOrder;
use lakeside_fulfilment::executions::{Execution, ExecutionStatus, Executions, ExecutionsError, Started};
use lakeside_kit::{
    bus::{Bus, BusError},
    outbox::Entry,
    task_token::{AnswerError, Answered, TaskTokens},
};
use serde::Serialize;

use super::Port;
use crate::{buses::BusEvent, faults::Fault, mutants::Mutant, world::of_next_version};

impl TaskTokens for Port {
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError> {
        self.before("answer saga").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(AnswerError("no answer".into()));
        }
        if world.strikes(Fault::LostToken) {
            return Ok(Answered::Delivered);
        }
        let answer = serde_json::to_value(result).unwrap();
        let slot = world.tokens.borrow().get(token).cloned();
        let awaited = slot.as_ref().is_some_and(|slot| slot.fill(&world.engine, answer.clone()));
        if !awaited {
            world.faults.count(Fault::LateToken);
        }
        if world.strikes(Fault::DoubleToken)
            && let Some(slot) = slot
        {
            slot.fill(&world.engine, answer);
        }
        self.after("answer saga").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(AnswerError("no answer".into()));
        }
        Ok(if awaited { Answered::Delivered } else { Answered::NotAwaited })
    }
}

impl Bus for Port {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        self.before("put events").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(BusError("no answer".into()));
        }
        let mut refused = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            // EventBridge takes no entry whose detail is no JSON object.
            let malformed = !entry.detail.starts_with('{')
                || serde_json::from_str::<serde::de::IgnoredAny>(&entry.detail).is_err();
            if malformed || world.is_out(&entry.source) || world.strikes(Fault::PartialPut) {
                refused.push(position);
                continue;
            }
            let mut event = BusEvent::from(entry);
            if world.planted(Mutant::EventIdPerPublication) {
                let (known, fresh) = (entry.event_id.to_string(), world.engine.uuid().to_string());
                event.detail = event.detail.replace(&known, &fresh);
            }
            if self.newer {
                event.detail = of_next_version(&event.detail);
            }
            world.publish(event);
        }
        self.after("put events").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(BusError("no answer".into()));
        }
        Ok(if world.planted(Mutant::PartialPutIgnored) { Vec::new() } else { refused })
    }
}

impl Executions for Port {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        self.before("start saga").await;
        let world = &self.world;
        if world.strikes(Fault::Throttled) || world.strikes(Fault::ServerError) {
            return Err(ExecutionsError::Unavailable("no answer".into()));
        }
        let mut name = name.to_owned();
        if world.planted(Mutant::ExecutionNamePerAttempt) {
            name.push_str(&world.engine.uuid().to_string());
        }
        let mut started = world.start_saga(&name, input);
        if world.strikes(Fault::DuplicateStart) {
            started = world.start_saga(&name, input);
        }
        self.after("start saga").await;
        if world.strikes(Fault::ReplyLost) {
            return Err(ExecutionsError::Unavailable("no answer".into()));
        }
        Ok(if started { Started::Yes } else { Started::NameTaken })
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        self.before("describe saga").await;
        let executions = self.world.executions.borrow();
        Ok(executions.get(name).map(|known| Execution {
            input: serde_json::to_string(&known.input).unwrap(),
            status: match (known.running, known.error) {
                (true, _) => ExecutionStatus::Running { redriven: false },
                (false, None) => ExecutionStatus::Succeeded,
                (false, Some(_)) => ExecutionStatus::Failed,
            },
            error: known.error.map(str::to_owned),
        }))
    }

    async fn entered(&self, name: &str, state: &str) -> Result<bool, ExecutionsError> {
        self.before("read saga's history").await;
        // There is no history of an execution that is not known.
        let executions = self.world.executions.borrow();
        let known =
            executions.get(name).ok_or_else(|| ExecutionsError::Unavailable("no execution".into()))?;
        Ok(known.last_state == state && !self.world.planted(Mutant::CompletionForgotten))
    }
}
