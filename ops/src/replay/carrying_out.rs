//! A replay from the first event to the books: it waits for the archive, tells, and sees that nothing has changed.

use std::{future::pending, time::Duration};

use lakeside_contracts::WireTime;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    aftermath::{Grown, grown},
    archives::Replay,
    following::{Told, follow},
    hearers::Hearer,
    planning::Plan,
    window::Window,
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    stock::books::Reconciled,
};

/// Between two looks at a replay, and at the queues after it.
const INTERVAL: Duration = Duration::from_secs(1);
/// Looks in a row that must find the queues empty, for they count approximately.
const CALM_LOOKS: u32 = 3;

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// The end of the window may not be in the archive yet.
    Archive {
        /// That have passed.
        seconds: u64,
        /// After which it is.
        of: u64,
    },
    /// EventBridge tells.
    Telling {
        /// The replay's name.
        replay: String,
        /// What was said until then is told.
        until: Option<WireTime>,
    },
    /// Those who heard it handle it.
    Handling {
        /// Messages in their queues.
        left: u64,
    },
    /// Pools and nodes are compared.
    Comparing {
        /// SKUs that were.
        done: usize,
        /// All SKUs.
        of: usize,
    },
}

/// What an interruption comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// Nothing was told.
    Before,
    /// The replay of this name is stopped.
    Stops(String),
    /// It has ended, and nobody looks what it left behind.
    After,
}

/// Waits until somebody presses once more than until now, whoever counts it.
pub fn pressed(mut presses: watch::Receiver<u32>) -> impl Future<Output = ()> + use<> {
    let before = *presses.borrow();
    async move {
        if presses.wait_for(|presses| *presses > before).await.is_err() {
            // Nobody can press any more.
            pending::<()>().await;
        }
    }
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Its name.
    pub replay: String,
    /// How the telling ended.
    pub told: Told,
    /// Whether those who heard it have handled it.
    pub at_rest: bool,
    /// Dead letters that were not there before.
    pub dead_letters: Vec<Grown>,
    /// What pools and nodes say of each other.
    pub books: Reconciled,
}

/// Tells what was planned, and looks what has come of it. `interrupted` is asked for in each part of it, and may end there.
///
/// # Errors
/// If it may not be told, it is interrupted before or after, or the cloud refuses.
pub async fn carry_out<F: Future<Output = ()>>(
    cloud: &Cloud,
    plan: &Plan,
    (lag, patience): (Duration, Duration),
    interrupted: impl Fn(Interruption) -> F,
    mut progress: impl FnMut(Stage),
) -> Result<Replayed> {
    plan.permitted()?;
    let before = cloud.dead_letters().await?;
    tokio::select! {
        () = interrupted(Interruption::Before) => return Err(Failure::guarded("interrupted: nothing was told")),
        () = in_the_archive(plan.window, lag, &mut progress) => {}
    }
    let name = replay_name(&plan.bus, clock::now());
    cloud.start_replay(&name, &plan.archive, plan.window, &plan.chosen).await?;
    let stops = interrupted(Interruption::Stops(name.clone()));
    let replay = Replay { cloud, name: &name };
    let told = follow(&replay, stops, INTERVAL, |until| {
        progress(Stage::Telling { replay: name.clone(), until });
    });
    let told = told.await.map_err(|failure| Failure {
        sentence: format!(
            "{}; {name} goes on unless you stop it by `aws events cancel-replay --replay-name {name}`",
            failure.sentence
        ),
        ..failure
    })?;
    // Whatever was told is to be handled, also of a replay that was stopped.
    let aftermath = async {
        let at_rest = rest(cloud, &plan.chosen, patience, &mut progress).await?;
        let dead_letters = grown(&before, &cloud.dead_letters().await?);
        let skus = cloud.skus().await?;
        let compared = |done| progress(Stage::Comparing { done, of: skus.len() });
        let books = cloud.reconcile(&skus, compared).await?;
        Ok::<_, Failure>((at_rest, dead_letters, books))
    };
    let (at_rest, dead_letters, books) = tokio::select! {
        found = aftermath => found?,
        () = interrupted(Interruption::After) => return Err(Failure::wrong(format!(
            "interrupted after {name} had ended: compare by `lakeside dlq list` and `lakeside stock reconcile`"
        ))),
    };
    Ok(Replayed { replay: name, told, at_rest, dead_letters, books })
}

