//! The tables' streams: per consumer a few shards, each read in order by `publish-outbox` or `publish-levels`, and again
//! from where it failed.

use std::{collections::VecDeque, rc::Rc};

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::KinesisEventResponse,
};
use lakeside_inventory::publish_levels;
use lakeside_kit::{
    outbox::Entry,
    publish_outbox::{Input, Output, handle},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{engine::Slot, faults::Fault, mutants::Mutant, ports::Port, world::World};

pub const SHARDS: u64 = 2;
/// The consumer of a stream that is not a squad's outbox.
pub const LEVELS: &str = "publish-levels";
const BATCH: usize = 100;
/// As in the mapping: after so many tries the batch is given up.
const ATTEMPTS: u32 = 100;
const TIMEOUT: i64 = 30_000;

#[derive(Default)]
pub struct Stream {
    records: VecDeque<EventRecord>,
    reading: bool,
    attempts: u32,
    /// What was given up; the records are in the stream for a day.
    pub parked: Vec<EventRecord>,
}

fn image(outbox: &[Entry]) -> Value {
    let entries: Vec<Value> = outbox
        .iter()
        .map(|entry| {
            json!({"M": {
                "eventId": {"S": entry.event_id.to_string()}, "source": {"S": entry.source},
                "detailType": {"S": entry.detail_type}, "detail": {"S": entry.detail},
            }})
        })
        .collect();
    json!({"outbox": {"L": entries}})
}

/// Handles a batch; answers nothing if the function fails.
async fn consume(port: &Port, consumer: &str, records: Vec<EventRecord>) -> Option<KinesisEventResponse> {
    if consumer == LEVELS {
        let mut event = Event::default();
        event.records = records;
        return Some(publish_levels::handle(port, port, port, port, &event).await);
    }
    match handle(port, port, port, Input::Stream { records }).await {
        Ok(Output::Stream(response)) => Some(response),
        _ => None,
    }
}

impl World {
    /// A write of an item, with its outbox before and after.
    pub fn record(self: &Rc<Self>, squad: &'static str, about: Uuid, old: &[Entry], new: &[Entry]) {
        if self.planted(Mutant::DualWrite) && self.strikes(Fault::CrashAfterCall) {
            return;
        }
        // The mapping's filter.
        if new.is_empty() {
            return;
        }
        let shard = u64::try_from(about.as_u128() % u128::from(SHARDS)).unwrap();
        self.append((squad, shard), json!({"OldImage": image(old), "NewImage": image(new)}));
    }

    /// Appends a record with these images to a shard of a consumer.
    pub fn append(self: &Rc<Self>, shard: (&'static str, u64), mut change: Value) {
        let sequence = self.engine.steps().to_string() + "-" + &self.engine.below(1 << 40).to_string();
        change["SequenceNumber"] = sequence.clone().into();
        change["SizeBytes"] = 1.into();
        let record = json!({
            "awsRegion": "us-east-1", "eventID": sequence, "eventName": "MODIFY", "eventSource": "aws:dynamodb",
            "dynamodb": change,
        });
        let record = serde_json::from_value(record).expect("a stream record");
        let first = !self.streams.borrow().contains_key(&shard);
        let mut streams = self.streams.borrow_mut();
        let stream = streams.entry(shard).or_default();
        if !(first && self.planted(Mutant::StreamFromLatest)) {
            stream.records.push_back(record);
        }
        drop(streams);
        self.read_stream(shard);
    }

    pub fn read_stream(self: &Rc<Self>, shard: (&'static str, u64)) {
        {
            let mut streams = self.streams.borrow_mut();
            let stream = streams.entry(shard).or_default();
            if stream.reading || stream.records.is_empty() {
                return;
            }
            stream.reading = true;
        }
        let world = Rc::clone(self);
        let wait = self.engine.between(1, 200);
        self.engine.after(wait, move || {
            let records: Vec<EventRecord> =
                world.streams.borrow()[&shard].records.iter().take(BATCH).cloned().collect();
            let answered: Slot<Option<KinesisEventResponse>> = Slot::default();
            let invocation = {
                let (world, answered, records) = (Rc::clone(&world), answered.clone(), records.clone());
                async move {
                    let port = {
                        let (world, answered) = (Rc::clone(&world), answered.clone());
                        Port::new(&Rc::clone(&world), TIMEOUT, false, move || {
                            answered.fill(&world.engine, None);
                        })
                    };
                    let response = consume(&port, shard.0, records).await;
                    answered.fill(&world.engine, response);
                }
            };
            let task = world.engine.spawn(invocation);
            let reader = Rc::clone(&world);
            world.engine.spawn(async move {
                let response = answered.wait(&reader.engine, TIMEOUT).await.flatten();
                reader.engine.kill(task);
                reader.advance_stream(shard, &records, response);
            });
        });
    }

    /// Goes on behind what was published; tries the rest again.
    fn advance_stream(
        self: &Rc<Self>,
        shard: (&'static str, u64),
        batch: &[EventRecord],
        response: Option<KinesisEventResponse>,
    ) {
        let failed_at = response.map_or(0, |response| {
            response.batch_item_failures.first().map_or(batch.len(), |failure| {
                batch
                    .iter()
                    .position(|record| record.change.sequence_number == failure.item_identifier)
                    .unwrap_or_default()
            })
        });
        let done = if self.planted(Mutant::StreamSkipsFailures) { batch.len() } else { failed_at };
        let again = done == batch.len() && self.strikes(Fault::StreamRedelivered);
        let wait = {
            let mut streams = self.streams.borrow_mut();
            let stream = streams.get_mut(&shard).unwrap();
            stream.reading = false;
            if !again {
                stream.records.drain(..done);
            }
            stream.attempts = if done == 0 { stream.attempts + 1 } else { 0 };
            if stream.attempts > ATTEMPTS {
                stream.attempts = 0;
                self.faults.count(Fault::StreamDiscards);
                let poison = stream.records.pop_front();
                stream.parked.extend(poison);
            }
            if done == batch.len() { 0 } else { 1000 }
        };
        let world = Rc::clone(self);
        self.engine.after(wait, move || world.read_stream(shard));
    }

    /// As the runbook says: what was given up is published again.
    pub fn publish_parked(self: &Rc<Self>) {
        let shards: Vec<_> = self.streams.borrow().keys().copied().collect();
        for shard in shards {
            {
                let mut streams = self.streams.borrow_mut();
                let stream = streams.get_mut(&shard).unwrap();
                let parked = std::mem::take(&mut stream.parked);
                stream.records.extend(parked);
            }
            self.read_stream(shard);
        }
    }

    pub fn streams_are_read(&self) -> bool {
        self.streams.borrow().values().all(|s| s.records.is_empty() && s.parked.is_empty())
    }
}
