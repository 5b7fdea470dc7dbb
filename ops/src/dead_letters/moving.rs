//! Sending dead letters back: a few first, to see whether the cause is gone, then the rest at a rate.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{letter::Letter, queues::HELD};
use crate::failure::{Failure, Result};

/// How many letters go first, if nobody says otherwise.
pub const SAMPLE: usize = 1;
/// For how long is waited for what becomes of them, if nobody says otherwise.
pub const SAMPLE_SECONDS: u64 = 60;
/// Letters in a second at most, afterwards, if nobody says otherwise.
pub const RATE: u32 = 10;
/// Letters in a second, whoever asks.
const MAX_RATE: u32 = 1000;
/// Less than what is sent back is held for.
const MAX_SAMPLE_SECONDS: u64 = 600;
/// Between two looks at what became of a sample.
const INTERVAL: Duration = Duration::from_millis(500);

/// A queue and its dead-letter queue, as far as moving needs them.
pub trait Post {
    /// Sends a letter to the queue that it came from, and answers its new id.
    async fn send_back(&self, letter: &Letter) -> Result<String>;
    /// Deletes a letter from the dead-letter queue.
    async fn delete(&self, letter: &Letter) -> Result<()>;
    /// Keeps these from others for some minutes more, or fails if others may have one of them.
    async fn hold(&self, letters: &[Letter]) -> Result<()>;
    /// Looks once what became of these messages that were sent back.
    async fn look(&self, sent: &[String]) -> Result<Look>;
}

/// What became of messages that were sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nothing yet.
    Pending,
    /// The consumer has taken them all, and has complained of none.
    Handled,
    /// The consumer says why not.
    Failed(String),
}

/// How to send back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many go first.
    pub sample: usize,
    /// For how long is waited for what becomes of them.
    pub patience: Duration,
    /// Between two looks.
    pub interval: Duration,
    /// Messages in a second at most, afterwards.
    pub per_second: u32,
    /// After so long, what is left is held again.
    pub hold_every: Duration,
}

impl Pace {
    /// A sample, the seconds that are waited for what becomes of it, and letters in a second afterwards.
    ///
    /// # Errors
    /// If the rest would not go on, or faster than anybody watches, or be shown to others meanwhile.
    pub fn asked(sample: usize, sample_seconds: u64, per_second: u32) -> Result<Self> {
        if !(1..=MAX_RATE).contains(&per_second) {
            return Err(Failure::usage(format!(
                "letters go back at a rate of 1 to {MAX_RATE} a second, not {per_second}"
            )));
        }
        if sample_seconds > MAX_SAMPLE_SECONDS {
            return Err(Failure::usage(format!(
                "for what becomes of a sample is waited for {MAX_SAMPLE_SECONDS} s at most, not {sample_seconds}"
            )));
        }
        let patience = Duration::from_secs(sample_seconds);
        Ok(Self { sample, patience, interval: INTERVAL, per_second, hold_every: HELD / 3 })
    }
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "outcome")]
pub enum Moved {
    /// All of them are back in their queue.
    #[serde(rename_all = "camelCase")]
    All {
        /// How many.
        sent_back: usize,
    },
    /// The sample failed again: the rest was left where it is.
    #[serde(rename_all = "camelCase")]
    SampleFailed {
        /// How many were sent back.
        sent_back: usize,
        /// How many were left.
        left: usize,
        /// Why.
        reason: String,
    },
    /// Nobody has handled the sample in time: the rest was left where it is.
    #[serde(rename_all = "camelCase")]
    SampleUndecided {
        /// How many were sent back.
        sent_back: usize,
        /// How many were left.
        left: usize,
    },
}

impl Moved {
    /// Nothing, if all are back in their queue.
    ///
    /// # Errors
    /// With why the rest was left, and what to do about it.
    pub fn all_or_why(&self, pace: Pace) -> Result<()> {
        match self {
            Self::All { .. } => Ok(()),
            Self::SampleFailed { reason, .. } => {
                Err(Failure::wrong(format!("the sample failed again: {reason}; remove the cause first")))
            }
            Self::SampleUndecided { .. } => Err(Failure::wrong(format!(
                "nobody has handled the sample within {} s: see whether the consumer listens, or go without a sample by --sample 0",
                pace.patience.as_secs()
            ))),
        }
    }
}

