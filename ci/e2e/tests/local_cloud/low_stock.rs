//! Buyers hear of stock that runs low, each of what they buy, and nobody hears of stock that does not.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context;
use aws_sdk_sqs::types::QueueAttributeName;
use lakeside_contracts::Delivery;
use lakeside_e2e::{capture::publish_again, cloud::Cloud, poll::eventually};
use serde_json::{Value, json};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_mins(1);

/// A buyer whose mail is a queue.
struct Buyer {
    queue_url: String,
    subscription: String,
    told: Vec<Value>,
}

impl Buyer {
    /// Subscribes to the topic, narrowed to what fits `filter`.
    async fn of(cloud: &Cloud, filter: Option<&Value>) -> anyhow::Result<Self> {
        let topic = topic(cloud).await?;
        let name = format!("e2e-{}", Uuid::new_v4().simple());
        let created = cloud.sqs.create_queue().queue_name(&name).send().await?;
        let queue_url = created.queue_url.context("a queue without URL")?;
        let read = cloud.sqs.get_queue_attributes().queue_url(&queue_url);
        let read = read.attribute_names(QueueAttributeName::QueueArn).send().await?;
        let arn = read.attributes.unwrap_or_default().remove(&QueueAttributeName::QueueArn);
        let arn = arn.context("a queue without ARN")?;
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }]});
        let set = cloud.sqs.set_queue_attributes().queue_url(&queue_url);
        set.attributes(QueueAttributeName::Policy, policy.to_string()).send().await?;
        let mut subscribe = cloud.sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(&arn);
        subscribe = subscribe.attributes("RawMessageDelivery", "true");
        if let Some(filter) = filter {
            subscribe = subscribe.attributes("FilterPolicyScope", "MessageBody");
            subscribe = subscribe.attributes("FilterPolicy", filter.to_string());
        }
        let subscribed = subscribe.return_subscription_arn(true).send().await?;
        let subscription = subscribed.subscription_arn.context("a subscription without ARN")?;
        Ok(Self { queue_url, subscription, told: Vec::new() })
    }

    /// Waits until this buyer was told of `available` units of `sku`.
    async fn hears(&mut self, cloud: &Cloud, sku: &str, available: u64) -> anyhow::Result<()> {
        eventually(&format!("an alert of {available} {sku}"), PATIENCE, async || {
            let received = cloud.sqs.receive_message().queue_url(&self.queue_url);
            let received = received.max_number_of_messages(10).send().await?;
            for message in received.messages.unwrap_or_default() {
                let body = message.body.context("a message without body")?;
                self.told.push(serde_json::from_str(&body).with_context(|| format!("`{body}`"))?);
                let handle = message.receipt_handle.unwrap_or_default();
                cloud.sqs.delete_message().queue_url(&self.queue_url).receipt_handle(handle).send().await?;
            }
            let heard = self.told.iter().any(|told| told["sku"] == sku && told["available"] == available);
            Ok(if heard {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("it heard {:?}", self.told))
            })
        })
        .await
    }

    /// The levels of `sku` that this buyer was told of, the lowest first, for a queue keeps no order.
    fn levels(&self, sku: &str) -> Vec<u64> {
        let levels = self.told.iter().filter(|told| told["sku"] == sku);
        let mut levels: Vec<u64> = levels.filter_map(|told| told["available"].as_u64()).collect();
        levels.sort_unstable();
        levels
    }

    async fn leave(self, cloud: &Cloud) -> anyhow::Result<()> {
        cloud.sns.unsubscribe().subscription_arn(self.subscription).send().await?;
        cloud.sqs.delete_queue().queue_url(self.queue_url).send().await?;
        Ok(())
    }
}

async fn topic(cloud: &Cloud) -> anyhow::Result<String> {
    let mut topics = cloud.sns.list_topics().into_paginator().items().send();
    let name = format!(":{}", cloud.name("low-stock"));
    while let Some(topic) = topics.next().await {
        if let Some(arn) = topic?.topic_arn.filter(|arn| arn.ends_with(&name)) {
            return Ok(arn);
        }
    }
    anyhow::bail!("there is no topic for low stock")
}

fn level(sku: &str, available: u64, version: u64) -> Delivery {
    Delivery {
        id: String::new(),
        source: "lakeside.inventory".into(),
        detail_type: "StockLevelChanged".into(),
        detail: json!({
            "metadata": {
                "eventId": Uuid::new_v4(), "occurredAt": "2026-11-27T09:01:00.000Z",
                "correlationId": Uuid::new_v4(), "causationId": Uuid::new_v4(), "schemaVersion": 1,
            },
            "data": {"sku": sku, "available": available, "version": version},
        }),
        replay_name: None,
    }
}

#[tokio::test]
async fn buyers_hear_of_a_hundred_units_and_not_of_one_more() -> anyhow::Result<()> {
    let cloud = Cloud::open()?;
    let kind = Uuid::new_v4().simple().to_string()[..8].to_uppercase();
    let (tent, stove) = (format!("TENT-{kind}"), format!("STOVE-{kind}"));
    let mut all = Buyer::of(&cloud, None).await?;
    let filter = json!({"sku": [{"prefix": "TENT-"}], "available": [{"numeric": ["<=", 10]}]});
    let mut tents = Buyer::of(&cloud, Some(&filter)).await?;

    publish_again(
        &cloud,
        &[
            level(&tent, 101, 1),
            level(&tent, 100, 2),
            level(&stove, 3, 1),
            level(&tent, 11, 3),
            level(&tent, 10, 4),
            level(&tent, 0, 5),
        ],
    )
    .await?;
    all.hears(&cloud, &tent, 0).await?;
    all.hears(&cloud, &stove, 3).await?;
    tents.hears(&cloud, &tent, 0).await?;

    assert_eq!(all.levels(&tent), [0, 10, 11, 100], "everything at the threshold and below");
    assert_eq!(tents.levels(&tent), [0, 10], "what this buyer acts upon");
    assert_eq!(tents.levels(&stove), Vec::<u64>::new());
    let alert = all.told.iter().find(|told| told["sku"] == *tent).context("just heard")?;
    assert_eq!(
        *alert,
        json!({
            "alert": format!("{tent} runs low: 100 units may still be promised, as of 2026-11-27T09:01:00.000Z."),
            "sku": tent, "available": 100, "version": 2,
        })
    );
    tents.leave(&cloud).await?;
    all.leave(&cloud).await
}
