//! What people do with dead letters: list, look, send back. Whoever asks goes through the same guards.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakeside_contracts::WireTime;
use serde::Serialize;
use serde_json::Value;

use super::{
    grouping::{Group, group, reason},
    letter::{About, Letter},
    moving::{Moved, Pace, send_back},
    queues::{HELD, SqsPost, Wanted, complaints, select},
};
use crate::{
    clock,
    cloud::Cloud,
    environment::{Holds, Queue},
    failure::{Failure, Result},
    logs::LogLine,
};

const AT_A_TIME: usize = 4;

/// What lies in one dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The queue.
    pub queue: String,
    /// What it holds.
    pub holds: Holds,
    /// Letters that wait.
    pub waiting: u64,
    /// Letters that somebody looks at.
    pub in_flight: u64,
    /// By what they are and why they were given up.
    pub groups: Vec<Group>,
}

/// What lies in every dead-letter queue, of up to `limit` letters each.
///
/// # Errors
/// If a queue or a log cannot be read.
pub async fn list(cloud: &Cloud, limit: usize) -> Result<Vec<Listed>> {
    let queues = &cloud.environment.queues;
    let looks: Vec<_> = queues.iter().map(|(name, queue)| list_one(cloud, name, queue, limit)).collect();
    stream::iter(looks).buffered(AT_A_TIME).try_collect().await
}

async fn list_one(cloud: &Cloud, name: &str, queue: &Queue, limit: usize) -> Result<Listed> {
    let depth = cloud.depth(&queue.dead_letter_url).await?;
    let letters = if depth.waiting + depth.in_flight == 0 {
        Vec::new()
    } else {
        cloud.peek(&queue.dead_letter_url, limit).await?
    };
    let log = complaints(cloud, queue, &letters).await?;
    let groups = group(&letters, &log);
    let (waiting, in_flight) = (depth.waiting, depth.in_flight);
    Ok(Listed { queue: name.to_owned(), holds: queue.holds, waiting, in_flight, groups })
}

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The queue, by any of its names.
    pub queue: String,
    /// Which of its letters.
    pub wanted: Wanted,
    /// How many are looked at.
    pub limit: usize,
}

/// Letters of a queue by whether they are meant, and the consumer's lines about them.
pub(super) struct Picked<'a> {
    pub name: &'a str,
    pub queue: &'a Queue,
    pub chosen: Vec<Letter>,
    others: usize,
    log: Vec<LogLine>,
}

/// The letters that are meant, which are hidden from others until they are shown again.
pub(super) async fn pick<'a>(cloud: &'a Cloud, choice: &Choice) -> Result<Picked<'a>> {
    let (name, queue) = cloud.environment.queue(&choice.queue)?;
    let letters = cloud.letters_of_all(&queue.dead_letter_url, choice.limit, HELD).await?;
    let log = match complaints(cloud, queue, &letters).await {
        Ok(log) => log,
        Err(failure) => {
            cloud.show_again(&queue.dead_letter_url, &letters).await?;
            return Err(failure);
        }
    };
    let (chosen, others) = select(letters, &log, &choice.wanted);
    cloud.show_again(&queue.dead_letter_url, &others).await?;
    let others = others.len();
    if chosen.is_empty() {
        return Err(Failure::not_found(format!(
            "none of the {others} letters of {name} is meant; `lakeside dlq list` says what lies where"
        )));
    }
    Ok(Picked { name, queue, chosen, others, log })
}

impl Picked<'_> {
    pub async fn show_again(&self, cloud: &Cloud) -> Result<()> {
        cloud.show_again(&self.queue.dead_letter_url, &self.chosen).await
    }

    pub fn offer(&self, what: String) -> Offer {
        Offer {
            queue: self.name.to_owned(),
            letters: self.chosen.len(),
            groups: group(&self.chosen, &self.log),
            what,
        }
    }
}

/// A letter, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peeked {
    /// SQS's id.
    pub id: String,
    /// When it was first sent.
    pub sent_at: WireTime,
    /// What it is.
    #[serde(flatten)]
    pub about: About,
    /// Why it was given up.
    pub reason: String,
    /// What of its body may be shown.
    pub body: Value,
}

/// Looks at letters.
///
/// # Errors
/// If none is meant, or the queue refuses.
pub async fn peek(cloud: &Cloud, choice: &Choice) -> Result<Vec<Peeked>> {
    let picked = pick(cloud, choice).await?;
    picked.show_again(cloud).await?;
    let peeked = picked.chosen.iter().map(|letter| Peeked {
        id: letter.id.clone(),
        sent_at: letter.sent_at,
        about: letter.about(),
        reason: reason(letter, &picked.log),
        body: letter.shown(),
    });
    Ok(peeked.collect())
}

/// What is about to happen to letters, for somebody to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The queue.
    pub queue: String,
    /// How many letters are meant.
    pub letters: usize,
    /// What they are.
    pub groups: Vec<Group>,
    /// What will happen, for people.
    #[serde(skip)]
    pub what: String,
}

/// Sends letters back, if they may go back and `agree` says yes; nothing if it says no.
///
/// # Errors
/// If a guard or `agree` refuses, none is meant, or the cloud refuses; what was sent back stays so.
pub async fn redrive(
    cloud: &Cloud,
    choice: &Choice,
    pace: Pace,
    agree: impl FnOnce(&Offer) -> Result<bool>,
    progress: impl FnMut(usize),
) -> Result<Option<Moved>> {
    let (name, queue) = cloud.environment.queue(&choice.queue)?;
    let url = way_back(name, queue)?;
    let picked = pick(cloud, choice).await?;
    let count = picked.chosen.len();
    let offer = picked.offer(format!(
        "{count} of {} letters are to go back to {name}: {} first, then {} a second",
        count + picked.others,
        pace.sample.min(count),
        pace.per_second
    ));
    let moved = match agree(&offer) {
        Ok(true) => {
            let post = SqsPost { cloud, queue, url, since: clock::now() };
            send_back(&post, &picked.chosen, pace, progress).await.map(Some)
        }
        Ok(false) => Ok(None),
        Err(failure) => Err(failure),
    };
    // Whatever came of it: what is still there is for others to see at once.
    let shown = picked.show_again(cloud).await;
    let moved = moved?;
    if moved.is_none() {
        shown?;
    }
    Ok(moved)
}

/// Where letters go back to, if they may.
fn way_back<'a>(name: &str, queue: &'a Queue) -> Result<&'a str> {
    queue.url.as_deref().ok_or_else(|| {
        Failure::guarded(match queue.holds {
            Holds::Positions => format!(
                "what lies in {name} are positions in a stream, which no queue takes: docs/runbooks/outbox-stuck.md and levels-stuck.md say how their records are handled again"
            ),
            Holds::Runs => format!("what lies in {name} are missed runs: the next one does the same, so drop them"),
            Holds::Events | Holds::Messages => format!(
                "what lies in {name} are events that a target did not take: replay them from the archive, or drop them"
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::tests::environment, failure::Kind};

    #[test]
    fn positions_in_a_stream_go_back_to_no_queue() {
        let environment = environment();
        let back = |name| {
            let (name, queue) = environment.queue(name).unwrap();
            way_back(name, queue)
        };
        assert_eq!(back("capture-payment"), Ok("http://q/test-capture-payment"));
        assert_eq!(back("fulfilment-publish-outbox").unwrap_err().kind, Kind::Guarded);
    }
}
