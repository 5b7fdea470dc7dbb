//! How much lies in the queues.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::{cloud::Cloud, poll::eventually};

/// The end of a dead-letter queue's name.
pub const DEAD_LETTERS: &str = "-dlq";

/// The end of a FIFO queue's name, after any other.
pub const FIFO: &str = ".fifo";

/// Whether a queue of this name is for dead letters.
pub fn is_for_dead_letters(name: &str) -> bool {
    name.strip_suffix(FIFO).unwrap_or(name).ends_with(DEAD_LETTERS)
}

/// Looks in a row at which the queues must be empty: a message is in no queue while a function hands it on.
const QUIET_LOOKS: u32 = 10;

impl Cloud {
    /// The URL of the queue with this name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn queue_url(&self, name: &str) -> anyhow::Result<String> {
        let found = self.sqs.get_queue_url().queue_name(name).send().await;
        found.with_context(|| format!("no queue {name}"))?.queue_url.context("a queue without URL")
    }

    /// Every queue of this deployment with the number of its messages, waiting or being handled.
    ///
    /// # Errors
    /// If a queue cannot be read.
    pub async fn queue_depths(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut pages =
            self.sqs.list_queues().queue_name_prefix(self.name("")).into_paginator().items().send();
        let mut depths = BTreeMap::new();
        while let Some(url) = pages.next().await {
            let url = url.context("cannot list the queues")?;
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            depths.insert(name, self.depth(&url).await?);
        }
        Ok(depths)
    }

    /// The number of messages in one queue, waiting or being handled.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn depth(&self, url: &str) -> anyhow::Result<u64> {
        let read = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .with_context(|| format!("cannot read the depth of {url}"))?;
        Ok(read.attributes.unwrap_or_default().values().filter_map(|n| n.parse::<u64>().ok()).sum())
    }

    /// Waits until the queue with this name has been empty at least once.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn drained(&self, name: &str, deadline: Duration) -> anyhow::Result<()> {
        let url = self.queue_url(name).await?;
        eventually(&format!("an empty queue {name}"), deadline, async || {
            let depth = self.depth(&url).await?;
            Ok(if depth == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("it holds {depth} messages"))
            })
        })
        .await
    }

    /// Waits until no message is under way in any queue but the dead-letter queues.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn quiet(&self, deadline: Duration) -> anyhow::Result<()> {
        let mut looks = 0;
        eventually("quiet in all queues", deadline, async || {
            let busy: Vec<String> = self
                .queue_depths()
                .await?
                .into_iter()
                .filter(|(name, depth)| *depth > 0 && !is_for_dead_letters(name))
                .map(|(name, depth)| format!("{depth} in {name}"))
                .collect();
            looks = if busy.is_empty() { looks + 1 } else { 0 };
            Ok(if looks >= QUIET_LOOKS {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(busy.join(", "))
            })
        })
        .await
    }
}
