//! What people do with the saga of an order: decide, redrive, compensate. Whoever asks goes through the same guards.

use std::fmt;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use lakeside_contracts::{
    Domain, Event, EventData as _, Metadata, SCHEMA_VERSION, WireTime,
    commands::{ApprovalResult, FulfilOrder, SagaMode},
    events::FulfilmentCompleted,
};
use lakeside_domain::{events::EventId, ids::OrderId, order::OrderState};
use serde::Serialize;

use super::{
    guards::{self, Redrive},
    history::Execution,
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    records::Records,
};

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Say yes to an order that waits for approval.
    Approve,
    /// Say no to it.
    Deny,
    /// Have the saga go on.
    Redrive,
    /// Undo what the saga left behind.
    Compensate {
        /// Also where the saga ended while it completed the order.
        although_completing: bool,
    },
}

/// What an action comes to, as long as nothing has changed.
pub struct Plan {
    order_id: OrderId,
    /// What will happen, for people.
    pub what: String,
    step: Step,
}

/// A plan may hold a task token.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("what", &self.what).finish_non_exhaustive()
    }
}

enum Step {
    Decide { token: String, decision: ApprovalResult },
    SayCompleted { execution: String },
    GoOn { execution: String },
    Compensate { name: String, first: String },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The order.
    pub order_id: OrderId,
    /// What was done with its saga.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// In a word.
    Done(&'static str),
    /// The execution that was started.
    Started(String),
}

/// What `action` comes to for an order with these records and executions. Pure: everything was read before.
///
/// # Errors
/// If a guard refuses.
pub fn plan(
    order_id: OrderId,
    action: Action,
    records: &Records,
    executions: &[Execution],
    now: WireTime,
) -> Result<Plan> {
    let state = records.order.as_ref().map(|order| &order.state);
    let (what, step) = match action {
        Action::Approve | Action::Deny => decide(order_id, action, records, executions)?,
        Action::Redrive => redrive(order_id, executions, state)?,
        Action::Compensate { although_completing } => {
            let name = guards::compensate(order_id, executions, state, although_completing, now)?;
            let first = executions.first().map(|execution| execution.name.clone()).unwrap_or_default();
            let what = format!(
                "{name} is to undo everything that was done for order {order_id}: labels, allocation, payment, stock; the order is cancelled"
            );
            (what, Step::Compensate { name, first })
        }
    };
    Ok(Plan { order_id, what, step })
}

fn decide(
    order_id: OrderId,
    action: Action,
    records: &Records,
    executions: &[Execution],
) -> Result<(String, Step)> {
    let token = guards::decide(order_id, executions, records.approval.as_ref())?.to_owned();
    let (decision, word, then) = if action == Action::Approve {
        (ApprovalResult::Approved, "approved", "it is paid next")
    } else {
        (ApprovalResult::Denied, "denied", "it is cancelled, and its stock released")
    };
    Ok((format!("order {order_id} is to be {word}: {then}"), Step::Decide { token, decision }))
}

fn redrive(
    order_id: OrderId,
    executions: &[Execution],
    state: Option<&OrderState>,
) -> Result<(String, Step)> {
    Ok(match guards::redrive(order_id, executions, state)? {
        Redrive::SayCompleted { execution } => {
            let what = format!(
                "the completion of order {order_id} is to be said, under the id that the saga had for it"
            );
            (what, Step::SayCompleted { execution })
        }
        Redrive::GoOn { execution } => {
            let what = format!("the saga {execution} is to go on from the state in which it failed");
            (what, Step::GoOn { execution })
        }
    })
}

/// Does what somebody wants, if the guards let it pass and `agree` says yes to what it comes to; nothing if it says no.
///
/// # Errors
/// If a guard or `agree` refuses, or the cloud does.
pub async fn act(
    cloud: &Cloud,
    order_id: OrderId,
    action: Action,
    agree: impl FnOnce(&Plan) -> Result<bool>,
) -> Result<Option<Done>> {
    let (records, executions) =
        futures::try_join!(Records::read(cloud, order_id), cloud.executions_of(order_id))?;
    let plan = plan(order_id, action, &records, &executions, clock::now())?;
    if agree(&plan)? { carry_out(cloud, plan).await.map(Some) } else { Ok(None) }
}

async fn carry_out(cloud: &Cloud, plan: Plan) -> Result<Done> {
    let outcome = match plan.step {
        Step::Decide { token, decision } => {
            cloud.decide(&token, decision).await?;
            Outcome::Done(if decision == ApprovalResult::Approved { "approved" } else { "denied" })
        }
        Step::SayCompleted { execution } => {
            say_completed(cloud, &cloud.execution_input(&execution).await?).await?;
            Outcome::Done("completion said")
        }
        Step::GoOn { execution } => {
            cloud.redrive_execution(&execution).await?;
            Outcome::Done("going on")
        }
        Step::Compensate { name, first } => {
            let input = cloud.execution_input(&first).await?;
            let input = FulfilOrder { mode: Some(SagaMode::Compensate), ..input };
            cloud.start_execution(&name, &input).await?;
            Outcome::Started(name)
        }
    };
    Ok(Done { order_id: plan.order_id, outcome })
}

/// Says what the saga could not say: the same fact under the same id, which is one fact however often it is said.
async fn say_completed(cloud: &Cloud, input: &FulfilOrder) -> Result<()> {
    let bus = cloud.environment.platform.buses.get(Domain::Fulfilment.name());
    let bus = bus.ok_or_else(|| Failure::not_found("the platform has no bus `fulfilment`"))?;
    let event = completed(input, clock::now());
    let detail = serde_json::to_string(&event)
        .map_err(|error| Failure::wrong(format!("the completion has no JSON form: {error}")))?;
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(&bus.name)
        .source(Domain::Fulfilment.source())
        .detail_type(FulfilmentCompleted::DETAIL_TYPE)
        .detail(detail);
    let said = cloud.events.put_events().entries(entry.build()).send().await;
    let said = said.map_err(|error| Failure::call(&format!("the bus {} takes nothing", bus.name), &error))?;
    match said.entries.unwrap_or_default().first().and_then(|entry| entry.error_code.clone()) {
        Some(code) => Err(Failure::wrong(format!("the bus {} did not take it: {code}", bus.name))),
        None => Ok(()),
    }
}

fn completed(input: &FulfilOrder, now: WireTime) -> Event<FulfilmentCompleted> {
    Event {
        metadata: Metadata {
            event_id: EventId::from_uuid(input.event_ids.completed),
            occurred_at: now,
            correlation_id: input.metadata.correlation_id,
            causation_id: input.metadata.causation_id,
            schema_version: SCHEMA_VERSION,
        },
        data: FulfilmentCompleted { order_id: input.order_id },
    }
}

#[cfg(test)]
mod tests {
    use super::{super::history::tests::execution, *};
    use crate::{failure::Kind, records::Approval};

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    #[test]
    fn a_plan_says_what_will_happen_and_never_the_token_that_does_it() {
        let order_id = OrderId::parse(ID).unwrap();
        let approval =
            Approval { status: "PENDING".into(), requested_at: None, task_token: Some("secret".into()) };
        let records = Records { approval: Some(approval), ..Records::default() };
        let waiting = [execution(ID, "RUNNING", &["ReserveStock", "RequestApproval"])];
        let planned = |action| plan(order_id, action, &records, &waiting, clock::of_millis(0));
        let approve = planned(Action::Approve).unwrap();
        assert_eq!(approve.what, format!("order {ID} is to be approved: it is paid next"));
        assert!(!format!("{approve:?}").contains("secret"));
        assert!(planned(Action::Deny).unwrap().what.contains("denied"));
        let compensate = Action::Compensate { although_completing: true };
        assert_eq!(planned(compensate).unwrap_err().kind, Kind::Guarded);
        assert_eq!(planned(Action::Redrive).unwrap_err().kind, Kind::Guarded);
    }

    #[test]
    fn what_was_done_is_told_in_a_word_or_by_what_was_started() {
        let order_id = OrderId::parse(ID).unwrap();
        let told = |outcome| serde_json::to_value(Done { order_id, outcome }).unwrap();
        assert_eq!(told(Outcome::Done("approved")), serde_json::json!({ "orderId": ID, "done": "approved" }));
        assert_eq!(
            told(Outcome::Started("recover-x".into())),
            serde_json::json!({ "orderId": ID, "started": "recover-x" })
        );
    }
}
