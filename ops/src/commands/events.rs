//! `lakeside events`: tell again what was said on a bus, and see that nothing changed.

use std::time::Duration;

use lakeside_contracts::WireTime;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    signal::ctrl_c,
    time::{Instant, sleep},
};

use super::stock::{compare, draw_reconciled};
use crate::{
    arguments::events::{EventsListOptions, EventsTask, ReplayOptions},
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    output::{Output, Paint, table},
    replay::{
        aftermath::{Grown, grown},
        archives::{Known, Replay},
        following::{Told, follow},
        hearers::{Hearer, choose, permit},
        window::{Archive, Estimate, Window},
    },
    stock::books::Reconciled,
};

/// Between two looks at a replay, and at the queues after it.
const INTERVAL: Duration = Duration::from_secs(1);
/// Looks in a row that must find the queues empty, for they count approximately.
const CALM_LOOKS: u32 = 3;

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

/// What is to be told to whom.
struct Plan<'a> {
    archive: Archive,
    window: Window,
    estimate: Estimate,
    chosen: Vec<&'a Hearer>,
    others: Vec<&'a Hearer>,
}

impl Plan<'_> {
    /// With why it may not be told, if it may not.
    fn document(&self, refused: Option<&Failure>) -> Value {
        let Self { archive, window, estimate, chosen, others } = self;
        let refused = refused.map(|failure| &failure.sentence);
        json!({
            "dryRun": true, "refused": refused, "archive": archive.name, "from": window.from, "to": window.to,
            "estimate": estimate, "tells": chosen, "others": others,
        })
    }

    /// How much, to how many.
    fn sentence(&self) -> String {
        let Self { window, estimate, chosen, .. } = self;
        let rules = if chosen.len() == 1 { "1 rule".to_owned() } else { format!("{} rules", chosen.len()) };
        format!(
            "about {} events, said from {} to {}, are to be told again to {rules}",
            estimate.events, window.from, window.to
        )
    }

    fn draw(&self, output: Output) -> String {
        let row = |hearer: &&Hearer| {
            let behind: Vec<&str> = hearer.targets.iter().map(|arn| shown(arn)).collect();
            [hearer.rule.clone(), behind.join(", "), hearer.events.join(", "), hearer.effect.sentence()]
        };
        let headings = ["rule", "target", "events", "what a second telling does"];
        let Self { archive, estimate, chosen, others, .. } = self;
        let mut parts = vec![
            output.paint(Paint::Bold, self.sentence()),
            format!(
                "The number is what an even spread of the {} events ({} bytes) would have there that {} holds since {}; EventBridge \
                 counts them late, and each rule hears only its own of them.",
                estimate.of_events, estimate.of_bytes, archive.name, estimate.since
            ),
            format!("told:\n{}", table(headings, chosen.iter().map(row))),
        ];
        if !others.is_empty() {
            parts.push(format!("not told:\n{}", table(headings, others.iter().map(row))));
        }
        parts.join("\n\n")
    }
}

/// The part of an ARN that people know.
fn shown(arn: &str) -> &str {
    arn.splitn(6, ':').last().unwrap_or(arn)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed<'a> {
    replay: &'a str,
    told: &'a Told,
    at_rest: bool,
    dead_letters: &'a [Grown],
    books: &'a Reconciled,
}

