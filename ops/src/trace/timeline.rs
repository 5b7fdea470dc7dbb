//! One timeline of everything that is known of an order.

use std::collections::BTreeSet;

use lakeside_contracts::{WireTime, events as wire};
use lakeside_domain::{
    allocation::AllocationStatus, label::LabelStatus, payment::PaymentStatus, reservation::ReservationStatus,
};
use serde::Serialize;

use super::evidence::Evidence;
use crate::{
    clock,
    events::{describe, price},
    output::{Output, Paint},
    records::{reason, state_name},
    saga::{
        approval::Decision,
        history::{Execution, Visit},
    },
};

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum From {
    /// A fact: what was said on a bus.
    Event,
    /// The saga.
    Saga,
    /// A log.
    Log,
    /// A dead-letter queue.
    DeadLetter,
}

impl From {
    const fn label(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Saga => "saga",
            Self::Log => "log",
            Self::DeadLetter => "dead letter",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When.
    pub at: WireTime,
    /// Where it was read.
    pub from: From,
    /// What.
    pub what: String,
    /// What is worth knowing about it.
    pub detail: String,
    /// Whether something failed.
    pub fault: bool,
}

/// Where one record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Which record.
    pub record: &'static str,
    /// Its status.
    pub status: String,
    /// What is worth knowing about it.
    pub detail: String,
}

/// Everything that happened, oldest first; an event that two places know is told once.
pub fn entries(evidence: &Evidence) -> Vec<Entry> {
    let mut entries = events(evidence);
    entries.extend(evidence.executions.iter().flat_map(saga));
    entries.extend(evidence.logs.iter().map(|line| {
        Entry {
            at: line.at,
            from: From::Log,
            what: line.function.clone(),
            detail: line
                .error
                .as_ref()
                .map_or_else(|| line.message.clone(), |error| format!("{}: {error}", line.message)),
            fault: line.level == "ERROR" || line.level == "WARN",
        }
    }));
    entries.extend(evidence.dead_letters.iter().map(|letter| Entry {
        at: letter.sent_at,
        from: From::DeadLetter,
        what: letter.queue.clone(),
        detail: format!("{}, given up since: {}", letter.about.what, letter.reason),
        fault: true,
    }));
    entries.sort_by(|a, b| (a.at, a.from, &a.what).cmp(&(b.at, b.from, &b.what)));
    entries
}

fn events(evidence: &Evidence) -> Vec<Entry> {
    let records = &evidence.records;
    let mut told = BTreeSet::new();
    let mut entries = Vec::new();
    for said in &records.said {
        if told.insert(said.event_id) {
            entries.push(Entry {
                at: said.at,
                from: From::Event,
                what: said.event.detail_type.clone(),
                detail: describe(&said.event).unwrap_or_else(|error| error.to_string()),
                fault: is_bad(&said.event.detail_type),
            });
        }
    }
    for fact in &records.facts {
        if told.insert(fact.event_id) {
            entries.push(Entry {
                at: WireTime(fact.known.occurred_at),
                from: From::Event,
                what: fact.known.event.clone(),
                detail: fact.known.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
                fault: is_bad(&fact.known.event),
            });
        }
    }
    entries
}

/// Events that nobody wishes for.
fn is_bad(detail_type: &str) -> bool {
    use lakeside_contracts::EventData as _;
    [
        wire::OrderRejected::DETAIL_TYPE,
        wire::OrderCancelled::DETAIL_TYPE,
        wire::StockReservationFailed::DETAIL_TYPE,
        wire::PaymentDeclined::DETAIL_TYPE,
        wire::FulfilmentFailed::DETAIL_TYPE,
        wire::FulfilmentParked::DETAIL_TYPE,
    ]
    .contains(&detail_type)
}

fn saga(execution: &Execution) -> Vec<Entry> {
    let whose = if execution.is_recovery() { "recovery" } else { "saga" };
    let entry = |at, what: String, detail: String, fault| Entry { at, from: From::Saga, what, detail, fault };
    let mut entries =
        vec![entry(execution.started_at, format!("{whose} begins"), execution.name.clone(), false)];
    // Choices and ends take no time and decide nothing that the next state does not show.
    let shown = |visit: &&Visit| {
        !visit.state.ends_with('?')
            && !["Start", "Fulfilled", "Compensated", "Parked"].contains(&visit.state.as_str())
    };
    for visit in execution.visits.iter().filter(shown) {
        let took = visit
            .left_at
            .map_or_else(|| "not left yet".into(), |left| clock::between(visit.entered_at, left));
        entries.push(entry(visit.entered_at, visit.state.clone(), took, false));
        if let Some(last) = visit.failures.last() {
            let detail = format!("failed {} times, at last with {}", visit.failures.len(), last.error);
            entries.push(entry(last.at, visit.state.clone(), detail, true));
        }
    }
    if let Some(stopped) = execution.stopped_at {
        let error = execution.error.clone().unwrap_or_default();
        entries.push(entry(stopped, format!("{whose} {}", execution.status), error, !execution.succeeded()));
    }
    entries
}

