//! The relay between two Regions of the emulator, in the place of what AWS does: a bus there is a target like any other,
//! which the emulator stores and does not deliver to.
//!
//! The relay hears what the rules that forward would hear, by their own patterns, and puts it where their targets are. The
//! emulator gives what is put to a bus the Region of that bus, where AWS would leave it the one it comes from: what the
//! relay has put is therefore known to it by its id, and not sent back once.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ops::ControlFlow,
    time::Duration,
};

use anyhow::{Context, ensure};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use lakeside_contracts::Delivery;
use tokio::time::sleep;

use crate::{
    capture::{DOMAINS, event_id, publish_again},
    cloud::Cloud,
    poll::eventually,
};

const INTERVAL: Duration = Duration::from_millis(100);

/// What carries events between two Regions, both ways.
#[derive(Debug)]
pub struct Relay<'a> {
    ways: [Way<'a>; 2],
    cut: Cell<bool>,
}

#[derive(Debug)]
struct Way<'a> {
    from: &'a Cloud,
    to: &'a Cloud,
    queue_url: String,
    /// Heard, and not yet carried.
    held: RefCell<Vec<Delivery>>,
    /// What came here by the other way and was not heard yet, and how often.
    foreign: RefCell<BTreeMap<String, usize>>,
    carried: Cell<usize>,
}

impl<'a> Relay<'a> {
    /// Begins to listen on both sides.
    ///
    /// # Errors
    /// If a Region forwards nothing, or not to the other one.
    pub async fn between(one: &'a Cloud, other: &'a Cloud) -> anyhow::Result<Self> {
        Ok(Self { ways: [Way::open(one, other).await?, Way::open(other, one).await?], cut: Cell::new(false) })
    }

    /// Carries nothing until it is mended: what is said meanwhile waits.
    pub fn cut(&self) {
        self.cut.set(true);
    }

    /// Carries again.
    pub fn mend(&self) {
        self.cut.set(false);
    }

    /// How many events were carried, there and back.
    pub fn carried(&self) -> [usize; 2] {
        self.ways.each_ref().map(|way| way.carried.get())
    }

    /// What the first Region has said and the second has not heard, while nothing is carried.
    ///
    /// # Errors
    /// If the queue does not answer.
    pub async fn unheard(&self) -> anyhow::Result<Vec<Delivery>> {
        let [there, _] = &self.ways;
        there.hear().await?;
        Ok(there.held.borrow().clone())
    }

    /// Waits until the second Region has heard all that the first one has said.
    ///
    /// # Errors
    /// With how much is missing if that takes longer than `deadline`.
    pub async fn caught_up(&self, deadline: Duration) -> anyhow::Result<()> {
        let [there, _] = &self.ways;
        eventually(
            &format!("{} hearing all of {}", there.to.region, there.from.region),
            deadline,
            async || {
                let waiting = there.from.depth(&there.queue_url).await?;
                let held = there.held.borrow().len();
                Ok(if waiting == 0 && held == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(format!("more than {} events are not there", waiting.max(1)))
                })
            },
        )
        .await
    }

    /// Carries until it is dropped.
    ///
    /// # Errors
    /// If a queue or a bus does not answer.
    pub async fn run(&self) -> anyhow::Result<()> {
        let [there, back] = &self.ways;
        loop {
            for (way, other) in [(there, back), (back, there)] {
                if !self.cut.get() {
                    way.hear().await?;
                }
                if !self.cut.get() {
                    way.carry(other).await?;
                }
            }
            sleep(INTERVAL).await;
        }
    }
}

impl<'a> Way<'a> {
    async fn open(from: &'a Cloud, to: &'a Cloud) -> anyhow::Result<Self> {
        let name = format!("drill-relay-{}", from.region);
        let queue_url = from.sqs.create_queue().queue_name(&name).send().await?.queue_url;
        let queue_url = queue_url.context("a queue without URL")?;
        let attributes = from.sqs.get_queue_attributes().queue_url(&queue_url);
        let attributes = attributes.attribute_names(QueueAttributeName::QueueArn).send().await?;
        let arn = attributes.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn));
        let arn = arn.context("a queue without ARN")?;
        for domain in DOMAINS {
            let (rule, bus) = (from.name(&format!("forward-{}", domain.name())), from.name(domain.name()));
            let described = from.events.describe_rule().name(&rule).event_bus_name(&bus).send().await;
            let described = described.with_context(|| format!("{} does not forward {bus}", from.region))?;
            let targets = from.events.list_targets_by_rule().rule(&rule).event_bus_name(&bus).send().await?;
            let end = format!(":event-bus/{bus}");
            let there = |target: &Target| {
                target.arn.contains(&format!(":{}:", to.region)) && target.arn.ends_with(&end)
            };
            ensure!(
                matches!(targets.targets(), [target] if there(target)),
                "{rule} does not forward to {bus} in {} alone",
                to.region
            );
            let pattern = described.event_pattern.context("a rule without pattern")?;
            from.events.put_rule().name(&name).event_bus_name(&bus).event_pattern(pattern).send().await?;
            let target = Target::builder().id("relay").arn(arn).build()?;
            from.events.put_targets().rule(&name).event_bus_name(&bus).targets(target).send().await?;
        }
        // What an earlier drill on this cloud has left.
        from.sqs.purge_queue().queue_url(&queue_url).send().await?;
        Ok(Self {
            from,
            to,
            queue_url,
            held: RefCell::default(),
            foreign: RefCell::default(),
            carried: Cell::new(0),
        })
    }

    /// Takes in what was said, but for what came from the other side.
    async fn hear(&self) -> anyhow::Result<()> {
        loop {
            let received =
                self.from.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let messages =
                received.send().await.context("the relay does not hear")?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                let event: Delivery = serde_json::from_str(message.body().unwrap_or_default())?;
                if !self.is_foreign(&event)? {
                    self.held.borrow_mut().push(event);
                }
                let delete = self.from.sqs.delete_message().queue_url(&self.queue_url);
                delete.set_receipt_handle(message.receipt_handle).send().await?;
            }
        }
    }

    /// Whether the relay itself has put this here. What is said again here afterwards is said here.
    fn is_foreign(&self, event: &Delivery) -> anyhow::Result<bool> {
        let mut foreign = self.foreign.borrow_mut();
        let times = foreign.entry(id(event)?).or_default();
        let known = *times > 0;
        *times = times.saturating_sub(1);
        Ok(known)
    }

    async fn carry(&self, back: &Self) -> anyhow::Result<()> {
        let events = self.held.take();
        for event in &events {
            let id = id(event)?;
            let mut foreign = back.foreign.borrow_mut();
            let times = foreign.entry(id).or_default();
            *times = times.saturating_add(1);
        }
        publish_again(self.to, &events).await?;
        self.carried.set(self.carried.get().saturating_add(events.len()));
        Ok(())
    }
}

fn id(event: &Delivery) -> anyhow::Result<String> {
    Ok(event_id(event).context("an event without id")?.to_owned())
}
