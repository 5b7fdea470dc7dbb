//! What may be done with the saga of an order, and what may not. Pure: everything it needs was read before.

use lakeside_contracts::WireTime;
use lakeside_domain::{ids::OrderId, order::OrderState};

use super::{
    approval::Decision,
    executions::names,
    history::{COMPLETION, Execution},
};
use crate::{
    failure::{Failure, Result},
    records::{Approval, is_final, state_name},
};

/// How long the word of a completion may take, before an order that is not fulfilled may be undone all the same.
const COMPLETION_MILLIS: i64 = 3_600_000;

/// What redriving a saga comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redrive {
    /// The order is paid and labelled, and only the word is missing: say it.
    SayCompleted {
        /// Whose input has the event's id.
        execution: String,
    },
    /// Step Functions goes on from the state that failed.
    GoOn {
        /// Which.
        execution: String,
    },
}

/// The name of the next recovery, if the order's saga may be undone.
///
/// # Errors
/// If it may not, with what may be done instead.
pub fn compensate(
    order_id: OrderId,
    executions: &[Execution],
    order: Option<&OrderState>,
    although_completing: bool,
    now: WireTime,
) -> Result<String> {
    let saga = executions.first().ok_or_else(|| no_saga(order_id))?;
    if let Some(running) = executions.iter().find(|execution| execution.runs()) {
        return Err(Failure::guarded(if running.is_recovery() {
            format!(
                "{} is undoing the order already: watch it with `lakeside saga show {order_id}`",
                running.name
            )
        } else {
            format!(
                "the saga still runs: an order under way is undone by `lakeside order cancel {order_id}`, not from outside"
            )
        }));
    }
    if let Some(done) = executions.iter().find(|execution| execution.succeeded()) {
        return Err(Failure::guarded(format!(
            "{} has ended as planned: there is nothing left to undo",
            done.name
        )));
    }
    if order == Some(&OrderState::Fulfilled) {
        return Err(Failure::guarded(
            "the order is fulfilled: undoing it would refund what was shipped and void its labels",
        ));
    }
    let completing = executions.iter().find(|execution| execution.entered(COMPLETION));
    if let Some(completing) = completing {
        let ended = completing.stopped_at.unwrap_or(now).0.as_millis();
        if completing.is_parked() {
            return Err(Failure::guarded(format!(
                "the order is paid and labelled and only its completion could not be said: say it with `lakeside saga redrive {order_id}`"
            )));
        }
        if !although_completing {
            return Err(Failure::guarded(format!(
                "the saga ended while it completed the order, whose word may still be on its way: look at the order, and if it is \
                 not fulfilled an hour later, say --although-completing ({} has the rest)",
                "docs/runbooks/saga-failed.md"
            )));
        }
        if now.0.as_millis().saturating_sub(ended) < COMPLETION_MILLIS {
            return Err(Failure::guarded(
                "the saga ended while it completed the order less than an hour ago: the word may still be on its way",
            ));
        }
    }
    let taken: Vec<&str> = executions.iter().map(|execution| execution.name.as_str()).collect();
    names(order_id)
        .skip(1)
        .find(|name| !taken.contains(&name.as_str()) && *name != saga.name)
        .ok_or_else(|| Failure::guarded("every recovery of this order has failed: its cause is not gone yet"))
}

