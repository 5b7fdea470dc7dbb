//! `lakeside dlq`: list, look, send back, and drop.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakeside_contracts::WireTime;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    arguments::{Chosen, DlqDropOptions, DlqListOptions, DlqPeekOptions, DlqRedriveOptions, DlqTask},
    clock,
    cloud::Cloud,
    dead_letters::{
        grouping::{Group, group, reason},
        letter::{About, Letter},
        moving::{Moved, Pace, send_back},
        queues::{HELD, SqsPost, Wanted, complaints, select},
    },
    environment::{Holds, Queue},
    failure::{Failure, Result},
    logs::LogLine,
    output::{Output, Paint, table},
};

const AT_A_TIME: usize = 4;
/// Between two looks at what became of a sample.
const INTERVAL: Duration = Duration::from_millis(500);

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: DlqTask) -> Result<()> {
    match task {
        DlqTask::List(options) => list(cloud, output, &options).await,
        DlqTask::Peek(options) => peek(cloud, output, &options).await,
        DlqTask::Redrive(options) => redrive(cloud, output, &options).await,
        DlqTask::Drop(options) => drop_letters(cloud, output, &options).await,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    queue: String,
    holds: Holds,
    waiting: u64,
    in_flight: u64,
    groups: Vec<Group>,
}

async fn list(cloud: &Cloud, output: Output, options: &DlqListOptions) -> Result<()> {
    let looks = cloud.environment.queues.iter().map(async |(name, queue)| {
        let depth = cloud.depth(&queue.dead_letter_url).await?;
        let letters = if depth.waiting + depth.in_flight == 0 {
            Vec::new()
        } else {
            cloud.peek(&queue.dead_letter_url, options.limit).await?
        };
        let log = complaints(cloud, queue, &letters).await?;
        let groups = group(&letters, &log);
        let (waiting, in_flight) = (depth.waiting, depth.in_flight);
        Ok::<_, Failure>(Listed { queue: name.clone(), holds: queue.holds, waiting, in_flight, groups })
    });
    let mut listed: Vec<Listed> = stream::iter(looks).buffered(AT_A_TIME).try_collect().await?;
    let queues = listed.len();
    listed.retain(|queue| options.all || queue.waiting + queue.in_flight > 0);
    output.show(&listed, || {
        if listed.is_empty() {
            return output.paint(Paint::Good, format!("{queues} dead-letter queues, all empty"));
        }
        let rows = listed.iter().flat_map(|queue| {
            let total = [
                queue.queue.clone(),
                (queue.waiting + queue.in_flight).to_string(),
                String::new(),
                String::new(),
                String::new(),
            ];
            let groups = queue.groups.iter().map(|group| {
                let oldest = clock::between(group.oldest, clock::now());
                [String::new(), group.letters.to_string(), oldest, group.what.clone(), group.reason.clone()]
            });
            std::iter::once(total).chain(groups).collect::<Vec<_>>()
        });
        table(["queue", "letters", "oldest", "what", "why"], rows)
    })
}

/// Letters of a queue by whether they are meant, and the consumer's lines about them. They are hidden from others.
struct Picked<'a> {
    name: &'a str,
    queue: &'a Queue,
    chosen: Vec<Letter>,
    others: Vec<Letter>,
    log: Vec<LogLine>,
}

async fn pick<'a>(cloud: &'a Cloud, wanted: &Chosen) -> Result<Picked<'a>> {
    let (name, queue) = cloud.environment.queue(&wanted.queue)?;
    let letters = cloud.letters_of_all(&queue.dead_letter_url, wanted.limit, HELD).await?;
    let log = match complaints(cloud, queue, &letters).await {
        Ok(log) => log,
        Err(failure) => {
            cloud.show_again(&queue.dead_letter_url, &letters).await?;
            return Err(failure);
        }
    };
    let by = Wanted {
        messages: wanted.messages.clone(),
        order: wanted.order.map(|order| order.to_string()),
        reason: wanted.reason.clone(),
    };
    let (chosen, others) = select(letters, &log, &by);
    cloud.show_again(&queue.dead_letter_url, &others).await?;
    if chosen.is_empty() {
        let count = others.len();
        return Err(Failure::not_found(format!(
            "none of the {count} letters of {name} is meant; `lakeside dlq list` says what lies where"
        )));
    }
    Ok(Picked { name, queue, chosen, others, log })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peeked {
    id: String,
    sent_at: WireTime,
    #[serde(flatten)]
    about: About,
    reason: String,
    body: Value,
}

