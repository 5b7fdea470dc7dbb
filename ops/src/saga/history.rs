//! What an execution of the saga did, as Step Functions remembers it.

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent, HistoryEventType};
use lakeside_contracts::WireTime;
use lakeside_domain::saga::{Compensation, STEPS};
use serde::Serialize;

use crate::clock;

/// The error of a saga that gave up on purpose.
pub const PARKED: &str = "FulfilmentParked";
/// The state after which nothing may be undone without a look at the order.
pub const COMPLETION: &str = "PublishCompleted";
/// The state that buys one label, inside of the step that buys them all.
const LABEL: &str = "CreateLabel";
/// How the executions that recover another one are called.
pub const RECOVERY_PREFIX: &str = "recover-";

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// The order's id, or `recover-` and the order's id.
    pub name: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `ABORTED` or `TIMED_OUT`.
    pub status: String,
    /// When it began.
    pub started_at: WireTime,
    /// When it ended.
    pub stopped_at: Option<WireTime>,
    /// The error it ended with.
    pub error: Option<String>,
    /// Of a saga that gave up: the step that could not be done.
    pub parked_step: Option<String>,
    /// Of a saga that gave up: why the step was owed.
    pub parked_reason: Option<String>,
    /// Every state it was in, oldest first.
    pub visits: Vec<Visit>,
}

/// One stay in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    /// The state.
    pub state: String,
    /// Since when.
    pub entered_at: WireTime,
    /// Until when.
    pub left_at: Option<WireTime>,
    /// What failed in it.
    pub failures: Vec<FailedAttempt>,
}

/// A failure of an attempt in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// When.
    pub at: WireTime,
    /// The error's name.
    pub error: String,
}

impl Execution {
    /// Whether it is still at it.
    pub fn runs(&self) -> bool {
        self.status == ExecutionStatus::Running.as_str()
    }

    /// Whether it ended as planned, fulfilled or undone.
    pub fn succeeded(&self) -> bool {
        self.status == ExecutionStatus::Succeeded.as_str()
    }

    /// Whether it gave up on purpose.
    pub fn is_parked(&self) -> bool {
        self.error.as_deref() == Some(PARKED)
    }

    /// Whether it undoes what another one left behind.
    pub fn is_recovery(&self) -> bool {
        self.name.starts_with(RECOVERY_PREFIX)
    }

    /// Whether it was ever in this state.
    pub fn entered(&self, state: &str) -> bool {
        self.visits.iter().any(|visit| visit.state == state)
    }

    /// Where it is, or was last, among the states that do something.
    pub fn last(&self) -> Option<&Visit> {
        self.visits.iter().rev().find(|visit| is_work(&visit.state))
    }

    /// The last step forward, if something was undone after it.
    pub fn gave_up_at(&self) -> Option<&str> {
        let undone = self
            .visits
            .iter()
            .position(|visit| is_compensation(&visit.state) || visit.state == "PublishFailed")?;
        let before = self.visits.get(..undone)?;
        before.iter().rev().map(|visit| visit.state.as_str()).find(|state| is_step(state))
    }
}

/// Whether a state is a step forward.
pub fn is_step(state: &str) -> bool {
    STEPS.iter().any(|step| step.name == state)
}
/// Whether a state undoes a step.
pub fn is_compensation(state: &str) -> bool {
    STEPS.iter().any(|step| matches!(step.compensation, Compensation::Step(name) if name == state))
}

fn is_work(state: &str) -> bool {
    is_step(state) || is_compensation(state) || matches!(state, "PublishFailed" | "PublishParked")
}

/// Every stay in a state. A failure that is caught ends one too, though not every cloud says so.
pub fn visits(events: &[HistoryEvent]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for event in events {
        let at = clock::of_sdk(&event.timestamp);
        if event.r#type == HistoryEventType::ExecutionRedriven {
            // It goes on by entering the state anew in which it died.
            visits
                .iter_mut()
                .filter(|visit| visit.left_at.is_none())
                .for_each(|open| open.left_at = Some(at));
        } else if let Some(entered) = &event.state_entered_event_details {
            for open in
                visits.iter_mut().filter(|visit| visit.left_at.is_none() && !visit.failures.is_empty())
            {
                open.left_at = Some(at);
            }
            visits.push(Visit {
                state: entered.name.clone(),
                entered_at: at,
                left_at: None,
                failures: Vec::new(),
            });
        } else if let Some(exited) = &event.state_exited_event_details {
            let open =
                visits.iter_mut().rev().find(|visit| visit.left_at.is_none() && visit.state == exited.name);
            if let Some(open) = open {
                open.left_at = Some(at);
            }
        } else if let Some(error) = failure(event) {
            let open = visits.iter_mut().rev().find(|visit| visit.left_at.is_none() && is_task(&visit.state));
            if let Some(open) = open {
                open.failures.push(FailedAttempt { at, error });
            }
        }
    }
    visits
}

/// The last stay in a state that does something. A label is of its step, though its state has another name.
pub fn last_work(visits: Vec<Visit>) -> Option<Visit> {
    visits.into_iter().rev().find(|visit| is_task(&visit.state)).map(|visit| {
        if visit.state == LABEL { Visit { state: "CreateLabels".into(), ..visit } } else { visit }
    })
}