/// What redriving comes to, if the order's saga may go on.
///
/// # Errors
/// If it may not, with what may be done instead.
pub fn redrive(order_id: OrderId, executions: &[Execution], order: Option<&OrderState>) -> Result<Redrive> {
    let saga = executions.first().ok_or_else(|| no_saga(order_id))?;
    if let Some(running) = executions.iter().find(|execution| execution.runs()) {
        return Err(Failure::guarded(format!("{} runs: there is nothing to redrive", running.name)));
    }
    if let Some(parked) =
        executions.iter().find(|e| e.is_parked() && e.parked_step.as_deref() == Some(COMPLETION))
    {
        return Ok(Redrive::SayCompleted { execution: parked.name.clone() });
    }
    if let Some(done) = executions.iter().find(|execution| execution.succeeded()) {
        return Err(Failure::guarded(format!(
            "{} has ended as planned: there is nothing to redrive",
            done.name
        )));
    }
    if executions.len() > 1 || saga.is_recovery() {
        return Err(Failure::guarded(format!(
            "the order is being undone, and what was undone is closed for good: see `lakeside saga show {order_id}`"
        )));
    }
    if saga.is_parked() {
        return Err(Failure::guarded(format!(
            "the saga gave up on purpose in a state that only fails again: remove the cause, then `lakeside saga compensate {order_id}`"
        )));
    }
    if let Some(state) = order.filter(|state| is_final(state)) {
        return Err(Failure::guarded(format!(
            "the order is {} already: nothing may go on",
            state_name(state)
        )));
    }
    Ok(Redrive::GoOn { execution: saga.name.clone() })
}

/// The token of the approval that is waited for.
///
/// # Errors
/// If nobody waits for one.
pub fn decide<'a>(
    order_id: OrderId,
    executions: &[Execution],
    approval: Option<&'a Approval>,
) -> Result<&'a str> {
    let approval = approval
        .ok_or_else(|| Failure::not_found(format!("nobody has asked for an approval of order {order_id}")))?;
    match Decision::of(approval, executions) {
        Decision::Pending => {}
        Decision::Closed(status) => {
            return Err(Failure::guarded(format!(
                "the request for an approval is {status}: its customer has cancelled the order"
            )));
        }
        decided => {
            return Err(Failure::guarded(format!(
                "the saga does not wait for an approval any more, its request is {}: see `lakeside saga show {order_id}`",
                decided.name()
            )));
        }
    }
    approval
        .task_token
        .as_deref()
        .ok_or_else(|| Failure::wrong("the request for an approval has no task token"))
}

