//! Where an order is on its way, by its saga and its record. Pure: everything was read before.

use serde::Serialize;

use crate::saga::history::is_compensation;

/// A stage of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// The door took it, and nobody has recorded it yet.
    Received,
    /// It is recorded, and its saga is about to begin.
    Created,
    /// Its stock is being held.
    Reserving,
    /// A person has to decide.
    AwaitingApproval,
    /// Its money is being taken.
    Paying,
    /// The places that send it are being chosen.
    Allocating,
    /// Its labels are being bought, or its completion is being said.
    Labelling,
    /// It came to its good end.
    Fulfilled,
    /// What was done for it is being undone.
    Undoing,
    /// It was undone.
    Cancelled,
    /// It was refused.
    Rejected,
    /// Its saga has ended, and the order has not heard of it.
    Settling,
    /// Its saga gave up or died, and the order has not ended.
    NeedsRepair,
}

impl Stage {
    /// Whether nothing will change any more.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Cancelled | Self::Rejected)
    }
}

/// The stage of an order whose saga has this status, is at this state, and whose record has this status.
pub fn stage(saga: &str, state: Option<&str>, order: Option<&str>) -> Stage {
    let ended = match order {
        Some("FULFILLED") => Some(Stage::Fulfilled),
        Some("CANCELLED") => Some(Stage::Cancelled),
        Some("REJECTED") => Some(Stage::Rejected),
        _ => None,
    };
    match (saga, state) {
        ("RUNNING", None) => Stage::Created,
        ("RUNNING", Some("ReserveStock")) => Stage::Reserving,
        ("RUNNING", Some("RequestApproval")) => Stage::AwaitingApproval,
        ("RUNNING", Some("CapturePayment")) => Stage::Paying,
        ("RUNNING", Some("AllocateStock")) => Stage::Allocating,
        ("RUNNING", Some(state)) if is_compensation(state) || state.starts_with("PublishFailed") => {
            Stage::Undoing
        }
        ("RUNNING", Some(_)) => Stage::Labelling,
        ("SUCCEEDED", _) => ended.unwrap_or(Stage::Settling),
        _ => ended.unwrap_or(Stage::NeedsRepair),
    }
}

#[cfg(test)]
mod tests {
    use lakeside_domain::saga::{Compensation, STEPS};

    use super::*;

    #[test]
    fn every_step_of_the_saga_has_a_stage_and_what_undoes_it_is_undoing() {
        let expected = [
            Stage::Reserving,
            Stage::AwaitingApproval,
            Stage::Paying,
            Stage::Allocating,
            Stage::Labelling,
            Stage::Labelling,
        ];
        assert_eq!(STEPS.len(), expected.len());
        for (step, expected) in STEPS.iter().zip(expected) {
            assert_eq!(stage("RUNNING", Some(step.name), Some("CREATED")), expected, "{}", step.name);
            if let Compensation::Step(undo) = step.compensation {
                assert_eq!(stage("RUNNING", Some(undo), Some("CREATED")), Stage::Undoing, "{undo}");
            }
        }
        assert_eq!(stage("RUNNING", None, None), Stage::Created);
    }

    #[test]
    fn what_ended_stands_where_its_record_does_and_a_saga_that_died_needs_somebody() {
        assert_eq!(stage("SUCCEEDED", None, Some("FULFILLED")), Stage::Fulfilled);
        assert_eq!(stage("SUCCEEDED", None, Some("REJECTED")), Stage::Rejected);
        assert_eq!(stage("SUCCEEDED", None, Some("CONFIRMED")), Stage::Settling);
        assert_eq!(stage("SUCCEEDED", None, None), Stage::Settling);
        assert_eq!(stage("ABORTED", None, Some("CANCELLED")), Stage::Cancelled);
        for died in ["FAILED", "ABORTED", "TIMED_OUT"] {
            assert_eq!(stage(died, Some("CapturePayment"), Some("CREATED")), Stage::NeedsRepair);
        }
    }
}