fn is_task(state: &str) -> bool {
    is_work(state) || state == LABEL
}

/// The error of an attempt, never its cause, which may say anything.
fn failure(event: &HistoryEvent) -> Option<String> {
    let name = event.r#type.as_str();
    let error = event
        .task_failed_event_details
        .as_ref()
        .and_then(|details| details.error.clone())
        .or_else(|| event.task_timed_out_event_details.as_ref().and_then(|details| details.error.clone()))
        .or_else(|| {
            event.task_submit_failed_event_details.as_ref().and_then(|details| details.error.clone())
        });
    error.or_else(|| {
        (name.starts_with("Task") && (name.ends_with("Failed") || name.ends_with("TimedOut")))
            .then(|| name.to_owned())
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_sdk_sfn::{
        primitives::DateTime,
        types::{StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails},
    };

    use super::*;

    fn event(kind: HistoryEventType, at: i64) -> aws_sdk_sfn::types::builders::HistoryEventBuilder {
        HistoryEvent::builder().id(at).r#type(kind).timestamp(DateTime::from_secs(at))
    }

    fn entered(state: &str, at: i64) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder().name(state).build().unwrap();
        event(HistoryEventType::TaskStateEntered, at).state_entered_event_details(details).build().unwrap()
    }

    fn exited(state: &str, at: i64) -> HistoryEvent {
        let details = StateExitedEventDetails::builder().name(state).build().unwrap();
        event(HistoryEventType::TaskStateExited, at).state_exited_event_details(details).build().unwrap()
    }

    fn failed(error: &str, at: i64) -> HistoryEvent {
        let details = TaskFailedEventDetails::builder()
            .resource_type("sqs")
            .resource("sendMessage")
            .error(error)
            .cause("Jane Doe")
            .build()
            .unwrap();
        event(HistoryEventType::TaskFailed, at).task_failed_event_details(details).build().unwrap()
    }

    /// An execution that was in these states, one second each; it is still in the last one if it runs.
    pub fn execution(name: &str, status: &str, states: &[&str]) -> Execution {
        let at = |second: usize| clock::of_millis(i64::try_from(second).unwrap() * 1000);
        let runs = status == "RUNNING";
        let last = states.len().saturating_sub(1);
        Execution {
            name: name.into(),
            status: status.into(),
            started_at: at(0),
            stopped_at: (!runs).then(|| at(states.len())),
            error: None,
            parked_step: None,
            parked_reason: None,
            visits: states
                .iter()
                .enumerate()
                .map(|(second, state)| Visit {
                    state: (*state).into(),
                    entered_at: at(second),
                    left_at: (!runs || second < last).then(|| at(second + 1)),
                    failures: Vec::new(),
                })
                .collect(),
        }
    }

    #[test]
    fn a_stay_ends_with_its_exit_or_when_its_failure_is_caught() {
        let events = [
            entered("ReserveStock", 1),
            exited("ReserveStock", 2),
            entered("CapturePayment", 3),
            failed("SQS.SdkClientException", 4),
            failed("States.Timeout", 5),
            entered("RefundPayment", 6),
        ];
        let visits = visits(&events);
        let seen: Vec<_> = visits
            .iter()
            .map(|visit| {
                (visit.state.as_str(), visit.left_at.map(|at| at.0.as_epoch_seconds()), visit.failures.len())
            })
            .collect();
        assert_eq!(
            seen,
            [("ReserveStock", Some(2), 0), ("CapturePayment", Some(6), 2), ("RefundPayment", None, 0)]
        );
        assert_eq!(visits[1].failures[1].error, "States.Timeout");
        assert!(!format!("{visits:?}").contains("Jane"), "causes may hold anything");
    }

    #[test]
    fn a_saga_that_goes_on_enters_anew_the_state_in_which_it_died() {
        let redriven = event(HistoryEventType::ExecutionRedriven, 5).build().unwrap();
        let visits = visits(&[entered("RequestApproval", 1), redriven, entered("RequestApproval", 5)]);
        let left: Vec<_> =
            visits.iter().map(|visit| visit.left_at.map(|at| at.0.as_epoch_seconds())).collect();
        assert_eq!(left, [Some(5), None]);
    }

    #[test]
    fn where_a_saga_is_can_be_told_from_its_newest_events() {
        let newest = [exited("ReserveStock", 2), entered("CreateLabel", 3), failed("States.Timeout", 4)];
        let last = last_work(visits(&newest)).unwrap();
        assert_eq!((last.state.as_str(), last.failures.len()), ("CreateLabels", 1));
        assert_eq!(last_work(visits(&[exited("ReserveStock", 2), entered("Choice?", 3)])), None);
    }

    #[test]
    fn a_saga_gave_up_at_its_last_step_forward() {
        let states = [
            "ReserveStock",
            "StockReserved?",
            "CapturePayment",
            "ReleaseStock",
            "PublishFailed",
            "Compensated",
        ];
        assert_eq!(execution("x", "SUCCEEDED", &states).gave_up_at(), Some("CapturePayment"));
        assert_eq!(execution("x", "SUCCEEDED", &["ReserveStock", "Fulfilled"]).gave_up_at(), None);
        assert_eq!(execution("x", "RUNNING", &states[..3]).last().unwrap().state, "CapturePayment");
    }
}
