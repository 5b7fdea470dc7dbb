//! `lakeside events`: tell again what was said on a bus, and see that nothing changed.

use std::{cell::RefCell, time::Duration};

use indicatif::ProgressBar;
use lakeside_contracts::WireTime;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::stock::draw_reconciled;
use crate::{
    arguments::events::{EventsListOptions, EventsTask, ReplayOptions},
    cloud::Cloud,
    failure::Result,
    output::{Output, Paint, table},
    replay::{
        aftermath::Grown,
        archives::Known,
        carrying_out::{Interruption, Replayed, Stage, carry_out, pressed},
        following::Told,
        hearers::Hearer,
        planning::{Plan, Wish},
        window::Window,
    },
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: EventsTask) -> Result<()> {
    match task {
        EventsTask::List(options) => list(cloud, output, &options).await,
        EventsTask::Replay(options) => replay(cloud, output, &options).await,
    }
}

async fn list(cloud: &Cloud, output: Output, options: &EventsListOptions) -> Result<()> {
    let known = cloud.replays(options.limit).await?;
    output.show(&known, || {
        if known.is_empty() {
            return "none".into();
        }
        let time = |time: Option<WireTime>| time.map(|time| time.to_string()).unwrap_or_default();
        let rows = known.iter().map(|replay| {
            let Known { name, state, archive, started_at, .. } = replay;
            [name.clone(), state.clone(), archive.clone(), time(*started_at)]
        });
        table(["replay", "state", "archive", "begun"], rows)
    })
}

fn draw_plan(output: Output, plan: &Plan) -> String {
    let row = |hearer: &Hearer| {
        let behind: Vec<&str> = hearer.targets.iter().map(|arn| shown(arn)).collect();
        [hearer.rule.clone(), behind.join(", "), hearer.events.join(", "), hearer.effect.sentence()]
    };
    let headings = ["rule", "target", "events", "what a second telling does"];
    let mut parts = vec![
        output.paint(Paint::Bold, plan.sentence()),
        plan.reckoning(),
        format!("told:\n{}", table(headings, plan.chosen.iter().map(row))),
    ];
    if !plan.others.is_empty() {
        parts.push(format!("not told:\n{}", table(headings, plan.others.iter().map(row))));
    }
    parts.join("\n\n")
}

/// The part of an ARN that people know.
fn shown(arn: &str) -> &str {
    arn.splitn(6, ':').last().unwrap_or(arn)
}

async fn replay(cloud: &Cloud, output: Output, options: &ReplayOptions) -> Result<()> {
    let ReplayOptions { bus, from, to, rules, although_effects, lag, rest_seconds, yes, dry_run } = options;
    let (lag, rest) = (Duration::from_secs(*lag), Duration::from_secs(*rest_seconds));
    let wish = Wish {
        bus: bus.clone(),
        from: *from,
        to: *to,
        rules: rules.clone(),
        although_effects: *although_effects,
        lag,
        rest,
    };
    let plan = Plan::of(cloud, &wish).await?;
    if *dry_run {
        output.show(&plan.document(), || format!("dry run: {}", draw_plan(output, &plan)))?;
        return plan.permitted();
    }
    plan.permitted()?;
    output.confirm(*yes, &plan.sentence())?;
    let bars = RefCell::new(Bars { output, window: plan.window, shown: None });
    let presses = presses();
    let interrupted = |comes_to| {
        let pressed = pressed(presses.clone());
        async move {
            pressed.await;
            if let Interruption::Stops(name) = comes_to {
                output.remark(&format!("stopping {name}; what was told by now is handled"));
            }
        }
    };
    let replayed =
        carry_out(cloud, &plan, (lag, rest), interrupted, |stage| bars.borrow_mut().show(&stage)).await;
    bars.borrow_mut().end();
    let replayed = replayed?;
    output.show(&replayed, || draw(output, &replayed))?;
    replayed.well(rest)
}

/// How often somebody has pressed Ctrl-C, from now on. Without a handler it ends this command, and the replay goes on.
fn presses() -> watch::Receiver<u32> {
    let (presses, receiver) = watch::channel(0);
    if let Ok(mut interrupts) = signal(SignalKind::interrupt()) {
        tokio::spawn(async move {
            while interrupts.recv().await.is_some() {
                presses.send_modify(|presses: &mut u32| *presses = presses.saturating_add(1));
            }
        });
    }
    receiver
}

/// One bar for each stage, and what is worth saying at its beginning.
struct Bars {
    output: Output,
    window: Window,
    shown: Option<(std::mem::Discriminant<Stage>, ProgressBar)>,
}

impl Bars {
    fn show(&mut self, stage: &Stage) {
        let kind = std::mem::discriminant(stage);
        if self.shown.as_ref().is_none_or(|(shown, _)| *shown != kind) {
            self.end();
            self.shown = Some((kind, self.begin(stage)));
        }
        let Some((_, bar)) = &self.shown else { return };
        bar.set_position(match stage {
            Stage::Archive { seconds, .. } => *seconds,
            Stage::Telling { until, .. } => until.map_or(0, |until| seconds(self.window.from, until)),
            Stage::Handling { left } => *left,
            Stage::Comparing { done, .. } => u64::try_from(*done).unwrap_or(u64::MAX),
        });
    }

    fn begin(&self, stage: &Stage) -> ProgressBar {
        let output = self.output;
        let length = |length: u64| usize::try_from(length).unwrap_or_default();
        match stage {
            Stage::Archive { of, .. } => {
                output.remark(&format!(
                    "the end of the window is sure to be in the archive in {of} s: waiting (--lag says how long it may take)"
                ));
                output.bar(length(*of), "{bar:40} {pos}/{len} s waited")
            }
            Stage::Telling { replay, .. } => {
                output.remark(&format!("{replay} begins; Ctrl-C stops it"));
                let all = seconds(self.window.from, self.window.to);
                output.bar(length(all), "{bar:40} {percent} % of the window told")
            }
            Stage::Handling { .. } => output.bar(0, "{spinner} {pos} messages are left to be handled"),
            Stage::Comparing { of, .. } => output.bar(*of, "{bar:40} {pos}/{len} SKUs compared"),
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

fn seconds(from: WireTime, to: WireTime) -> u64 {
    u64::try_from(to.0.as_millis().saturating_sub(from.0.as_millis()) / 1000).unwrap_or_default()
}

fn draw(output: Output, replayed: &Replayed) -> String {
    let Replayed { replay, told, at_rest, dead_letters, books } = replayed;
    let (word, paint) = match told {
        Told::Completed => ("all is told".to_owned(), Paint::Good),
        Told::Cancelled => ("stopped half-way".to_owned(), Paint::Warn),
        Told::Failed { reason } => (format!("EventBridge gave up: {reason}"), Paint::Bad),
    };
    let mut lines = vec![format!("{replay}: {}", output.paint(paint, word))];
    lines.push(if *at_rest {
        output.paint(Paint::Good, "those who heard it have handled it")
    } else {
        output.paint(Paint::Bad, "those who heard it have not handled all of it")
    });
    if dead_letters.is_empty() {
        lines.push(output.paint(Paint::Good, "no dead-letter queue has grown"));
    }
    for Grown { queue, before, after } in dead_letters {
        lines.push(output.paint(Paint::Bad, format!("{queue} has {after} dead letters, before it {before}")));
    }
    lines.push(draw_reconciled(output, books));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_shown_by_the_part_of_its_arn_that_people_know() {
        assert_eq!(shown("arn:aws:sqs:eu-central-1:111122223333:test-order-status"), "test-order-status");
    }
}
