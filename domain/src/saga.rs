//! The order's saga as a table: each step beside the step that undoes it. The state machine in `asl/` is
//! checked against this table; the table is the specification.

/// How a step is undone when a later one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compensation {
    /// The step of this name undoes it, and is harmless when there is nothing to undo.
    Step(&'static str),
    /// Nothing to undo.
    None {
        /// Why that is so.
        because: &'static str,
    },
}

/// One step of the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The state's name in the state machine.
    pub name: &'static str,
    /// What undoes it.
    pub compensation: Compensation,
}

/// Every step, in the order of execution. Compensations run in the reverse order.
pub const STEPS: &[Step] = &[
    Step { name: "ReserveStock", compensation: Compensation::Step("ReleaseStock") },
    Step {
        name: "RequestApproval",
        compensation: Compensation::None { because: "a decision holds neither stock nor money" },
    },
    Step { name: "CapturePayment", compensation: Compensation::Step("RefundPayment") },
    Step { name: "AllocateStock", compensation: Compensation::Step("ReleaseAllocation") },
    Step { name: "CreateLabels", compensation: Compensation::Step("VoidLabels") },
    Step {
        name: "PublishCompleted",
        compensation: Compensation::None { because: "the order is fulfilled once this is said" },
    },
];

/// The compensations owed once `step` has begun, in the order they must run.
///
/// A step that began may have taken effect even if it failed, so its own compensation is owed too.
/// Empty for an unknown step.
pub fn owed_compensations(step: &str) -> Vec<&'static str> {
    let Some(last) = STEPS.iter().position(|s| s.name == step) else { return Vec::new() };
    STEPS
        .iter()
        .take(last.saturating_add(1))
        .rev()
        .filter_map(|s| match s.compensation {
            Compensation::Step(name) => Some(name),
            Compensation::None { .. } => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_last_is_undone_first() {
        assert_eq!(owed_compensations("ReserveStock"), ["ReleaseStock"]);
        assert_eq!(owed_compensations("RequestApproval"), ["ReleaseStock"]);
        assert_eq!(owed_compensations("CapturePayment"), ["RefundPayment", "ReleaseStock"]);
        assert_eq!(
            owed_compensations("CreateLabels"),
            ["VoidLabels", "ReleaseAllocation", "RefundPayment", "ReleaseStock"]
        );
    }

    #[test]
    fn every_compensation_undoes_exactly_one_step() {
        let mut names: Vec<_> = STEPS
            .iter()
            .filter_map(|s| match s.compensation {
                Compensation::Step(name) => Some(name),
                Compensation::None { .. } => None,
            })
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
