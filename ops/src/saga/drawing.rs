//! The saga of an order, drawn: each step beside what undoes it.

use lakeside_contracts::WireTime;
use lakeside_domain::saga::{Compensation, STEPS};

use super::history::{Execution, Visit};
use crate::{
    clock,
    output::{Output, Paint},
};

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    NotReached,
    Done,
    GaveUp,
    Waiting,
    Stopped,
}

impl Went {
    const fn mark(self) -> (&'static str, Paint) {
        match self {
            Self::NotReached => ("·", Paint::Dim),
            Self::Done => ("●", Paint::Good),
            Self::GaveUp => ("✗", Paint::Bad),
            Self::Waiting => ("▶", Paint::Warn),
            Self::Stopped => ("■", Paint::Bad),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::NotReached => "",
            Self::Done => "done",
            Self::GaveUp => "gave up",
            Self::Waiting => "under way",
            Self::Stopped => "ended here",
        }
    }
}

/// Draws every execution of an order.
pub fn draw(output: Output, executions: &[Execution], now: WireTime) -> String {
    executions.iter().map(|execution| one(output, execution, now)).collect::<Vec<_>>().join("\n\n")
}

fn one(output: Output, execution: &Execution, now: WireTime) -> String {
    let end = execution.stopped_at.unwrap_or(now);
    let took = clock::between(execution.started_at, end);
    let paint = match execution.status.as_str() {
        "SUCCEEDED" => Paint::Good,
        "RUNNING" => Paint::Warn,
        _ => Paint::Bad,
    };
    let mut lines = vec![format!(
        "{}  {} {took}, since {}",
        output.paint(Paint::Bold, &execution.name),
        output.paint(paint, &execution.status),
        execution.started_at
    )];
    for (index, step) in STEPS.iter().enumerate() {
        let forward = cell(output, step.name, went(execution, step.name), execution, now);
        let undo = match step.compensation {
            Compensation::Step(name) => {
                format!(" ◀ {}", cell(output, name, went(execution, name), execution, now))
            }
            Compensation::None { .. } => String::new(),
        };
        lines.push(format!("  {forward}{undo}").trim_end().to_owned());
        if index + 1 < STEPS.len() {
            lines.push(output.paint(Paint::Dim, "  │"));
        }
    }
    for name in ["PublishFailed", "PublishParked"] {
        if execution.entered(name) {
            let cell = cell(output, name, went(execution, name), execution, now);
            lines.push(format!("  {}", cell.trim_end()));
        }
    }
    lines.extend(execution.visits.iter().filter_map(|visit| failures(output, visit)));
    if let Some(error) = &execution.error {
        let step = execution.parked_step.as_deref().map(|step| format!(" at {step}")).unwrap_or_default();
        let reason = execution
            .parked_reason
            .as_deref()
            .map(|reason| format!(", owed for {reason}"))
            .unwrap_or_default();
        lines.push(format!("  {}{step}{reason}", output.paint(Paint::Bad, error)));
    }
    lines.join("\n")
}

fn failures(output: Output, visit: &Visit) -> Option<String> {
    let last = visit.failures.last()?;
    let count = visit.failures.len();
    let text = format!(
        "  {} failed {count} times, at last {} at {}",
        visit.state,
        last.error,
        clock::of_day(last.at)
    );
    Some(output.paint(Paint::Dim, text))
}

fn went(execution: &Execution, state: &str) -> Went {
    let Some(visit) = execution.visits.iter().rev().find(|visit| visit.state == state) else {
        return Went::NotReached;
    };
    if execution.gave_up_at() == Some(state) {
        Went::GaveUp
    } else if visit.left_at.is_some() {
        Went::Done
    } else if execution.runs() {
        Went::Waiting
    } else {
        Went::Stopped
    }
}

/// Mark, name and time of a state, padded before it is painted, for colours have no width.
fn cell(output: Output, state: &str, went: Went, execution: &Execution, now: WireTime) -> String {
    let (mark, paint) = went.mark();
    let visit = execution.visits.iter().rev().find(|visit| visit.state == state);
    let took = visit
        .map(|visit| clock::between(visit.entered_at, visit.left_at.or(execution.stopped_at).unwrap_or(now)));
    let what = format!("{} {}", went.word(), took.unwrap_or_default());
    let text = format!("{:<18}{:<22}", state, what.trim());
    format!(
        "{} {}",
        output.paint(paint, mark),
        if went == Went::NotReached { output.paint(Paint::Dim, text) } else { text }
    )
}

#[cfg(test)]
mod tests {
    use super::{super::history::tests::execution, *};

    const PLAIN: Output = Output { json: false, colour: false };

    #[test]
    fn a_declined_payment_shows_what_was_undone_beside_it() {
        let states = ["ReserveStock", "CapturePayment", "ReleaseStock", "PublishFailed"];
        let drawn = draw(PLAIN, &[execution("order", "SUCCEEDED", &states)], clock::of_millis(0));
        let lines: Vec<&str> = drawn.lines().filter(|line| !line.contains('│')).collect();
        assert_eq!(
            lines,
            [
                "order  SUCCEEDED 4.00 s, since 1970-01-01T00:00:00.000Z",
                "  ● ReserveStock      done 1.00 s            ◀ ● ReleaseStock      done 1.00 s",
                "  · RequestApproval",
                "  ✗ CapturePayment    gave up 1.00 s         ◀ · RefundPayment",
                "  · AllocateStock                            ◀ · ReleaseAllocation",
                "  · CreateLabels                             ◀ · VoidLabels",
                "  · PublishCompleted",
                "  ● PublishFailed     done 1.00 s",
            ]
        );
    }

    #[test]
    fn what_runs_shows_for_how_long_it_has_waited() {
        let running = execution("order", "RUNNING", &["ReserveStock", "RequestApproval"]);
        let drawn = draw(PLAIN, &[running], clock::of_millis(65_000));
        assert!(drawn.contains("▶ RequestApproval   under way 1 min 04 s"), "{drawn}");
    }
}
