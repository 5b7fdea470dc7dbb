//! Listening to the buses: a queue and a rule of one's own on each, as any new consumer would have them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    time::Duration,
};

use anyhow::{Context, anyhow};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use lakeside_contracts::{Delivery, Domain};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{cloud::Cloud, poll::eventually};

/// The domains that have something to say.
pub const DOMAINS: [Domain; 4] = Domain::ALL;

/// SQS and EventBridge take at most this many entries in one request.
const MAX_ENTRIES: usize = 10;

/// A queue that hears every bus, and what it has heard so far.
#[derive(Debug)]
pub struct Capture {
    name: String,
    queue_url: String,
    /// Deliveries in the order of their arrival.
    pub heard: Vec<Delivery>,
}

impl Capture {
    /// Begins to listen to the events of these orders.
    ///
    /// # Errors
    /// If queue or rules cannot be made.
    pub async fn of_orders(cloud: &Cloud, orders: &[Uuid]) -> anyhow::Result<Self> {
        Self::listen(cloud, &json!({ "detail": { "metadata": { "correlationId": orders } } })).await
    }

    /// Begins to listen to what the replay called `name` brings back.
    ///
    /// # Errors
    /// If queue or rules cannot be made.
    pub async fn of_replay(cloud: &Cloud, name: &str) -> anyhow::Result<Self> {
        Self::listen(cloud, &json!({ "replay-name": [{ "prefix": name }] })).await
    }

    async fn listen(cloud: &Cloud, pattern: &Value) -> anyhow::Result<Self> {
        let name = format!("e2e-{}", Uuid::new_v4().simple());
        let created = cloud.sqs.create_queue().queue_name(&name).send().await;
        let queue_url = created.context("cannot create a queue")?.queue_url.context("a queue without URL")?;
        let attributes = cloud
            .sqs
            .get_queue_attributes()
            .queue_url(&queue_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        let arn = attributes
            .attributes()
            .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
            .context("a queue without ARN")?;
        for domain in DOMAINS {
            let mut pattern = pattern.clone();
            pattern
                .as_object_mut()
                .context("a pattern is an object")?
                .insert("source".into(), json!([domain.source()]));
            let bus = cloud.name(domain.name());
            cloud
                .events
                .put_rule()
                .name(&name)
                .event_bus_name(&bus)
                .event_pattern(pattern.to_string())
                .send()
                .await
                .with_context(|| format!("cannot listen to the bus {bus}"))?;
            let target = Target::builder().id("queue").arn(arn).build()?;
            cloud.events.put_targets().rule(&name).event_bus_name(&bus).targets(target).send().await?;
        }
        Ok(Self { name, queue_url, heard: Vec::new() })
    }

    /// Takes in what has arrived since, and answers how many events that were.
    ///
    /// # Errors
    /// If the queue does not answer or holds something that is no event.
    pub async fn take_in(&mut self, cloud: &Cloud) -> anyhow::Result<usize> {
        let before = self.heard.len();
        loop {
            let received = cloud
                .sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .send()
                .await
                .context("cannot receive events")?;
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(self.heard.len().saturating_sub(before));
            }
            let mut handles = Vec::new();
            for (position, message) in messages.into_iter().enumerate() {
                let body = message.body.unwrap_or_default();
                let event = serde_json::from_str(&body).with_context(|| format!("`{body}` is no event"))?;
                self.heard.push(event);
                let handle = DeleteMessageBatchRequestEntry::builder()
                    .id(position.to_string())
                    .receipt_handle(message.receipt_handle.unwrap_or_default())
                    .build()?;
                handles.push(handle);
            }
            cloud
                .sqs
                .delete_message_batch()
                .queue_url(&self.queue_url)
                .set_entries(Some(handles))
                .send()
                .await?;
        }
    }

    /// Listens until each of these events was heard of every order, as many as are listed if there are several of a type.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn hear(
        &mut self,
        cloud: &Cloud,
        orders: &[Uuid],
        detail_types: &[&str],
        deadline: Duration,
    ) -> anyhow::Result<()> {
        eventually("the events", deadline, async || {
            self.take_in(cloud).await?;
            let missing: Vec<String> = orders
                .iter()
                .flat_map(|order| detail_types.iter().map(move |detail_type| (order, detail_type)))
                .filter(|(order, detail_type)| {
                    let wanted = detail_types.iter().filter(|wanted| wanted == detail_type).count();
                    self.facts(**order, detail_type).len() < wanted
                })
                .map(|(order, detail_type)| format!("{detail_type} of {order}"))
                .collect();
            Ok(if missing.is_empty() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(missing.join(", "))
            })
        })
        .await
    }

    /// The ids of what was heard of this type of an order.
    fn facts(&self, order: Uuid, detail_type: &str) -> BTreeSet<&str> {
        let of_type = self.heard.iter().filter(|event| event.detail_type == detail_type);
        of_type.filter(|event| correlation_id(event) == Some(order)).filter_map(event_id).collect()
    }

    /// How many events of each kind were heard.
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for event in &self.heard {
            *kinds.entry(event.detail_type.as_str()).or_default() += 1;
        }
        kinds
    }

    /// Stops listening.
    ///
    /// # Errors
    /// If the queue or a rule cannot be removed.
    pub async fn close(self, cloud: &Cloud) -> anyhow::Result<()> {
        for domain in DOMAINS {
            let bus = cloud.name(domain.name());
            cloud.events.remove_targets().rule(&self.name).event_bus_name(&bus).ids("queue").send().await?;
            cloud.events.delete_rule().name(&self.name).event_bus_name(&bus).send().await?;
        }
        cloud.sqs.delete_queue().queue_url(&self.queue_url).send().await?;
        Ok(())
    }
}

/// The order that an event belongs to.
pub fn correlation_id(event: &Delivery) -> Option<Uuid> {
    event.detail.pointer("/metadata/correlationId")?.as_str()?.parse().ok()
}

/// The fact's identity.
pub fn event_id(event: &Delivery) -> Option<&str> {
    event.detail.pointer("/metadata/eventId")?.as_str()
}

/// Puts events on their buses again, as they are and in this order.
///
/// # Errors
/// If a bus does not take one.
pub async fn publish_again(cloud: &Cloud, events: &[Delivery]) -> anyhow::Result<()> {
    for chunk in events.chunks(MAX_ENTRIES) {
        let entries = chunk
            .iter()
            .map(|event| {
                let domain = DOMAINS
                    .into_iter()
                    .find(|domain| domain.source() == event.source)
                    .ok_or_else(|| anyhow!("nobody has the source `{}`", event.source))?;
                Ok(PutEventsRequestEntry::builder()
                    .event_bus_name(cloud.name(domain.name()))
                    .source(&event.source)
                    .detail_type(&event.detail_type)
                    .detail(event.detail.to_string())
                    .build())
            })
            .collect::<anyhow::Result<_>>()?;
        let put = cloud.events.put_events().set_entries(Some(entries)).send().await?;
        anyhow::ensure!(put.failed_entry_count == 0, "a bus did not take every event");
    }
    Ok(())
}