/// EventBridge's name of a replay says of what and when.
fn replay_name(bus: &str, now: WireTime) -> String {
    format!("{bus}-{}", clock::stamp(now))
}

/// Waits until the archive has all of the window.
async fn in_the_archive(window: Window, lag: Duration, progress: &mut impl FnMut(Stage)) {
    let wait = window.sure_in(clock::now(), lag);
    let begun = Instant::now();
    while begun.elapsed() < wait {
        progress(Stage::Archive { seconds: begun.elapsed().as_secs(), of: wait.as_secs() });
        sleep(INTERVAL.min(wait.saturating_sub(begun.elapsed()))).await;
    }
}

/// Waits until the queues of those who were told are empty. Answers whether they are.
async fn rest(
    cloud: &Cloud,
    told: &[Hearer],
    patience: Duration,
    progress: &mut impl FnMut(Stage),
) -> Result<bool> {
    let mut queues: Vec<&str> =
        told.iter().flat_map(|hearer| hearer.queues.iter().map(String::as_str)).collect();
    queues.sort_unstable();
    queues.dedup();
    let begun = Instant::now();
    let mut calm = 0;
    loop {
        let left: u64 = cloud.consumers(&queues).await?.iter().map(|c| c.waiting + c.in_flight).sum();
        progress(Stage::Handling { left });
        calm = if left == 0 { calm + 1 } else { 0 };
        if calm >= CALM_LOOKS || begun.elapsed() >= patience {
            return Ok(calm >= CALM_LOOKS);
        }
        sleep(INTERVAL).await;
    }
}

impl Replayed {
    /// Nothing, if a replay has left nothing behind that it may not.
    ///
    /// # Errors
    /// With all that is wrong.
    pub fn well(&self, patience: Duration) -> Result<()> {
        let mut wrong = Vec::new();
        match &self.told {
            Told::Completed => {}
            Told::Cancelled => wrong.push("it was stopped half-way: replay the window again".to_owned()),
            Told::Failed { reason } => {
                wrong.push(format!("EventBridge gave up ({reason}): replay the window again"));
            }
        }
        if !self.at_rest {
            wrong.push(format!(
                "queues were not empty after {} s: see whether their consumers listen by `lakeside doctor`",
                patience.as_secs()
            ));
        }
        if let Some(Grown { queue, .. }) = self.dead_letters.first() {
            wrong.push(format!("dead letters of {queue} and others have grown: see `lakeside dlq list`"));
        }
        if !self.books.agrees() {
            wrong.push("pools and nodes do not agree: see docs/runbooks/stock-difference.md".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(Failure::wrong(wrong.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replay_is_well_only_if_all_was_told_handled_and_nothing_was_given_up_or_differs() {
        let replayed = |told, at_rest, dead_letters: &[Grown], books: &Reconciled| Replayed {
            replay: "lakeside-orders-1".into(),
            told,
            at_rest,
            dead_letters: dead_letters.to_vec(),
            books: books.clone(),
        };
        let agree = Reconciled { agree: 1, ..Reconciled::default() };
        let different = serde_json::from_value(
            json!({ "agree": 0, "different": { "TENT": [] }, "unsettled": 0, "moves": 0 }),
        );
        let different: Reconciled = different.unwrap();
        let grown = [Grown { queue: "order-status".into(), before: 0, after: 1 }];
        let failed = Told::Failed { reason: "no bus".into() };
        let patience = Duration::from_secs(1);
        assert_eq!(replayed(Told::Completed, true, &[], &agree).well(patience), Ok(()));
        for wrong in [
            replayed(Told::Cancelled, true, &[], &agree),
            replayed(failed, true, &[], &agree),
            replayed(Told::Completed, false, &[], &agree),
            replayed(Told::Completed, true, &grown, &agree),
            replayed(Told::Completed, true, &[], &different),
        ] {
            assert!(wrong.well(patience).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn who_presses_interrupts_what_is_under_way_and_not_what_comes_after() {
        let (presses, receiver) = watch::channel(0);
        let first = pressed(receiver.clone());
        presses.send_modify(|presses| *presses += 1);
        first.await;
        let second = pressed(receiver);
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, second).await.is_err(), "it was pressed before");
    }

    #[test]
    fn the_name_of_a_replay_says_of_which_bus_and_when() {
        let name = replay_name("lakeside-orders", clock::of_millis(1_795_769_260_000));
        assert_eq!(name, "lakeside-orders-20261127T084740000Z");
    }
}