/// Where each record stands.
pub fn standings(evidence: &Evidence) -> Vec<Standing> {
    let records = &evidence.records;
    let mut standings = Vec::new();
    let mut add = |record, status: &str, detail: String| {
        standings.push(Standing { record, status: status.to_owned(), detail });
    };
    if let Some(order) = &records.order {
        let total = order.order.as_ref().map(|order| price(order.total)).unwrap_or_default();
        let why = reason(&order.state).map(ToString::to_string);
        let unwanted = order.cancellation_requested_at.map(|_| "its customer wants it cancelled".to_owned());
        let parts = [Some(total).filter(|total| !total.is_empty()), why, unwanted];
        add("order", state_name(&order.state), parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    if let Some(reservation) = &records.reservation {
        let status = match reservation.status {
            ReservationStatus::Held => "HELD",
            ReservationStatus::Committed => "COMMITTED",
            ReservationStatus::Released => "RELEASED",
            ReservationStatus::Refused => "REFUSED",
        };
        let takes = reservation.takes.iter().map(|take| format!("{} {}", take.units, take.sku));
        let until = (reservation.status == ReservationStatus::Held)
            .then(|| format!("until {}", WireTime(reservation.expires_at)));
        add("reservation", status, takes.chain(until).collect::<Vec<_>>().join(", "));
    }
    if let Some(approval) = &records.approval {
        let asked = approval.requested_at.as_deref().map(|at| format!("asked at {at}"));
        add("approval", Decision::of(approval, &evidence.executions).name(), asked.unwrap_or_default());
    }
    if let Some(payment) = &records.payment {
        let why = match &payment.status {
            PaymentStatus::Declined { reason } => format!(", {reason}"),
            _ => String::new(),
        };
        add(
            "payment",
            payment_status(&payment.status),
            format!("{}{why}, since {}", price(payment.amount), payment.since()),
        );
    }
    if let Some(allocation) = &records.allocation {
        let status = if allocation.status == AllocationStatus::Allocated { "ALLOCATED" } else { "RELEASED" };
        let nodes = allocation.shipments.iter().map(|shipment| shipment.node.to_string());
        add("allocation", status, nodes.collect::<Vec<_>>().join(", "));
    }
    for label in &records.labels {
        let (status, detail) = match &label.status {
            LabelStatus::Requested => ("REQUESTED", String::new()),
            LabelStatus::Created { tracking_number } => ("CREATED", tracking_number.to_string()),
            LabelStatus::Refused { reason } => ("REFUSED", reason.to_string()),
            LabelStatus::Voided => ("VOIDED", String::new()),
        };
        add("label", status, detail);
    }
    if let Some(closed) = &records.closed {
        add("labels", "CLOSED", format!("since {}", WireTime(closed.closed_at)));
    }
    if records.conflicts > 0 {
        add("submissions", "CONFLICT", format!("{} others came under the same id", records.conflicts));
    }
    standings
}

/// A payment's status as it is written.
pub const fn payment_status(status: &PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Capturing => "CAPTURING",
        PaymentStatus::Captured => "CAPTURED",
        PaymentStatus::Declined { .. } => "DECLINED",
        PaymentStatus::Reversing => "REVERSING",
        PaymentStatus::Refunded => "REFUNDED",
        PaymentStatus::Voided => "VOIDED",
        PaymentStatus::Cancelled => "CANCELLED",
    }
}

/// The timeline for people: the time since the first entry, where each comes from, and what it says.
pub fn draw(output: Output, entries: &[Entry]) -> String {
    let Some(first) = entries.first() else { return "nothing happened".into() };
    let width = entries.iter().map(|entry| entry.what.chars().count()).max().unwrap_or_default().min(40);
    let lines = entries.iter().map(|entry| {
        let since = format!("+{}", clock::between(first.at, entry.at));
        let what = format!("{:<width$}", entry.what);
        let what = if entry.fault { output.paint(Paint::Bad, what) } else { what };
        let from = output.paint(Paint::Dim, format!("{:<11}", entry.from.label()));
        format!("{} {since:>13}  {from}  {what}  {}", clock::of_day(entry.at), entry.detail)
            .trim_end()
            .to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
