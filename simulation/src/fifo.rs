//! A consumer of a FIFO queue under all faults, which writes down what it hears.
//!
//! Holds: each group is heard in the order it was sent in, and goes back only to what was not deleted yet; everything
//! is heard or among the dead letters; nothing is in the queue twice.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lakeside_kit::{
    disposition::{Disposed, Disposition},
    dynamo::StoreError,
    sqs::{Failures, Message, each_in_order},
};

use crate::{
    faults::Fault,
    functions::Guest,
    ports::Port,
    subscriptions::Settings,
    world::{Deployed, World},
};

const QUEUE: &str = "marketplace-sync.fifo";
const GROUPS: usize = 3;
const DAY: i64 = 86_400_000;

const SETTINGS: Settings = Settings {
    fifo: true,
    batch_size: 10,
    concurrency: 4,
    max_receives: 5,
    visibility: 120_000,
    timeout: 20_000,
    max_bytes: 262_144,
};

/// How a run came out.
#[derive(Debug)]
pub struct Outcome {
    /// What of the promises does not hold.
    pub broken: Option<String>,
    pub faults: Vec<u64>,
    pub heard: usize,
    pub dead: usize,
    pub trace_hash: u64,
    pub trace: Vec<String>,
}

/// What was heard: where in its group it was sent, and under which message id.
type Heard = Rc<RefCell<Vec<(usize, u32, String)>>>;

#[derive(Debug, thiserror::Error)]
enum HearingError {
    #[error("nobody can read the message")]
    Unreadable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Disposed for HearingError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Unreadable => Disposition::Park,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// What does not change from run to run.
pub struct Fifo(Rc<Deployed>);

impl Default for Fifo {
    fn default() -> Self {
        let mut deployed = Deployed::default();
        deployed.queues.insert(QUEUE.into(), SETTINGS);
        Self(Rc::new(deployed))
    }
}

impl Fifo {
    pub fn run(&self, seed: u64) -> Outcome {
        let world = World::new(seed, &self.0, None, &[]);
        // An invocation that goes on while its messages are visible again is what no queue can keep in order.
        world.faults.rule_out(Fault::Zombie);
        let heard = Heard::default();
        world.guests.borrow_mut().insert(QUEUE.into(), consumer(&heard));
        let sent = send(&world);
        world.engine.run(world.engine.now() + DAY / 8, || false);
        world.faults.stop();
        world.engine.run(world.engine.now() + DAY, || false);
        let broken = judge(&world, &sent, &heard.borrow()).err();
        let dead = sent.values().map(|n| *n as usize).sum::<usize>();
        let heard_once: BTreeSet<_> = heard.borrow().iter().map(|(group, n, _)| (*group, *n)).collect();
        let outcome = Outcome {
            broken,
            faults: world.faults.counts(),
            dead: dead - heard_once.len(),
            heard: heard.borrow().len(),
            trace_hash: world.engine.trace_hash(),
            trace: world.engine.trace(),
        };
        world.engine.clear();
        outcome
    }
}

/// Handles each message at a port, under all the faults of ports.
fn consumer(heard: &Heard) -> Guest {
    let heard = Rc::clone(heard);
    Rc::new(move |port, batch| {
        let heard = Rc::clone(&heard);
        Box::pin(async move { consume(port, &heard, batch).await })
    })
}

async fn consume(port: &Port, heard: &Heard, batch: &[Message]) -> Failures {
    each_in_order(batch, async |message| -> Result<(), HearingError> {
        let (group, n): (usize, u32) = message.json("position").map_err(|_| HearingError::Unreadable)?;
        let effect = |_: &Rc<World>| {
            heard.borrow_mut().push((group, n, message.id.clone()));
            Ok(())
        };
        Ok(port.call("write down", effect).await?)
    })
    .await
}

/// Sends to every group, one after the other; answers how many were sent to each.
fn send(world: &Rc<World>) -> BTreeMap<usize, u32> {
    let mut sent = BTreeMap::new();
    for group in 0..GROUPS {
        let mut at = 0;
        let count = 1 + u32::try_from(world.engine.below(12)).unwrap();
        for n in 0..count {
            at += world.engine.between(1, 90_000);
            let from = Rc::clone(world);
            world.engine.after(at, move || {
                let body = serde_json::json!([group, n]).to_string();
                from.send_in_order(QUEUE, &group.to_string(), &body.clone(), body);
            });
        }
        sent.insert(group, count);
    }
    sent
}

fn judge(world: &World, sent: &BTreeMap<usize, u32>, heard: &[(usize, u32, String)]) -> Result<(), String> {
    let mut queues = world.queues.borrow_mut();
    let queue = queues.get_mut(QUEUE).unwrap();
    if queue.waiting() > 0 {
        return Err(format!("{} messages still wait", queue.waiting()));
    }
    let (given_up, unreadable) = queue.take_dead_letters();
    if unreadable != world.unreadable.get() {
        return Err(format!("{unreadable} of {} unreadable messages were parked", world.unreadable.get()));
    }
    let dead: BTreeSet<(usize, u32)> =
        given_up.iter().map(|message| message.json("position").unwrap()).collect();
    let mut ids: BTreeMap<(usize, u32), &str> = BTreeMap::new();
    for (group, n, id) in heard {
        let first = *ids.entry((*group, *n)).or_insert(id);
        if first != id {
            return Err(format!("{n} of group {group} was in the queue twice"));
        }
    }
    for (group, count) in sent {
        let lost = (0..*count).find(|n| !ids.contains_key(&(*group, *n)) && !dead.contains(&(*group, *n)));
        if let Some(lost) = lost {
            return Err(format!("{lost} of group {group} is lost"));
        }
        let order = heard.iter().filter(|(of, ..)| of == group).map(|(_, n, _)| *n);
        let mut next = 0;
        for n in order {
            // Going back is a redelivery; going on leaves out only what was given up.
            if let Some(skipped) = (next..n).find(|skipped| !dead.contains(&(*group, *skipped))) {
                return Err(format!("{n} of group {group} came before {skipped}"));
            }
            next = n + 1;
        }
    }
    Ok(())
}
