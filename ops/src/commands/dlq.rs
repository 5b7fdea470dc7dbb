//! `lakeside dlq`: list, look, send back, and drop.

use std::cell::OnceCell;

use serde_json::json;

use crate::{
    arguments::{Chosen, DlqDropOptions, DlqListOptions, DlqPeekOptions, DlqRedriveOptions, DlqTask},
    clock,
    cloud::Cloud,
    dead_letters::{
        dropping,
        handling::{self, Choice, Offer},
        moving::{Moved, Pace},
        queues::Wanted,
    },
    failure::{Failure, Result},
    output::{Output, Paint, table},
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, task: DlqTask) -> Result<()> {
    match task {
        DlqTask::List(options) => list(cloud, output, &options).await,
        DlqTask::Peek(options) => peek(cloud, output, &options).await,
        DlqTask::Redrive(options) => redrive(cloud, output, &options).await,
        DlqTask::Drop(options) => drop_letters(cloud, output, &options).await,
    }
}

async fn list(cloud: &Cloud, output: Output, options: &DlqListOptions) -> Result<()> {
    let mut listed = handling::list(cloud, options.limit).await?;
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

impl Chosen {
    fn choice(&self) -> Choice {
        Choice {
            queue: self.queue.clone(),
            wanted: Wanted {
                messages: self.messages.clone(),
                order: self.order.map(|order| order.to_string()),
                reason: self.reason.clone(),
            },
            limit: self.limit,
        }
    }
}

async fn peek(cloud: &Cloud, output: Output, options: &DlqPeekOptions) -> Result<()> {
    let peeked = handling::peek(cloud, &options.chosen.choice()).await?;
    output.show(&peeked, || {
        let shown = peeked.iter().map(|letter| {
            let order = letter.about.order_id.map(|id| format!(" of order {id}")).unwrap_or_default();
            let heading = output.paint(Paint::Bold, format!("{} {}{order}", letter.id, letter.about.what));
            format!("{heading}\nsent {}, given up: {}\n{:#}", letter.sent_at, letter.reason, letter.body)
        });
        shown.collect::<Vec<_>>().join("\n\n")
    })
}

async fn redrive(cloud: &Cloud, output: Output, options: &DlqRedriveOptions) -> Result<()> {
    let pace = Pace::asked(options.sample, options.sample_seconds, options.rate)?;
    let bar = OnceCell::new();
    let agree = |offer: &Offer| {
        let agreed = say(output, options, offer)?;
        if agreed {
            bar.get_or_init(|| output.bar(offer.letters, "{bar:40} {pos}/{len} sent back, {eta} left"));
        }
        Ok(agreed)
    };
    let progress = |sent| {
        if let Some(bar) = bar.get() {
            bar.set_position(u64::try_from(sent).unwrap_or(u64::MAX));
        }
    };
    let moved = handling::redrive(cloud, &options.chosen.choice(), pace, agree, progress).await;
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    let Some(moved) = moved? else { return Ok(()) };
    let name = cloud.environment.queue(&options.chosen.queue)?.0;
    output.show(&json!({ "queue": name, "moved": moved }), || match &moved {
        Moved::All { sent_back } => {
            format!("{sent_back} sent back to {name}; what comes back in `lakeside dlq list` is not repaired")
        }
        Moved::SampleFailed { sent_back, left, .. } | Moved::SampleUndecided { sent_back, left } => {
            format!("{sent_back} sent back to {name} as a sample, {left} left where they are")
        }
    })?;
    moved.all_or_why(pace)
}

/// Says what is to be done; whether it is done is up to the caller, or to whoever is asked.
fn say(output: Output, options: &DlqRedriveOptions, offer: &Offer) -> Result<bool> {
    let Offer { queue, letters, groups, what } = offer;
    if options.dry_run {
        output.show(
            &json!({ "dryRun": true, "queue": queue, "letters": letters, "groups": groups }),
            || {
                let rows = groups.iter().map(|g| [g.letters.to_string(), g.what.clone(), g.reason.clone()]);
                format!("dry run: {what}\n\n{}", table(["letters", "what", "why"], rows))
            },
        )?;
        return Ok(false);
    }
    output.confirm(options.yes, what)?;
    Ok(true)
}

async fn drop_letters(cloud: &Cloud, output: Output, options: &DlqDropOptions) -> Result<()> {
    let agree = |offer: &Offer| {
        if options.yes {
            return Ok(true);
        }
        Err(Failure::guarded(format!("{}, so say --yes if they are not needed", offer.what)))
    };
    let choice = options.chosen.choice();
    let dropped = dropping::drop_letters(cloud, &choice, options.all, options.to.clone(), agree).await?;
    dropped.map_or(Ok(()), |dropped| {
        output.show(&dropped, || {
            format!(
                "{} letters of {} dropped; they are in {}, whole: keep it to yourself",
                dropped.dropped, dropped.queue, dropped.file
            )
        })
    })
}
