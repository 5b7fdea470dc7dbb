//! The replay that this console has begun last: it goes on for many minutes, and whoever opens the page sees how far it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lakeside_contracts::WireTime;
use serde::Serialize;
use tokio::sync::watch;

use crate::{
    clock,
    failure::{Failure, Result},
    replay::carrying_out::Stage,
};

/// A replay, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// What was agreed to.
    pub what: String,
    /// When.
    pub begun_at: WireTime,
    /// How far it is; nothing if it has just begun.
    pub stage: Option<Stage>,
    /// Whether somebody has had it stopped.
    pub stopping: bool,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Whether all was told and nothing is wrong.
    pub well: bool,
    /// For people.
    pub sentence: String,
}

struct Begun {
    shown: Current,
    stop: watch::Sender<u32>,
}

/// Where it lies.
#[derive(Default)]
pub struct Desk(Mutex<Option<Begun>>);

impl Desk {
    fn begun(&self) -> MutexGuard<'_, Option<Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a replay, and answers what says that it is to stop.
    ///
    /// # Errors
    /// If another one is under way.
    pub fn begin(&self, what: &str) -> Result<watch::Receiver<u32>> {
        let mut begun = self.begun();
        if begun.as_ref().is_some_and(|begun| begun.shown.ended.is_none()) {
            return Err(Failure::guarded(
                "a replay that this console has begun is under way: wait for its end, or stop it",
            ));
        }
        let (stop, stops) = watch::channel(0);
        let what = what.to_owned();
        let shown = Current { what, begun_at: clock::now(), stage: None, stopping: false, ended: None };
        *begun = Some(Begun { shown, stop });
        Ok(stops)
    }

    fn change(&self, change: impl FnOnce(&mut Current)) {
        if let Some(begun) = self.begun().as_mut() {
            change(&mut begun.shown);
        }
    }

    /// Writes down how far it is.
    pub fn sees(&self, stage: Stage) {
        self.change(|shown| shown.stage = Some(stage));
    }

    /// Writes down how it ended.
    pub fn ends(&self, outcome: Result<String>) {
        let well = outcome.is_ok();
        let sentence = outcome.unwrap_or_else(|failure| failure.sentence);
        self.change(|shown| shown.ended = Some(Ended { well, sentence }));
    }

    /// Has it stopped.
    ///
    /// # Errors
    /// If none is under way.
    pub fn stop(&self) -> Result<()> {
        let mut begun = self.begun();
        let Some(begun) = begun.as_mut().filter(|begun| begun.shown.ended.is_none()) else {
            return Err(Failure::guarded("no replay of this console is under way: there is nothing to stop"));
        };
        begun.shown.stopping = true;
        begun.stop.send_modify(|stops| *stops = stops.saturating_add(1));
        Ok(())
    }

    /// The replay, if there was any.
    pub fn current(&self) -> Option<Current> {
        self.begun().as_ref().map(|begun| begun.shown.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::{failure::Kind, replay::carrying_out::pressed};

    #[tokio::test]
    async fn one_replay_is_under_way_at_a_time_and_may_be_stopped() {
        let desk = Desk::default();
        assert_eq!(desk.stop().unwrap_err().kind, Kind::Guarded);
        let stops = desk.begin("all").unwrap();
        assert_eq!(desk.begin("more").unwrap_err().kind, Kind::Guarded);
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, pressed(stops.clone())).await.is_err());
        let stopped = pressed(stops);
        desk.stop().unwrap();
        stopped.await;
        desk.sees(Stage::Handling { left: 3 });
        assert!(desk.current().unwrap().stopping);
        desk.ends(Err(Failure::wrong("half-way")));
        let ended = desk.current().unwrap();
        assert_eq!(ended.ended, Some(Ended { well: false, sentence: "half-way".into() }));
        assert_eq!(desk.stop().unwrap_err().kind, Kind::Guarded);
        desk.begin("more").unwrap();
        assert_eq!(desk.current().unwrap().ended, None);
    }
}