async fn peek(cloud: &Cloud, output: Output, options: &DlqPeekOptions) -> Result<()> {
    let picked = pick(cloud, &options.chosen).await?;
    cloud.show_again(&picked.queue.dead_letter_url, &picked.chosen).await?;
    let peeked: Vec<Peeked> = picked
        .chosen
        .iter()
        .map(|letter| Peeked {
            id: letter.id.clone(),
            sent_at: letter.sent_at,
            about: letter.about(),
            reason: reason(letter, &picked.log),
            body: letter.shown(),
        })
        .collect();
    output.show(&peeked, || {
        let shown = peeked.iter().map(|letter| {
            let order = letter.about.order_id.map(|id| format!(" of order {id}")).unwrap_or_default();
            let heading = output.paint(Paint::Bold, format!("{} {}{order}", letter.id, letter.about.what));
            format!("{heading}\nsent {}, given up: {}\n{:#}", letter.sent_at, letter.reason, letter.body)
        });
        shown.collect::<Vec<_>>().join("\n\n")
    })
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

async fn redrive(cloud: &Cloud, output: Output, options: &DlqRedriveOptions) -> Result<()> {
    let (name, queue) = cloud.environment.queue(&options.chosen.queue)?;
    let url = way_back(name, queue)?;
    let picked = pick(cloud, &options.chosen).await?;
    let moved = send(cloud, output, options, &picked, url).await;
    // Whatever came of it: what is still there is for others to see at once. What is gone cannot be shown, which is no fault.
    let shown = cloud.show_again(&queue.dead_letter_url, &picked.chosen).await;
    let moved = moved?;
    let Some(moved) = moved else { return shown };
    output.show(&json!({ "queue": name, "moved": moved }), || match &moved {
        Moved::All { sent_back } => {
            format!("{sent_back} sent back to {name}; what comes back in `lakeside dlq list` is not repaired")
        }
        Moved::SampleFailed { sent_back, left, .. } | Moved::SampleUndecided { sent_back, left } => {
            format!("{sent_back} sent back to {name} as a sample, {left} left where they are")
        }
    })?;
    match moved {
        Moved::All { .. } => Ok(()),
        Moved::SampleFailed { reason, .. } => {
            Err(Failure::wrong(format!("the sample failed again: {reason}; remove the cause first")))
        }
        Moved::SampleUndecided { .. } => Err(Failure::wrong(format!(
            "nobody has handled the sample within {} s: see whether the consumer listens, or go without a sample by --sample 0",
            options.sample_seconds
        ))),
    }
}

async fn send(
    cloud: &Cloud,
    output: Output,
    options: &DlqRedriveOptions,
    picked: &Picked<'_>,
    url: &str,
) -> Result<Option<Moved>> {
    let (count, name) = (picked.chosen.len(), picked.name);
    let what = format!(
        "{count} of {} letters are to go back to {name}: {} first, then {} a second",
        count + picked.others.len(),
        options.sample.min(count),
        options.rate
    );
    if options.dry_run {
        let groups = group(&picked.chosen, &picked.log);
        output.show(&json!({ "dryRun": true, "queue": name, "letters": count, "groups": groups }), || {
            let rows = groups.iter().map(|g| [g.letters.to_string(), g.what.clone(), g.reason.clone()]);
            format!("dry run: {what}\n\n{}", table(["letters", "what", "why"], rows))
        })?;
        return Ok(None);
    }
    output.confirm(options.yes, &what)?;
    let post = SqsPost { cloud, queue: picked.queue, url, since: clock::now() };
    let pace = Pace {
        sample: options.sample,
        patience: Duration::from_secs(options.sample_seconds),
        interval: INTERVAL,
        per_second: options.rate,
    };
    let bar = output.bar(count, "{bar:40} {pos}/{len} sent back, {eta} left");
    let moved = send_back(&post, &picked.chosen, pace, |sent| {
        bar.set_position(u64::try_from(sent).unwrap_or(u64::MAX));
    })
    .await;
    bar.finish_and_clear();
    moved.map(Some)
}

async fn drop_letters(cloud: &Cloud, output: Output, options: &DlqDropOptions) -> Result<()> {
    let Chosen { messages, order, reason: text, .. } = &options.chosen;
    if messages.is_empty() && order.is_none() && text.is_none() && !options.all {
        return Err(Failure::usage(
            "say which letters are dropped by --message, --order or --reason, or --all",
        ));
    }
    let picked = pick(cloud, &options.chosen).await?;
    let url = &picked.queue.dead_letter_url;
    let count = picked.chosen.len();
    if !options.yes {
        cloud.show_again(url, &picked.chosen).await?;
        return Err(Failure::guarded(format!(
            "{count} letters of {} would be written into a file and deleted: each is an order, a fact or money, so say --yes if they are not needed",
            picked.name
        )));
    }
    let path = options.to.clone().unwrap_or_else(|| file_name(picked.name, clock::now()));
    if let Err(failure) = write_down(&path, &picked.chosen) {
        cloud.show_again(url, &picked.chosen).await?;
        return Err(failure);
    }
    for letter in &picked.chosen {
        cloud.delete_letter(url, letter).await?;
    }
    let shown = path.display().to_string();
    output.show(&json!({ "queue": picked.name, "dropped": count, "file": shown }), || {
        format!("{count} letters of {} dropped; they are in {shown}, whole: keep it to yourself", picked.name)
    })
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

    use super::*;
    use crate::{dead_letters::letter::tests::letter, environment::tests::environment, failure::Kind};

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
}