async fn replay(cloud: &Cloud, output: Output, options: &ReplayOptions) -> Result<()> {
    let bus = cloud.environment.bus(&options.bus)?;
    let now = clock::now();
    let window = Window::new(options.from, options.to, now)?;
    let archive = cloud.archive(&options.bus).await?;
    let estimate = archive.estimate(window, now)?;
    let rules = cloud.rules(&bus.name).await?.into_iter();
    let hearers: Vec<Hearer> = rules.map(|rule| Hearer::of(rule, &cloud.environment)).collect();
    let chosen = choose(&hearers, &options.rules, &cloud.environment.platform.prefix)?;
    let is_chosen = |hearer: &&Hearer| chosen.iter().any(|chosen| chosen.rule == hearer.rule);
    let others = hearers.iter().filter(|hearer| !is_chosen(hearer)).collect();
    let permitted = permit(&chosen, window, now, options.although_effects);
    let plan = Plan { archive, window, estimate, chosen, others };
    if options.dry_run {
        let document = plan.document(permitted.as_ref().err());
        output.show(&document, || format!("dry run: {}", plan.draw(output)))?;
        return permitted;
    }
    permitted?;
    output.confirm(options.yes, &plan.sentence())?;

    let before = cloud.dead_letters().await?;
    wait_for_archive(output, window, Duration::from_secs(options.lag)).await?;
    let name = replay_name(&bus.name, clock::now());
    cloud.start_replay(&name, &plan.archive, window, &plan.chosen).await?;
    output.remark(&format!("{name} begins; Ctrl-C stops it"));
    let told = tell(cloud, output, &name, window).await?;
    // Whatever was told is to be handled, also of a replay that was stopped.
    let aftermath = async {
        let at_rest = rest(cloud, output, &plan.chosen, Duration::from_secs(options.rest_seconds)).await?;
        let grown = grown(&before, &cloud.dead_letters().await?);
        let books = compare(cloud, output, &cloud.skus().await?).await?;
        Ok::<_, Failure>((at_rest, grown, books))
    };
    let (at_rest, dead_letters, books) = tokio::select! {
        found = aftermath => found?,
        _ = ctrl_c() => return Err(Failure::wrong(format!(
            "interrupted after {name} had ended: compare by `lakeside dlq list` and `lakeside stock reconcile`"
        ))),
    };
    let replayed =
        Replayed { replay: &name, told: &told, at_rest, dead_letters: &dead_letters, books: &books };
    output.show(&replayed, || draw(output, &replayed))?;
    judge(&replayed, options.rest_seconds)
}

/// EventBridge's name of a replay says of what and when.
fn replay_name(bus: &str, now: WireTime) -> String {
    let stamp: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{bus}-{stamp}")
}

async fn wait_for_archive(output: Output, window: Window, lag: Duration) -> Result<()> {
    let wait = window.sure_in(clock::now(), lag);
    if wait.is_zero() {
        return Ok(());
    }
    output.remark(&format!(
        "the end of the window is sure to be in the archive in {} s: waiting (--lag says how long it may take)",
        wait.as_secs()
    ));
    let bar =
        output.bar(usize::try_from(wait.as_secs()).unwrap_or_default(), "{bar:40} {pos}/{len} s waited");
    let begun = Instant::now();
    let passed = async {
        while begun.elapsed() < wait {
            bar.set_position(begun.elapsed().as_secs());
            sleep(INTERVAL.min(wait.saturating_sub(begun.elapsed()))).await;
        }
    };
    let outcome = tokio::select! {
        () = passed => Ok(()),
        _ = ctrl_c() => Err(Failure::guarded("interrupted: nothing was told")),
    };
    bar.finish_and_clear();
    outcome
}

/// Follows the replay, and stops it if somebody presses Ctrl-C.
async fn tell(cloud: &Cloud, output: Output, name: &str, window: Window) -> Result<Told> {
    let seconds = |from: WireTime, to: WireTime| {
        usize::try_from(to.0.as_millis().saturating_sub(from.0.as_millis()) / 1000).unwrap_or_default()
    };
    let bar = output.bar(seconds(window.from, window.to), "{bar:40} {percent} % of the window told");
    let interrupted = async {
        // Without a handler Ctrl-C ends this command, and the replay goes on.
        if ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        output.remark(&format!("stopping {name}; what was told by now is handled"));
    };
    let told = follow(&Replay { cloud, name }, interrupted, INTERVAL, |until| {
        let done = until.map_or(0, |until| seconds(window.from, until));
        bar.set_position(u64::try_from(done).unwrap_or_default());
    })
    .await;
    bar.finish_and_clear();
    told.map_err(|failure| Failure {
        sentence: format!(
            "{}; {name} goes on unless you stop it by `aws events cancel-replay --replay-name {name}`",
            failure.sentence
        ),
        ..failure
    })
}

