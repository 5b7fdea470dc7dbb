//! Following a replay to its end, which may be called for.

use std::{future::Future, time::Duration};

use lakeside_contracts::WireTime;
use serde::Serialize;
use tokio::time::sleep;

use crate::failure::Result;

/// A replay, as far as following needs it.
pub trait Telling {
    /// Looks once how far it is.
    async fn look(&self) -> Result<Look>;
    /// Has it stopped. What is on queues by then stays there.
    async fn stop(&self) -> Result<()>;
}

/// How far a replay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Under way, and what was said until then is told.
    Telling(Option<WireTime>),
    /// All is told.
    Completed,
    /// It was stopped.
    Cancelled,
    /// EventBridge gave up.
    Failed(String),
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "outcome")]
pub enum Told {
    /// All is told.
    Completed,
    /// It was stopped half-way.
    Cancelled,
    /// EventBridge gave up.
    Failed {
        /// Why, as it says.
        reason: String,
    },
}

/// Follows a replay to its end, and has it stopped at the first interruption.
///
/// # Errors
/// If EventBridge refuses to say how far it is, or to stop it. It goes on by itself in either case.
pub async fn follow(
    telling: &impl Telling,
    interrupted: impl Future<Output = ()>,
    interval: Duration,
    mut progress: impl FnMut(Option<WireTime>),
) -> Result<Told> {
    let mut interrupted = std::pin::pin!(interrupted);
    let mut stopping = false;
    loop {
        match telling.look().await? {
            Look::Completed => return Ok(Told::Completed),
            Look::Cancelled => return Ok(Told::Cancelled),
            Look::Failed(reason) => return Ok(Told::Failed { reason }),
            Look::Telling(until) => progress(until),
        }
        tokio::select! {
            biased;
            () = &mut interrupted, if !stopping => {
                stopping = true;
                if let Err(refused) = telling.stop().await {
                    // It may have ended at this moment.
                    if matches!(telling.look().await?, Look::Telling(_)) {
                        return Err(refused);
                    }
                }
            }
            () = sleep(interval) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{clock, failure::Failure};

    /// A replay that is so and so far at each look, the last for good, and what was asked of it.
    struct Scripted {
        looks: RefCell<Vec<Look>>,
        stoppable: bool,
        stops: RefCell<u32>,
    }

    impl Scripted {
        fn new(looks: &[Look], stoppable: bool) -> Self {
            Self { looks: RefCell::new(looks.to_vec()), stoppable, stops: RefCell::default() }
        }
    }

    impl Telling for Scripted {
        async fn look(&self) -> Result<Look> {
            let mut looks = self.looks.borrow_mut();
            Ok(if looks.len() > 1 { looks.remove(0) } else { looks[0].clone() })
        }

        async fn stop(&self) -> Result<()> {
            *self.stops.borrow_mut() += 1;
            if self.stoppable { Ok(()) } else { Err(Failure::wrong("it has ended")) }
        }
    }

    const SOON: Duration = Duration::from_millis(1);

    fn until(millis: i64) -> Look {
        Look::Telling(Some(clock::of_millis(millis)))
    }

    #[tokio::test]
    async fn a_replay_is_followed_to_its_end() {
        let telling = Scripted::new(&[Look::Telling(None), until(5), until(9), Look::Completed], true);
        let mut seen = Vec::new();
        let told = follow(&telling, std::future::pending(), SOON, |at| seen.push(at)).await;
        assert_eq!(told, Ok(Told::Completed));
        assert_eq!(seen, [None, Some(clock::of_millis(5)), Some(clock::of_millis(9))]);
        assert_eq!(*telling.stops.borrow(), 0);
        let telling = Scripted::new(&[until(5), Look::Failed("no bus".into())], true);
        let told = follow(&telling, std::future::pending(), SOON, |_| {}).await;
        assert_eq!(told, Ok(Told::Failed { reason: "no bus".into() }));
    }

    #[tokio::test]
    async fn who_interrupts_stops_it_once_and_learns_how_it_ended() {
        let telling = Scripted::new(&[until(5), until(5), until(6), Look::Cancelled], true);
        let told = follow(&telling, std::future::ready(()), SOON, |_| {}).await;
        assert_eq!((told, *telling.stops.borrow()), (Ok(Told::Cancelled), 1));
    }

    #[tokio::test]
    async fn a_replay_that_ended_before_it_could_be_stopped_has_ended() {
        let telling = Scripted::new(&[until(5), Look::Completed], false);
        assert_eq!(follow(&telling, std::future::ready(()), SOON, |_| {}).await, Ok(Told::Completed));
        let stubborn = Scripted::new(&[until(5)], false);
        assert!(follow(&stubborn, std::future::ready(()), SOON, |_| {}).await.is_err());
    }
}