fn no_saga(order_id: OrderId) -> Failure {
    Failure::not_found(format!("no saga of order {order_id} is known: see `lakeside trace {order_id}`"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::history::{PARKED, tests::execution},
        *,
    };
    use crate::{clock::of_millis, failure::Kind};

    const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    fn id() -> OrderId {
        OrderId::parse(ID).unwrap()
    }

    fn parked(name: &str, step: &str, states: &[&str]) -> Execution {
        Execution {
            error: Some(PARKED.into()),
            parked_step: Some(step.into()),
            ..execution(name, "FAILED", states)
        }
    }

    fn undo(executions: &[Execution]) -> Result<String> {
        compensate(id(), executions, Some(&OrderState::Created), false, of_millis(10_000_000))
    }

    #[test]
    fn a_saga_that_died_or_gave_up_is_undone_under_the_next_free_name() {
        let died = execution(ID, "ABORTED", &["ReserveStock"]);
        assert_eq!(undo(std::slice::from_ref(&died)).unwrap(), format!("recover-{ID}"));
        let recovery = parked(&format!("recover-{ID}"), "RefundPayment", &["VoidLabels"]);
        assert_eq!(undo(&[died, recovery]).unwrap(), format!("recover-{ID}-2"));
    }

    #[test]
    fn what_still_runs_or_ended_as_planned_is_not_undone() {
        let refused = |executions: &[Execution]| undo(executions).unwrap_err().kind;
        assert_eq!(refused(&[execution(ID, "RUNNING", &["ReserveStock"])]), Kind::Guarded);
        assert_eq!(refused(&[execution(ID, "SUCCEEDED", &["ReserveStock", "Fulfilled"])]), Kind::Guarded);
        let died = execution(ID, "ABORTED", &["ReserveStock"]);
        let recovery = |status| execution(&format!("recover-{ID}"), status, &["VoidLabels"]);
        assert_eq!(refused(&[died.clone(), recovery("RUNNING")]), Kind::Guarded);
        assert_eq!(refused(&[died, recovery("SUCCEEDED")]), Kind::Guarded);
        assert_eq!(refused(&[]), Kind::NotFound);
    }

    #[test]
    fn a_fulfilled_order_is_never_refunded() {
        let died = [execution(ID, "ABORTED", &["CreateLabels"])];
        let failure =
            compensate(id(), &died, Some(&OrderState::Fulfilled), true, of_millis(10_000_000)).unwrap_err();
        assert_eq!(failure.kind, Kind::Guarded);
    }

    #[test]
    fn an_order_that_was_about_to_complete_waits_an_hour_and_is_asked_for_by_name() {
        let died = [execution(ID, "ABORTED", &["CreateLabels", COMPLETION])];
        let undo = |although, now| compensate(id(), &died, None, although, of_millis(now));
        assert_eq!(undo(false, 10_000_000).unwrap_err().kind, Kind::Guarded);
        assert_eq!(undo(true, 1_000_000).unwrap_err().kind, Kind::Guarded);
        assert_eq!(undo(true, 10_000_000).unwrap(), format!("recover-{ID}"));
        let parked = [parked(ID, COMPLETION, &["CreateLabels", COMPLETION])];
        assert!(
            compensate(id(), &parked, None, true, of_millis(10_000_000))
                .unwrap_err()
                .sentence
                .contains("redrive")
        );
    }

    #[test]
    fn a_completion_that_could_not_be_said_is_said_and_what_died_goes_on() {
        let parked_there = [parked(ID, COMPLETION, &[COMPLETION])];
        assert_eq!(
            redrive(id(), &parked_there, None).unwrap(),
            Redrive::SayCompleted { execution: ID.into() }
        );
        let died = [execution(ID, "TIMED_OUT", &["AllocateStock"])];
        assert_eq!(redrive(id(), &died, None).unwrap(), Redrive::GoOn { execution: ID.into() });
    }

    #[test]
    fn what_was_undone_or_gave_up_never_goes_on() {
        let kind = |executions: &[Execution], order| redrive(id(), executions, order).unwrap_err().kind;
        let died = execution(ID, "ABORTED", &["ReserveStock"]);
        let recovery = execution(&format!("recover-{ID}"), "FAILED", &["VoidLabels"]);
        assert_eq!(kind(&[died.clone(), recovery], None), Kind::Guarded);
        assert_eq!(kind(&[parked(ID, "RefundPayment", &["RefundPayment"])], None), Kind::Guarded);
        assert_eq!(kind(std::slice::from_ref(&died), Some(&OrderState::Fulfilled)), Kind::Guarded);
        assert_eq!(kind(&[execution(ID, "RUNNING", &["ReserveStock"])], None), Kind::Guarded);
        assert_eq!(kind(&[execution(ID, "SUCCEEDED", &["ReserveStock"])], None), Kind::Guarded);
    }

    #[test]
    fn only_who_waits_for_a_decision_gets_one() {
        let approval = |status: &str| Approval {
            status: status.into(),
            requested_at: None,
            task_token: Some("token".into()),
        };
        let waiting = [execution(ID, "RUNNING", &["ReserveStock", "RequestApproval"])];
        let further = [execution(ID, "RUNNING", &["RequestApproval", "CapturePayment"])];
        assert_eq!(decide(id(), &waiting, Some(&approval("PENDING"))).unwrap(), "token");
        assert_eq!(decide(id(), &waiting, None).unwrap_err().kind, Kind::NotFound);
        assert_eq!(decide(id(), &waiting, Some(&approval("CANCELLED"))).unwrap_err().kind, Kind::Guarded);
        let late = decide(id(), &further, Some(&approval("PENDING"))).unwrap_err();
        assert_eq!(late.kind, Kind::Guarded);
        assert!(late.sentence.contains("APPROVED"), "{late}");
    }
}
