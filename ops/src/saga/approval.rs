//! Where a request for an approval stands. The saga writes it and is answered by its token, so that the item says only that
//! somebody was asked, or that the customer has cancelled; how it was decided is in the saga's history. Pure: everything it
//! needs was read before.

use super::history::{Execution, Visit};
use crate::records::Approval;

/// The state that asks.
pub const REQUEST: &str = "RequestApproval";
/// The state after a yes.
const APPROVED: &str = "CapturePayment";
const TIMEOUTS: [&str; 2] = ["States.Timeout", "States.HeartbeatTimeout"];
const PENDING: &str = "PENDING";

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The saga waits for a person.
    Pending,
    /// Somebody has said yes.
    Approved,
    /// Somebody has said no.
    Denied,
    /// Nobody has said anything in time.
    TimedOut,
    /// The saga ended before anybody had decided, or its request failed.
    Lapsed,
    /// The saga is forgotten, or has not been shown yet.
    Unknown,
    /// What the item says itself: the customer has cancelled the order.
    Closed(String),
}

impl Decision {
    /// As it is shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Pending => PENDING,
            Self::Approved => "APPROVED",
            Self::Denied => "DENIED",
            Self::TimedOut => "TIMED_OUT",
            Self::Lapsed => "LAPSED",
            Self::Unknown => "UNKNOWN",
            Self::Closed(status) => status,
        }
    }

    /// How a request stands, by its item and by what the executions of its order did.
    pub fn of(approval: &Approval, executions: &[Execution]) -> Self {
        if approval.status != PENDING {
            return Self::Closed(approval.status.clone());
        }
        let asked = executions.iter().rev().find_map(|execution| {
            let asked = execution.visits.iter().rposition(|visit| visit.state == REQUEST)?;
            Some((execution, execution.visits.get(asked..)?))
        });
        let Some((execution, [request, after @ ..])) = asked else { return Self::Unknown };
        match after.iter().find(|visit| !visit.state.ends_with('?')) {
            Some(next) if next.state == APPROVED => Self::Approved,
            Some(_) => undecided(request).unwrap_or(Self::Denied),
            None if execution.runs() => Self::Pending,
            None => Self::Lapsed,
        }
    }
}

/// Why nobody has said anything, if so.
fn undecided(request: &Visit) -> Option<Decision> {
    let last = request.failures.last()?;
    Some(if TIMEOUTS.contains(&last.error.as_str()) { Decision::TimedOut } else { Decision::Lapsed })
}

#[cfg(test)]
mod tests {
    use super::{
        super::history::{FailedAttempt, tests::execution},
        *,
    };
    use crate::clock::of_millis;

    fn item(status: &str) -> Approval {
        Approval { status: status.into(), requested_at: None, task_token: None }
    }

    fn decided(executions: &[Execution]) -> Decision {
        Decision::of(&item("PENDING"), executions)
    }

    #[test]
    fn what_was_decided_is_what_the_saga_did_next() {
        let run =
            |states: &[&str]| decided(&[execution("x", "RUNNING", &[&["ReserveStock"], states].concat())]);
        assert_eq!(run(&[REQUEST]), Decision::Pending);
        assert_eq!(run(&[REQUEST, "Approved?", "CapturePayment"]), Decision::Approved);
        assert_eq!(run(&[REQUEST, "Approved?", "ReleaseStock"]), Decision::Denied);
        assert_eq!(run(&[REQUEST, "Approved?"]), Decision::Pending, "its answer is being read");
        // A saga that went on after it had died asks once more.
        assert_eq!(run(&[REQUEST, REQUEST]), Decision::Pending);
        assert_eq!(decided(&[execution("x", "ABORTED", &[REQUEST])]), Decision::Lapsed);
        assert_eq!(decided(&[]), Decision::Unknown);
    }

    #[test]
    fn a_request_that_nobody_answered_was_not_denied() {
        let after = |error: &str| {
            let mut saga = execution("x", "SUCCEEDED", &[REQUEST, "ReleaseStock", "PublishFailed"]);
            saga.visits[0].failures.push(FailedAttempt { at: of_millis(1), error: error.into() });
            decided(&[saga])
        };
        assert_eq!(after("States.Timeout"), Decision::TimedOut);
        assert_eq!(after("States.HeartbeatTimeout"), Decision::TimedOut);
        assert_eq!(after("DynamoDb.ThrottlingException"), Decision::Lapsed);
    }

    #[test]
    fn a_recovery_decides_nothing_and_what_the_customer_cancelled_stays_so() {
        let died = execution("x", "ABORTED", &["ReserveStock", REQUEST, "Approved?", "CapturePayment"]);
        let recovery = execution("recover-x", "SUCCEEDED", &["VoidLabels", "ReleaseStock"]);
        assert_eq!(decided(&[died.clone(), recovery]), Decision::Approved);
        assert_eq!(Decision::of(&item("CANCELLED"), &[died]).name(), "CANCELLED");
    }
}
