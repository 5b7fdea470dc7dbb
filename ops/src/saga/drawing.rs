//! The saga of an order, drawn: each step beside what undoes it.

use lakeside_contracts::WireTime;
use lakeside_domain::saga::{Compensation, STEPS};
use serde::Serialize;

use super::history::{Execution, Visit};
use crate::{
    clock,
    output::{Output, Paint},
};

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Went {
    /// The saga has not come to it.
    NotReached,
    /// It was left.
    Done,
    /// It is the last step forward of a saga that was undone.
    GaveUp,
    /// The saga is there.
    Waiting,
    /// The saga ended there.
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

/// One state of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// Its name.
    pub state: String,
    /// How it went.
    pub went: Went,
    /// The same and for how long, for people; nothing if the saga has not come to it.
    pub told: String,
}

/// A step beside what undoes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The step.
    pub step: Cell,
    /// What undoes it, if anything has to.
    pub undo: Option<Cell>,
}

/// What an execution did, as it is drawn in a terminal and in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Picture {
    /// The execution.
    pub name: String,
    /// As Step Functions says it.
    pub status: String,
    /// When it began.
    pub started_at: WireTime,
    /// For how long it has run, for people.
    pub took: String,
    /// Every step, in the order of execution.
    pub rows: Vec<Row>,
    /// How it said that it was undone, or could not be.
    pub ends: Vec<Cell>,
    /// What failed on the way.
    pub failures: Vec<String>,
    /// What it ended with.
    pub error: Option<String>,
}

impl Picture {
    /// Pictures an execution.
    pub fn of(execution: &Execution, now: WireTime) -> Self {
        let cell = |state: &str| cell(execution, state, now);
        let rows = STEPS.iter().map(|step| Row {
            step: cell(step.name),
            undo: match step.compensation {
                Compensation::Step(name) => Some(cell(name)),
                Compensation::None { .. } => None,
            },
        });
        let ends = ["PublishFailed", "PublishParked"].into_iter().filter(|name| execution.entered(name));
        let error = execution.error.as_ref().map(|error| {
            let step = execution.parked_step.as_deref().map(|step| format!(" at {step}")).unwrap_or_default();
            let reason = execution.parked_reason.as_deref();
            let reason = reason.map(|reason| format!(", owed for {reason}")).unwrap_or_default();
            format!("{error}{step}{reason}")
        });
        Self {
            name: execution.name.clone(),
            status: execution.status.clone(),
            started_at: execution.started_at,
            took: clock::between(execution.started_at, execution.stopped_at.unwrap_or(now)),
            rows: rows.collect(),
            ends: ends.map(cell).collect(),
            failures: execution.visits.iter().filter_map(failures).collect(),
            error,
        }
    }
}

/// Draws every execution of an order.
pub fn draw(output: Output, executions: &[Execution], now: WireTime) -> String {
    let drawn = executions.iter().map(|execution| one(output, &Picture::of(execution, now)));
    drawn.collect::<Vec<_>>().join("\n\n")
}

fn one(output: Output, picture: &Picture) -> String {
    let paint = match picture.status.as_str() {
        "SUCCEEDED" => Paint::Good,
        "RUNNING" => Paint::Warn,
        _ => Paint::Bad,
    };
    let mut lines = vec![format!(
        "{}  {} {}, since {}",
        output.paint(Paint::Bold, &picture.name),
        output.paint(paint, &picture.status),
        picture.took,
        picture.started_at
    )];
    for (index, row) in picture.rows.iter().enumerate() {
        let undo = row.undo.as_ref().map(|undo| format!(" ◀ {}", painted(output, undo)));
        let line = format!("  {}{}", painted(output, &row.step), undo.unwrap_or_default());
        lines.push(line.trim_end().to_owned());
        if index + 1 < picture.rows.len() {
            lines.push(output.paint(Paint::Dim, "  │"));
        }
    }
    lines.extend(picture.ends.iter().map(|end| format!("  {}", painted(output, end).trim_end())));
    lines.extend(picture.failures.iter().map(|text| output.paint(Paint::Dim, format!("  {text}"))));
    lines.extend(picture.error.iter().map(|error| format!("  {}", output.paint(Paint::Bad, error))));
    lines.join("\n")
}

fn failures(visit: &Visit) -> Option<String> {
    let last = visit.failures.last()?;
    let count = visit.failures.len();
    let at = clock::of_day(last.at);
    Some(format!("{} failed {count} times, at last {} at {at}", visit.state, last.error))
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

fn cell(execution: &Execution, state: &str, now: WireTime) -> Cell {
    let went = went(execution, state);
    let visit = execution.visits.iter().rev().find(|visit| visit.state == state);
    let took = visit
        .map(|visit| clock::between(visit.entered_at, visit.left_at.or(execution.stopped_at).unwrap_or(now)));
    let told = format!("{} {}", went.word(), took.unwrap_or_default()).trim().to_owned();
    Cell { state: state.to_owned(), went, told }
}

/// Mark, name and time of a state, padded before it is painted, for colours have no width.
fn painted(output: Output, cell: &Cell) -> String {
    let (mark, paint) = cell.went.mark();
    let text = format!("{:<18}{:<22}", cell.state, cell.told);
    let text = if cell.went == Went::NotReached { output.paint(Paint::Dim, text) } else { text };
    format!("{} {text}", output.paint(paint, mark))
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