/// Looks in a row that must find the sample handled, for queues count approximately.
const CALM_LOOKS: u32 = 3;
/// Sends letters back. A letter is sent before it is deleted: one that was sent twice does no harm, one that was lost would.
///
/// # Errors
/// If a queue refuses, or letters are not held any more; what was sent back stays so.
pub async fn send_back(
    post: &impl Post,
    letters: &[Letter],
    pace: Pace,
    mut progress: impl FnMut(usize),
) -> Result<Moved> {
    let (sample, mut rest) = letters.split_at(pace.sample.min(letters.len()));
    let mut sent = Vec::new();
    // Whoever agreed may have thought about it for long.
    post.hold(letters).await?;
    let mut held = Instant::now();
    for letter in sample {
        sent.push(move_one(post, letter).await?);
        progress(sent.len());
    }
    if !rest.is_empty() && !sample.is_empty() {
        let end = Instant::now() + pace.patience;
        let mut calm = 0;
        while calm < CALM_LOOKS {
            let look = post.look(&sent).await?;
            calm = if look == Look::Handled { calm + 1 } else { 0 };
            match look {
                Look::Failed(reason) => {
                    return Ok(Moved::SampleFailed { sent_back: sent.len(), left: rest.len(), reason });
                }
                Look::Pending if Instant::now() >= end => {
                    return Ok(Moved::SampleUndecided { sent_back: sent.len(), left: rest.len() });
                }
                Look::Handled | Look::Pending => sleep_until(Instant::now() + pace.interval).await,
            }
        }
    }
    let gap = Duration::from_secs(1) / pace.per_second.max(1);
    let mut next = Instant::now();
    while let Some((letter, others)) = rest.split_first() {
        sleep_until(next).await;
        next += gap;
        if held.elapsed() >= pace.hold_every {
            post.hold(rest).await?;
            held = Instant::now();
        }
        sent.push(move_one(post, letter).await?);
        progress(sent.len());
        rest = others;
    }
    Ok(Moved::All { sent_back: sent.len() })
}

