//! Queues of one test.

use std::{cell::RefCell, collections::HashMap, ops::ControlFlow};

use anyhow::Context;
use aws_sdk_sqs::{
    error::ProvideErrorMetadata,
    types::{MessageSystemAttributeName, QueueAttributeName},
};
use lakeside_e2e::{cloud::Cloud, poll::eventually};
use lakeside_service_contracts::queues::{Outgoing, Queue, Queues, Received, Setup};
use serde_json::json;
use uuid::Uuid;

use super::PATIENCE;

/// How long received messages are hidden, in seconds: long enough for two calls of a busy emulator.
const HIDDEN: &str = "3";

pub struct Scratch {
    pub cloud: Cloud,
    made: RefCell<Vec<String>>,
}

pub async fn scratch() -> anyhow::Result<Scratch> {
    Ok(Scratch { cloud: Cloud::open()?, made: RefCell::default() })
}

pub struct ScratchQueue {
    cloud: Cloud,
    pub url: String,
    pub arn: String,
    dead_letters: String,
}

impl Scratch {
    async fn make(
        &self,
        name: &str,
        attributes: HashMap<QueueAttributeName, String>,
    ) -> anyhow::Result<(String, String)> {
        let sqs = &self.cloud.sqs;
        let made = sqs.create_queue().queue_name(name).set_attributes(Some(attributes)).send().await;
        let url =
            made.with_context(|| format!("cannot make {name}"))?.queue_url.context("a queue without URL")?;
        self.made.borrow_mut().push(url.clone());
        let read = sqs
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        let arn = read.attributes.unwrap_or_default().remove(&QueueAttributeName::QueueArn);
        Ok((url, arn.context("a queue without ARN")?))
    }

    pub async fn close(self) -> anyhow::Result<()> {
        for url in self.made.into_inner() {
            self.cloud.sqs.delete_queue().queue_url(url).send().await?;
        }
        Ok(())
    }
}

impl Queues for Scratch {
    type Queue = ScratchQueue;

    async fn queue(&self, setup: Setup) -> anyhow::Result<ScratchQueue> {
        let name = format!("e2e-services-{}", Uuid::new_v4().simple());
        let end = if setup.fifo { ".fifo" } else { "" };
        let mut fifo = HashMap::new();
        if setup.fifo {
            fifo.insert(QueueAttributeName::FifoQueue, "true".to_owned());
        }
        let (dead_letters, dead_letter_arn) = self.make(&format!("{name}-dlq{end}"), fifo.clone()).await?;
        let redrive = json!({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": setup.max_receives.to_string()});
        let mut attributes = fifo;
        attributes.extend([
            (QueueAttributeName::VisibilityTimeout, HIDDEN.to_owned()),
            (QueueAttributeName::MaximumMessageSize, setup.max_bytes.to_string()),
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
        ]);
        let (url, arn) = self.make(&format!("{name}{end}"), attributes).await?;
        Ok(ScratchQueue { cloud: self.cloud.clone(), url, arn, dead_letters })
    }
}

impl ScratchQueue {
    async fn receive_from(&self, url: &str, max: i32) -> anyhow::Result<Vec<Received>> {
        let received = self
            .cloud
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(max)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await?;
        let messages = received.messages.unwrap_or_default().into_iter().map(|message| {
            let count = message
                .attributes()
                .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount));
            Ok(Received {
                receive_count: count.context("a message without receive count")?.parse()?,
                body: message.body.unwrap_or_default(),
                receipt: message.receipt_handle.context("a message without receipt")?,
            })
        });
        messages.collect()
    }
}

impl Queue for ScratchQueue {
    async fn send(&self, message: Outgoing<'_>) -> anyhow::Result<bool> {
        let sent = self
            .cloud
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .set_message_group_id(message.group.map(str::to_owned))
            .set_message_deduplication_id(message.deduplication.map(str::to_owned))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            // Refused, whatever the code: what is unavailable has none.
            Err(error) if error.as_service_error().is_some_and(|error| error.code().is_some()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn receive(&self, max: i32) -> anyhow::Result<Vec<Received>> {
        self.receive_from(&self.url, max).await
    }

    async fn arrival(&self, max: i32) -> anyhow::Result<Vec<Received>> {
        eventually("an arrival", PATIENCE, async || {
            let arrived = self.receive(max).await?;
            Ok(if arrived.is_empty() {
                ControlFlow::Continue("nothing is there".into())
            } else {
                ControlFlow::Break(arrived)
            })
        })
        .await
    }

    async fn dead_letter(&self) -> anyhow::Result<String> {
        eventually("a dead letter", PATIENCE, async || {
            // A message is given up where it would be received once more.
            self.receive(10).await?;
            let dead = self.receive_from(&self.dead_letters, 1).await?;
            Ok(match dead.into_iter().next() {
                Some(dead) => ControlFlow::Break(dead.body),
                None => ControlFlow::Continue("nothing is there".into()),
            })
        })
        .await
    }

    async fn delete(&self, receipt: &str) -> anyhow::Result<()> {
        let deleted =
            self.cloud.sqs.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        match deleted {
            // A FIFO queue refuses a receipt that is too old.
            Err(error) if error.as_service_error().is_some_and(|error| error.code().is_some()) => Ok(()),
            deleted => deleted.map(drop).map_err(Into::into),
        }
    }

    async fn depth(&self) -> anyhow::Result<u64> {
        self.cloud.depth(&self.url).await
    }
}