/// Waits until the queues of those who were told are empty. Answers whether they are.
async fn rest(cloud: &Cloud, output: Output, told: &[&Hearer], patience: Duration) -> Result<bool> {
    let mut queues: Vec<&str> =
        told.iter().flat_map(|hearer| hearer.queues.iter().map(String::as_str)).collect();
    queues.sort_unstable();
    queues.dedup();
    let bar = output.bar(0, "{spinner} {pos} messages are left to be handled");
    let begun = Instant::now();
    let mut calm = 0;
    loop {
        let left: u64 = cloud.consumers(&queues).await?.iter().map(|c| c.waiting + c.in_flight).sum();
        bar.set_position(left);
        calm = if left == 0 { calm + 1 } else { 0 };
        if calm >= CALM_LOOKS || begun.elapsed() >= patience {
            bar.finish_and_clear();
            return Ok(calm >= CALM_LOOKS);
        }
        sleep(INTERVAL).await;
    }
}

fn draw(output: Output, replayed: &Replayed<'_>) -> String {
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
    for Grown { queue, before, after } in *dead_letters {
        lines.push(output.paint(Paint::Bad, format!("{queue} has {after} dead letters, before it {before}")));
    }
    lines.push(draw_reconciled(output, books));
    lines.join("\n")
}

/// What a replay may not leave behind.
fn judge(replayed: &Replayed<'_>, rest_seconds: u64) -> Result<()> {
    let mut wrong = Vec::new();
    match replayed.told {
        Told::Completed => {}
        Told::Cancelled => wrong.push("it was stopped half-way: replay the window again".to_owned()),
        Told::Failed { reason } => {
            wrong.push(format!("EventBridge gave up ({reason}): replay the window again"));
        }
    }
    if !replayed.at_rest {
        wrong.push(format!(
            "queues were not empty after {rest_seconds} s: see whether their consumers listen by `lakeside doctor`"
        ));
    }
    if let Some(Grown { queue, .. }) = replayed.dead_letters.first() {
        wrong.push(format!("dead letters of {queue} and others have grown: see `lakeside dlq list`"));
    }
    if !replayed.books.agrees() {
        wrong.push("pools and nodes do not agree: see docs/runbooks/stock-difference.md".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::wrong(wrong.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Output = Output { json: false, colour: false };

    fn replayed<'a>(
        told: &'a Told,
        at_rest: bool,
        grown: &'a [Grown],
        books: &'a Reconciled,
    ) -> Replayed<'a> {
        Replayed { replay: "lakeside-orders-1", told, at_rest, dead_letters: grown, books }
    }

    #[test]
    fn a_replay_is_well_only_if_all_was_told_handled_and_nothing_was_given_up_or_differs() {
        let agree = Reconciled { agree: 1, ..Reconciled::default() };
        let different = serde_json::from_value(
            json!({ "agree": 0, "different": { "TENT": [] }, "unsettled": 0, "moves": 0 }),
        );
        let different: Reconciled = different.unwrap();
        let grown = [Grown { queue: "order-status".into(), before: 0, after: 1 }];
        let failed = Told::Failed { reason: "no bus".into() };
        assert_eq!(judge(&replayed(&Told::Completed, true, &[], &agree), 1), Ok(()));
        for wrong in [
            replayed(&Told::Cancelled, true, &[], &agree),
            replayed(&failed, true, &[], &agree),
            replayed(&Told::Completed, false, &[], &agree),
            replayed(&Told::Completed, true, &grown, &agree),
            replayed(&Told::Completed, true, &[], &different),
        ] {
            assert!(judge(&wrong, 1).is_err(), "{}", draw(QUIET, &wrong));
        }
    }

    #[test]
    fn the_name_of_a_replay_says_of_which_bus_and_when() {
        let name = replay_name("lakeside-orders", clock::of_millis(1_795_769_260_000));
        assert_eq!(name, "lakeside-orders-20261127T084740000Z");
        assert_eq!(shown("arn:aws:sqs:eu-central-1:111122223333:test-order-status"), "test-order-status");
    }
}
