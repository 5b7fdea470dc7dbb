//! Queues and their event source mappings: visibility, receive counts, dead letters, batches, duplicates, disorder.

use std::{collections::HashMap, rc::Rc};

use lakeside_kit::sqs::Message;

use crate::{
    engine::Slot,
    faults::Fault,
    functions::{self, TIMEOUT},
    mutants::Mutant,
    ports::Port,
    world::World,
};

/// Six times the functions' timeout.
const VISIBILITY: i64 = 6 * TIMEOUT;
const CONCURRENCY: usize = 4;

#[derive(Clone)]
struct Queued {
    message: Message,
    receives: u32,
    visible_at: i64,
}

pub struct Queue {
    messages: Vec<Queued>,
    /// What was given up.
    dead: Vec<Queued>,
    batch_size: usize,
    max_receives: u32,
    running: usize,
}

impl Queue {
    /// As the function's subscription is set up.
    fn of(function: &str) -> Self {
        let (batch_size, max_receives) = if function.ends_with("-payment") { (1, 10) } else { (10, 5) };
        Self { messages: Vec::new(), dead: Vec::new(), batch_size, max_receives, running: 0 }
    }
}

/// A message that nobody can read; it ends among the dead letters.
pub const POISON: &str = "{\"poison\":";

impl World {
    pub fn send(self: &Rc<Self>, queue: &str, body: String, attributes: &[(&str, &str)]) {
        let attributes: HashMap<String, String> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let message = Message { id: self.engine.uuid().to_string(), body, attributes };
        self.enqueue(queue, message.clone());
        if self.strikes(Fault::DuplicateDelivery) {
            self.enqueue(queue, message);
        }
        if self.strikes(Fault::Poison) {
            let id = self.engine.uuid().to_string();
            self.enqueue(queue, Message { id, body: POISON.into(), attributes: HashMap::new() });
        }
    }

    fn enqueue(self: &Rc<Self>, queue: &str, message: Message) {
        let late = self.strikes(Fault::LateDelivery);
        let delay = if late {
            self.engine.between(10_000, *self.engine.pick(&[60_000, 600_000, 4_000_000]))
        } else {
            self.engine.between(1, 60)
        };
        let visible_at = self.engine.now() + delay;
        self.queues
            .borrow_mut()
            .entry(queue.to_owned())
            .or_insert_with(|| Queue::of(queue))
            .messages
            .push(Queued { message, receives: 0, visible_at });
        self.poll_after(queue, delay);
    }

    fn poll_after(self: &Rc<Self>, queue: &str, delay: i64) {
        let (world, queue) = (Rc::clone(self), queue.to_owned());
        self.engine.after(delay, move || world.poll_queue(&queue));
    }

    fn poll_queue(self: &Rc<Self>, name: &str) {
        let now = self.engine.now();
        let mut batch: Vec<Message> = Vec::new();
        {
            let mut queues = self.queues.borrow_mut();
            let queue = queues.get_mut(name).unwrap();
            if queue.running >= CONCURRENCY {
                return;
            }
            let mut index = 0;
            while index < queue.messages.len() && batch.len() < queue.batch_size {
                let queued = &mut queue.messages[index];
                let taken = batch.iter().any(|m| m.id == queued.message.id);
                if queued.visible_at > now || taken {
                    index += 1;
                    continue;
                }
                if queued.receives >= queue.max_receives {
                    let given_up = queue.messages.remove(index);
                    self.engine.note(|| format!("{name} gives up {}", given_up.message.id));
                    if !self.planted(Mutant::NoDeadLetterQueue) {
                        queue.dead.push(given_up);
                    }
                    continue;
                }
                queued.receives += 1;
                let hidden = if self.strikes(Fault::RedeliveryWhileProcessing) {
                    // Soon, or just when the function's time is over.
                    let over = self.engine.chance(0.3);
                    if over {
                        TIMEOUT + self.engine.between(-1_500, 3_000)
                    } else {
                        self.engine.between(1, 2_000)
                    }
                } else {
                    VISIBILITY
                };
                queued.visible_at = now + hidden;
                batch.push(queued.message.clone());
                self.poll_after(name, hidden);
                index += 1;
            }
            if batch.is_empty() {
                return;
            }
            queue.running += 1;
        }
        self.consume(name, batch);
    }

    fn consume(self: &Rc<Self>, name: &str, batch: Vec<Message>) {
        self.engine.note(|| {
            let ids: Vec<&str> = batch.iter().map(|m| m.id.get(..8).unwrap_or_default()).collect();
            format!("{name} takes {ids:?}")
        });
        let answered = Slot::new();
        let zombie = self.strikes(Fault::Zombie);
        let port = Port::new(self, zombie);
        let task = {
            let (world, answered) = (Rc::clone(self), answered.clone());
            let (function, batch) = (name.to_owned(), batch.clone());
            self.engine.spawn(async move {
                let failed = functions::consume(&port, &function, &batch).await;
                answered.fill(&world.engine, failed);
            })
        };
        let short = zombie || self.strikes(Fault::InvocationTimeout);
        let patience = if short { self.engine.between(2, 300) } else { TIMEOUT };
        let (world, name) = (Rc::clone(self), name.to_owned());
        self.engine.spawn(async move {
            let failed = answered.wait(&world.engine, patience).await;
            if !zombie {
                world.engine.kill(task);
            }
            let mut queues = world.queues.borrow_mut();
            let queue = queues.get_mut(&name).unwrap();
            queue.running -= 1;
            if let Some(failed) = failed
                && !world.strikes(Fault::BatchResponseLost)
            {
                let swallowed = world.planted(Mutant::FailuresSwallowed);
                let done =
                    |id: &String| batch.iter().any(|m| m.id == *id) && (swallowed || !failed.contains(id));
                queue.messages.retain(|queued| !done(&queued.message.id));
            }
            drop(queues);
            world.poll_after(&name, 0);
        });
    }

    /// Tries again what was given up, as operations do after a look at it; poison is dropped.
    pub fn redrive(self: &Rc<Self>) {
        let names: Vec<String> = self.queues.borrow().keys().cloned().collect();
        for name in names {
            let dead = std::mem::take(&mut self.queues.borrow_mut().get_mut(&name).unwrap().dead);
            for Queued { message, .. } in dead {
                if message.body == POISON {
                    continue;
                }
                self.faults.count(Fault::Redrive);
                if name == "recover-fulfilment" && self.settle_by_hand(&message.body) {
                    continue;
                }
                self.enqueue(&name, message);
            }
        }
    }

    /// Messages that wait, and messages that were given up.
    pub fn backlog(&self) -> (usize, usize) {
        let queues = self.queues.borrow();
        (
            queues.values().map(|q| q.messages.len()).sum(),
            queues.values().map(|q| q.dead.iter().filter(|d| d.message.body != POISON).count()).sum(),
        )
    }
}
