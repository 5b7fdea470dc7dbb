//! A bus of one test, with a queue behind each rule.

use std::{cell::RefCell, ops::ControlFlow};

use anyhow::Context;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use lakeside_e2e::{cloud::Cloud, poll::eventually};
use lakeside_kit::bus::EventBridgeBus;
use lakeside_service_contracts::{
    buses::{Buses, Listened},
    queues::{Queue, Queues, Setup},
    rules::Rules,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    PATIENCE,
    queues::{Scratch as ScratchQueues, ScratchQueue},
};

pub struct Scratch {
    cloud: Cloud,
    queues: ScratchQueues,
    /// The name of the bus that was made, and how many rules it has.
    made: RefCell<Option<(String, usize)>>,
}

pub async fn scratch() -> anyhow::Result<Scratch> {
    let queues = super::queues::scratch().await?;
    Ok(Scratch { cloud: queues.cloud.clone(), queues, made: RefCell::default() })
}

pub struct ScratchBus {
    bus: EventBridgeBus,
    queues: Vec<ScratchQueue>,
}

fn rule_name(rule: usize) -> String {
    format!("rule-{rule}")
}

impl Scratch {
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some((bus, rules)) = self.made.into_inner() {
            for rule in 0..rules {
                let rule = rule_name(rule);
                self.cloud
                    .events
                    .remove_targets()
                    .rule(&rule)
                    .event_bus_name(&bus)
                    .ids("queue")
                    .send()
                    .await?;
                self.cloud.events.delete_rule().name(&rule).event_bus_name(&bus).send().await?;
            }
            self.cloud.events.delete_event_bus().name(&bus).send().await?;
        }
        self.queues.close().await
    }

    /// EventBridge sends as a service: the queue lets it in.
    async fn let_in(&self, queue: &ScratchQueue) -> anyhow::Result<()> {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": queue.arn,
        }]});
        let set = self.cloud.sqs.set_queue_attributes().queue_url(&queue.url);
        set.attributes(QueueAttributeName::Policy, policy.to_string()).send().await?;
        Ok(())
    }
}

impl Buses for Scratch {
    type Listened = ScratchBus;

    async fn bus(&self, patterns: &[Value]) -> anyhow::Result<ScratchBus> {
        let name = format!("e2e-services-{}", Uuid::new_v4().simple());
        self.cloud.events.create_event_bus().name(&name).send().await.context("cannot make a bus")?;
        *self.made.borrow_mut() = Some((name.clone(), patterns.len()));
        let mut queues = Vec::new();
        for (position, pattern) in patterns.iter().enumerate() {
            let queue =
                self.queues.queue(Setup { fifo: false, max_receives: 10, max_bytes: 262_144 }).await?;
            self.let_in(&queue).await?;
            let rule = rule_name(position);
            let put = self.cloud.events.put_rule().name(&rule).event_bus_name(&name);
            put.event_pattern(pattern.to_string()).send().await.context("cannot make a rule")?;
            let target = Target::builder().id("queue").arn(&queue.arn).build()?;
            self.cloud.events.put_targets().rule(&rule).event_bus_name(&name).targets(target).send().await?;
            queues.push(queue);
        }
        Ok(ScratchBus { bus: EventBridgeBus::new(self.cloud.events.clone(), name), queues })
    }
}

impl Listened for ScratchBus {
    type Bus = EventBridgeBus;

    fn bus(&self) -> &EventBridgeBus {
        &self.bus
    }

    async fn delivered(&self, rule: usize, count: usize) -> anyhow::Result<Vec<Value>> {
        let queue = self.queues.get(rule).context("a rule of this bus")?;
        let mut delivered: Vec<Value> = Vec::new();
        eventually("the delivery of every event", PATIENCE, async || {
            let arrived = queue.receive(10).await?;
            for message in &arrived {
                delivered.push(serde_json::from_str(&message.body)?);
                queue.delete(&message.receipt).await?;
            }
            // Looks once more after the last that is expected.
            Ok(if arrived.is_empty() && delivered.len() >= count {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{} of {count}", delivered.len()))
            })
        })
        .await?;
        Ok(delivered)
    }
}

impl Rules for Scratch {
    async fn matches(&self, pattern: &Value, event: &Value) -> anyhow::Result<bool> {
        let tested = self.cloud.events.test_event_pattern();
        let tested = tested.event_pattern(pattern.to_string()).event(event.to_string()).send().await?;
        Ok(tested.result)
    }
}
