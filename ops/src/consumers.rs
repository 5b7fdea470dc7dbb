//! Whether somebody listens at a queue.

use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cloud::Cloud,
    environment::Queue,
    failure::{Failure, Result},
};

const AT_A_TIME: usize = 8;

/// A queue, how much lies in it, and whether its consumer listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumer {
    /// Its name without prefix.
    pub queue: String,
    /// The consumer.
    pub function: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that are being handled.
    pub in_flight: u64,
    /// The state of the mapping, `Enabled` if it listens; nothing if there is no mapping.
    pub mapping: Option<String>,
    /// The mapping's id, which switches it on.
    pub mapping_id: Option<String>,
}

impl Consumer {
    /// Whether it takes messages.
    pub fn listens(&self) -> bool {
        self.mapping.as_deref().is_some_and(|state| state != "Disabled" && state != "Disabling")
    }
}

/// How much lies in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting, or to be visible later.
    pub waiting: u64,
    /// Handed out.
    pub in_flight: u64,
}

impl Cloud {
    /// How much lies in a queue.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn depth(&self, url: &str) -> Result<Depth> {
        let read = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .map_err(|error| Failure::call(&format!("cannot read how much lies in {url}"), &error))?;
        let attributes = read.attributes.unwrap_or_default();
        let count =
            |name| attributes.get(&name).and_then(|count| count.parse::<u64>().ok()).unwrap_or_default();
        Ok(Depth {
            waiting: count(QueueAttributeName::ApproximateNumberOfMessages)
                + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        })
    }

    /// Who listens at these queues, of those that messages go to.
    ///
    /// # Errors
    /// If a queue or a mapping cannot be read.
    pub async fn consumers(&self, queues: &[&str]) -> Result<Vec<Consumer>> {
        let chosen = self.environment.queues.iter().filter(|(name, _)| queues.contains(&name.as_str()));
        let reads = chosen.filter_map(|(name, queue)| {
            let (url, function) = (queue.url.as_deref()?, queue.function.as_deref()?);
            Some(self.consumer(name, queue, url, function))
        });
        let reads: Vec<_> = reads.collect();
        stream::iter(reads).buffered(AT_A_TIME).try_collect().await
    }

    async fn consumer(&self, name: &str, queue: &Queue, url: &str, function: &str) -> Result<Consumer> {
        let depth = self.depth(url).await?;
        let path = format!("/2015-03-31/event-source-mappings/?FunctionName={function}%3Alive");
        let mappings = self.signed.get("lambda", &path).await;
        let mappings = mappings
            .map_err(|error| Failure::signed(&format!("cannot read what {function} listens to"), &error))?;
        let full = queue.url.as_deref().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let mapping = mappings.get("EventSourceMappings").and_then(Value::as_array).and_then(|mappings| {
            mappings.iter().find(|mapping| {
                let arn = mapping.get("EventSourceArn").and_then(Value::as_str).unwrap_or_default();
                arn.rsplit(':').next() == Some(full)
            })
        });
        let text = |field: &str| mapping?.get(field)?.as_str().map(str::to_owned);
        Ok(Consumer {
            queue: name.to_owned(),
            function: function.to_owned(),
            waiting: depth.waiting,
            in_flight: depth.in_flight,
            mapping: text("State"),
            mapping_id: text("UUID"),
        })
    }
}
