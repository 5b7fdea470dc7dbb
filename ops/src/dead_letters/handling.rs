//! What people do with dead letters: list, look, send back, drop. Whoever asks goes through the same guards.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

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
struct Picked<'a> {
    name: &'a str,
    queue: &'a Queue,
    chosen: Vec<Letter>,
    others: usize,
    log: Vec<LogLine>,
}

/// The letters that are meant, which are hidden from others until they are shown again.
async fn pick<'a>(cloud: &'a Cloud, choice: &Choice) -> Result<Picked<'a>> {
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
    async fn show_again(&self, cloud: &Cloud) -> Result<()> {
        cloud.show_again(&self.queue.dead_letter_url, &self.chosen).await
    }

    fn offer(&self, what: String) -> Offer {
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
    // Whatever came of it: what is still there is for others to see at once. What is gone cannot be shown, which is no fault.
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

/// Letters that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The queue.
    pub queue: String,
    /// How many.
    pub dropped: usize,
    /// Where they were written, whole.
    pub file: String,
}

/// Writes letters into a file and deletes them, if some are named, or `all` of them, and `agree` says yes; nothing if it says no.
///
/// # Errors
/// If a guard or `agree` refuses, none is named or meant, or the file cannot be written: then nothing is deleted.
pub async fn drop_letters(
    cloud: &Cloud,
    choice: &Choice,
    all: bool,
    to: Option<PathBuf>,
    agree: impl FnOnce(&Offer) -> Result<bool>,
) -> Result<Option<Dropped>> {
    named(&choice.wanted, all)?;
    let picked = pick(cloud, choice).await?;
    let count = picked.chosen.len();
    let offer = picked.offer(format!(
        "{count} letters of {} would be written into a file and deleted: each is an order, a fact or money",
        picked.name
    ));
    let path = to.unwrap_or_else(|| file_name(picked.name, clock::now()));
    let written = agree(&offer).and_then(|agreed| {
        if agreed {
            write_down(&path, &picked.chosen)?;
        }
        Ok(agreed)
    });
    if written != Ok(true) {
        picked.show_again(cloud).await?;
        return written.map(|_| None);
    }
    for letter in &picked.chosen {
        cloud.delete_letter(&picked.queue.dead_letter_url, letter).await?;
    }
    let file = path.display().to_string();
    Ok(Some(Dropped { queue: picked.name.to_owned(), dropped: count, file }))
}

/// Nobody means all letters by saying nothing.
fn named(wanted: &Wanted, all: bool) -> Result<()> {
    if *wanted == Wanted::default() && !all {
        return Err(Failure::usage(
            "say which letters are dropped by --message, --order or --reason, or --all",
        ));
    }
    Ok(())
}

fn file_name(queue: &str, now: WireTime) -> PathBuf {
    let stamp: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    PathBuf::from(format!("dropped-{queue}-{stamp}.jsonl"))
}

/// Writes letters whole, one a line, for their owner alone, and not over anything.
fn write_down(path: &Path, letters: &[Letter]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Failure::wrong(format!("cannot write {}, so nothing is dropped: {error}", path.display()))
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    for letter in letters {
        let line = serde_json::to_string(letter).map_err(|error| {
            Failure::wrong(format!("a letter has no JSON form, so nothing is dropped: {error}"))
        })?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use serde_json::json;

    use super::{super::letter::tests::letter, *};
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

    #[test]
    fn what_is_dropped_is_written_whole_for_its_owner_alone_and_never_over_another_file() {
        let path = std::env::temp_dir().join(format!("lakeside-dropped-{}", uuid::Uuid::new_v4()));
        let letters = [letter("a", &json!({ "taskToken": "secret" }))];
        write_down(&path, &letters).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        assert!(written.contains("secret") && written.lines().count() == 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write_down(&path, &letters).unwrap_err().kind, Kind::Wrong);
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_name_of_the_file_says_of_which_queue_and_when() {
        let name = file_name("capture-payment", clock::of_millis(1_795_769_260_000));
        assert_eq!(name, PathBuf::from("dropped-capture-payment-20261127T084740000Z.jsonl"));
    }

    #[test]
    fn all_letters_are_meant_only_by_whoever_says_so() {
        assert_eq!(named(&Wanted::default(), false).unwrap_err().kind, Kind::Usage);
        assert_eq!(named(&Wanted::default(), true), Ok(()));
        assert_eq!(named(&Wanted { messages: vec!["a".into()], ..Wanted::default() }, false), Ok(()));
    }
}
