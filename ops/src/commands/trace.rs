//! `lakeside trace`: one order's whole journey, and the verdict.

use crate::{
    arguments::TraceOptions,
    cloud::Cloud,
    failure::{Failure, Result},
    output::{Output, Paint, table},
    trace::{
        evidence::Evidence,
        report::Traced,
        timeline::draw,
        verdict::{State, Verdict},
    },
};

/// Gathers, judges, and shows both.
pub async fn run(cloud: &Cloud, output: Output, options: &TraceOptions) -> Result<()> {
    let evidence = Evidence::gather(cloud, options.whose.order_id, !options.no_logs).await?;
    let traced = Traced::of(&evidence);
    let Traced { order_id, timeline, records, verdict, .. } = &traced;
    output.show(&traced, || {
        let mut parts = Vec::new();
        if !timeline.is_empty() {
            let day = timeline.first().map(|entry| entry.at.to_string()).unwrap_or_default();
            let day = day.split('T').next().unwrap_or_default();
            let heading = output.paint(Paint::Bold, format!("order {order_id} on {day}, times in UTC"));
            parts.push(format!("{heading}\n{}", draw(output, timeline)));
        }
        if !records.is_empty() {
            let rows = records.iter().map(|r| [r.record.to_owned(), r.status.clone(), r.detail.clone()]);
            parts.push(table(["record", "status", ""], rows));
        }
        parts.push(said(output, verdict));
        parts.join("\n\n")
    })?;
    let sentence = || verdict.sentences.first().cloned().unwrap_or_default();
    match verdict.state {
        State::Ended | State::Moving | State::Waiting => Ok(()),
        State::Stuck => Err(Failure::wrong(format!("the order is stuck: {}", sentence()))),
        State::Unknown => Err(Failure::not_found(sentence())),
    }
}

/// The verdict for people.
fn said(output: Output, verdict: &Verdict) -> String {
    let (word, paint) = match verdict.state {
        State::Ended => ("ENDED", Paint::Good),
        State::Moving => ("MOVING", Paint::Good),
        State::Waiting => ("WAITING", Paint::Warn),
        State::Stuck => ("STUCK", Paint::Bad),
        State::Unknown => ("UNKNOWN", Paint::Bad),
    };
    let mut lines = vec![format!("{}  {}", output.paint(paint, word), verdict.sentences.join("\n  "))];
    lines.extend(verdict.next.iter().map(|command| format!("  next: {command}")));
    lines.join("\n")
}