async fn move_one(post: &impl Post, letter: &Letter) -> Result<String> {
    let id = post.send_back(letter).await?;
    post.delete(letter).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::json;

    use super::{super::letter::tests::letter, *};
    use crate::failure::Kind;

    /// Writes down what is done, and says of a sample what it was told to say.
    struct Book {
        done: RefCell<Vec<String>>,
        looks: RefCell<Vec<Look>>,
        /// Of how many letters it was told to hold them.
        held: RefCell<Vec<usize>>,
        /// How many times it can.
        holds: usize,
        refuses: Option<&'static str>,
    }

    impl Book {
        fn saying(looks: &[Look]) -> Self {
            Self {
                done: RefCell::default(),
                looks: RefCell::new(looks.iter().rev().cloned().collect()),
                held: RefCell::default(),
                holds: usize::MAX,
                refuses: None,
            }
        }

        fn done(&self) -> Vec<String> {
            self.done.borrow().clone()
        }
    }

    impl Post for Book {
        async fn send_back(&self, letter: &Letter) -> Result<String> {
            if self.refuses == Some(letter.id.as_str()) {
                return Err(Failure::wrong("full"));
            }
            self.done.borrow_mut().push(format!("send {}", letter.id));
            Ok(format!("new-{}", letter.id))
        }

        async fn delete(&self, letter: &Letter) -> Result<()> {
            self.done.borrow_mut().push(format!("delete {}", letter.id));
            Ok(())
        }

        async fn hold(&self, letters: &[Letter]) -> Result<()> {
            if self.held.borrow().len() == self.holds {
                return Err(Failure::wrong("somebody else has them"));
            }
            self.held.borrow_mut().push(letters.len());
            Ok(())
        }

        async fn look(&self, sent: &[String]) -> Result<Look> {
            assert_eq!(sent, ["new-a"], "the sample is what is looked for");
            let look = self.looks.borrow_mut().pop().unwrap_or(Look::Pending);
            self.done.borrow_mut().push(format!("{look:?}"));
            Ok(look)
        }
    }

    const PACE: Pace = Pace {
        sample: 1,
        patience: Duration::from_mins(1),
        interval: Duration::from_millis(1),
        per_second: 1000,
        hold_every: Duration::from_mins(5),
    };

    fn letters() -> [Letter; 3] {
        ["a", "b", "c"].map(|id| letter(id, &json!({})))
    }

    #[test]
    fn the_rest_goes_on_and_not_faster_than_anybody_watches() {
        assert_eq!(Pace::asked(3, 60, 1000).unwrap().sample, 3);
        for rate in [0, 1001] {
            assert_eq!(Pace::asked(SAMPLE, SAMPLE_SECONDS, rate).unwrap_err().kind, Kind::Usage);
        }
        assert_eq!(Pace::asked(SAMPLE, 601, RATE).unwrap_err().kind, Kind::Usage);
    }

    #[tokio::test]
    async fn the_rest_goes_only_after_the_sample_was_handled() {
        let book = Book::saying(&[Look::Handled, Look::Pending, Look::Handled, Look::Handled, Look::Handled]);
        let moved = send_back(&book, &letters(), PACE, |_| {}).await.unwrap();
        assert_eq!(moved, Moved::All { sent_back: 3 });
        let done = book.done().join(", ");
        let looks = "Handled, Pending, Handled, Handled, Handled";
        assert_eq!(done, format!("send a, delete a, {looks}, send b, delete b, send c, delete c"));
    }

    #[tokio::test]
    async fn a_sample_that_fails_again_keeps_the_rest_where_it_is() {
        let book = Book::saying(&[Look::Failed("busy".into())]);
        let moved = send_back(&book, &letters(), PACE, |_| {}).await.unwrap();
        assert_eq!(moved, Moved::SampleFailed { sent_back: 1, left: 2, reason: "busy".into() });
        assert_eq!(book.done(), ["send a", "delete a", "Failed(\"busy\")"]);
    }

    #[tokio::test]
    async fn a_sample_that_nobody_handles_keeps_the_rest_where_it_is() {
        let book = Book::saying(&[]);
        let pace = Pace { patience: Duration::from_millis(5), ..PACE };
        let moved = send_back(&book, &letters(), pace, |_| {}).await.unwrap();
        assert_eq!(moved, Moved::SampleUndecided { sent_back: 1, left: 2 });
    }

    #[tokio::test]
    async fn the_rest_goes_no_faster_than_it_may() {
        let book = Book::saying(&[]);
        let began = Instant::now();
        send_back(&book, &letters(), Pace { per_second: 20, sample: 0, ..PACE }, |_| {}).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(100), "the third of three waits for two gaps");
    }

    #[tokio::test]
    async fn what_is_left_is_held_from_the_beginning_and_again_however_long_it_takes() {
        let held = async |pace| {
            let book = Book::saying(&[]);
            send_back(&book, &letters(), Pace { sample: 0, ..pace }, |_| {}).await.unwrap();
            book.held.into_inner()
        };
        assert_eq!(held(PACE).await, [3]);
        assert_eq!(held(Pace { hold_every: Duration::ZERO, ..PACE }).await, [3, 3, 2, 1]);
    }

    #[tokio::test]
    async fn what_somebody_else_may_have_is_not_sent() {
        for (holds, done) in [(0, [].as_slice()), (2, &["send a", "delete a"])] {
            let book = Book { holds, ..Book::saying(&[]) };
            let pace = Pace { sample: 0, hold_every: Duration::ZERO, ..PACE };
            send_back(&book, &letters(), pace, |_| {}).await.unwrap_err();
            assert_eq!(book.done(), done);
        }
    }

    #[tokio::test]
    async fn what_could_not_be_sent_is_not_deleted() {
        let book = Book { refuses: Some("b"), ..Book::saying(&[]) };
        send_back(&book, &letters(), Pace { sample: 0, ..PACE }, |_| {}).await.unwrap_err();
        assert_eq!(book.done(), ["send a", "delete a"]);
    }
}
