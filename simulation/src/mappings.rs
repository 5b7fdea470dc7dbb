//! Event source mappings: batches, concurrency, answers, and everything that goes wrong between a queue and a function.

use std::{collections::HashMap, rc::Rc};

use lakeside_kit::sqs::Message;

use crate::{
    engine::Slot,
    faults::Fault,
    functions,
    mutants::Mutant,
    ports::Port,
    queues::{Outgoing, Queue, Received},
    world::World,
};

/// The beginning of an event, and no more.
const POISON: &str = "{\"poison\":";

impl World {
    /// Sends to a standard queue.
    pub fn send(self: &Rc<Self>, queue: &str, body: String, attributes: &[(&str, &str)]) {
        let attributes: HashMap<String, String> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let message = Message { id: self.engine.uuid().to_string(), body, attributes, ..Message::default() };
        self.enqueue(queue, Outgoing { message: message.clone(), deduplication: None, unreadable: false });
        if self.strikes(Fault::DuplicateDelivery) {
            self.enqueue(queue, Outgoing { message, deduplication: None, unreadable: false });
        }
        if self.strikes(Fault::Poison) {
            self.enqueue_unreadable(queue, POISON.to_owned(), None);
        }
        if self.strikes(Fault::Oversize) {
            self.enqueue_oversize(queue);
        }
    }

    /// Sends to a FIFO queue. A sender that hears no answer sends again, under the same deduplication id.
    pub fn send_in_order(self: &Rc<Self>, queue: &str, group: &str, deduplication: &str, body: String) {
        let message = |body: String| Message {
            id: self.engine.uuid().to_string(),
            body,
            attributes: HashMap::new(),
            group: Some(group.to_owned()),
            ..Message::default()
        };
        let deduplication = Some(deduplication.to_owned());
        let outgoing = Outgoing { message: message(body), deduplication, unreadable: false };
        if self.strikes(Fault::FifoPoison) {
            self.enqueue_unreadable(queue, POISON.to_owned(), Some(group.to_owned()));
        }
        self.enqueue(queue, outgoing.clone());
        if self.strikes(Fault::DuplicateDelivery) {
            self.enqueue(queue, outgoing);
        }
    }

    /// A message that nobody can read; it must end among the dead letters.
    fn enqueue_unreadable(self: &Rc<Self>, queue: &str, body: String, group: Option<String>) {
        let id = self.engine.uuid().to_string();
        self.unreadable.set(self.unreadable.get() + 1);
        let deduplication = group.is_some().then(|| id.clone());
        let message = Message { id, body, group, ..Message::default() };
        self.enqueue(queue, Outgoing { message, deduplication, unreadable: true });
    }

    /// Garbage as long as a message may be, and a byte more, which the queue refuses.
    fn enqueue_oversize(self: &Rc<Self>, queue: &str) {
        let max = self.settings(queue).max_bytes;
        let body = match self.engine.below(3) {
            // A text without end, lists in lists, and JSON that is nothing anybody expects.
            0 => format!("{{\"oversize\":\"{}", "x".repeat(max - 13)),
            1 => "[".repeat(max),
            _ => format!("[{}1]", "1,".repeat((max - 3) / 2)),
        };
        let longer = body.clone() + &" ".repeat(max + 1 - body.len());
        self.enqueue_unreadable(queue, body, None);
        let id = self.engine.uuid().to_string();
        let message = Message { id, body: longer, attributes: HashMap::new(), ..Message::default() };
        self.enqueue(queue, Outgoing { message, deduplication: None, unreadable: false });
    }

    fn enqueue(self: &Rc<Self>, queue: &str, outgoing: Outgoing) {
        let now = self.engine.now();
        let mut queues = self.queues.borrow_mut();
        let to = queues.entry(queue.to_owned()).or_insert_with(|| Queue::new(self.settings(queue)));
        // FIFO queues deliver no message late: nothing may overtake it.
        let late = !to.settings.fifo && self.strikes(Fault::LateDelivery);
        let delay = if late {
            self.engine.between(10_000, *self.engine.pick(&[60_000, 600_000, 4_000_000]))
        } else {
            self.engine.between(1, 60)
        };
        let length = outgoing.message.body.len();
        let sent = to.send(outgoing, now, now + delay);
        drop(queues);
        match sent {
            Ok(()) => self.poll_after(queue, delay),
            Err(refused) => self.engine.note(|| format!("{queue} refuses {length} bytes: {refused:?}")),
        }
    }

    fn poll_after(self: &Rc<Self>, queue: &str, delay: i64) {
        let (world, queue) = (Rc::clone(self), queue.to_owned());
        self.engine.after(delay, move || world.poll_queue(&queue));
    }

    fn poll_queue(self: &Rc<Self>, name: &str) {
        let batch = {
            let mut queues = self.queues.borrow_mut();
            let queue = queues.get_mut(name).unwrap();
            let settings = queue.settings;
            if queue.running >= settings.concurrency {
                return;
            }
            let hide = || {
                // A FIFO queue does not deliver again what is hidden.
                let again = !settings.fifo && self.strikes(Fault::RedeliveryWhileProcessing);
                let hidden = if !again {
                    settings.visibility
                } else if self.engine.chance(0.3) {
                    // Just when the function's time is over.
                    settings.timeout + self.engine.between(-1_500, 3_000)
                } else {
                    self.engine.between(1, 2_000)
                };
                self.poll_after(name, hidden);
                hidden
            };
            let gives_up = |message: &Message| self.engine.note(|| format!("{name} gives up {}", message.id));
            let batch = queue.receive(self.engine.now(), settings.batch_size, hide, gives_up);
            if self.planted(Mutant::NoDeadLetterQueue) {
                queue.forget_dead_letters();
            }
            if batch.is_empty() {
                return;
            }
            queue.running += 1;
            batch
        };
        self.consume(name, batch);
    }

    fn consume(self: &Rc<Self>, name: &str, batch: Vec<Received>) {
        self.engine.note(|| {
            let ids: Vec<&str> = batch.iter().map(|r| r.message.id.get(..8).unwrap_or_default()).collect();
            format!("{name} takes {ids:?}")
        });
        // `None` if the function ends with an error instead of an answer.
        let answered: Slot<Option<Vec<String>>> = Slot::default();
        let zombie = self.strikes(Fault::Zombie);
        let timeout = self.settings(name).timeout;
        let port = {
            let (world, answered) = (Rc::clone(self), answered.clone());
            Port::new(self, timeout, zombie, move || {
                answered.fill(&world.engine, None);
            })
        };
        let task = {
            let (world, answered) = (Rc::clone(self), answered.clone());
            let function = name.to_owned();
            let messages: Vec<Message> = batch.iter().map(|received| received.message.clone()).collect();
            self.engine.spawn(async move {
                let failed = functions::consume(&port, &function, &messages).await;
                answered.fill(&world.engine, Some(failed));
            })
        };
        let short = zombie || self.strikes(Fault::InvocationTimeout);
        let patience = if short { self.engine.between(2, 300) } else { timeout };
        let (world, name) = (Rc::clone(self), name.to_owned());
        self.engine.spawn(async move {
            let failed = answered.wait(&world.engine, patience).await.flatten();
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
                for received in &batch {
                    if swallowed || !failed.contains(&received.message.id) {
                        queue.delete(received, world.engine.now());
                    }
                }
            }
            drop(queues);
            world.poll_after(&name, 0);
        });
    }

    /// Tries again what was given up, as operations do after a look at it; what cannot be read is dropped.
    pub fn redrive(self: &Rc<Self>) {
        let names: Vec<String> = self.queues.borrow().keys().cloned().collect();
        for name in names {
            let (messages, unreadable) = self.queues.borrow_mut().get_mut(&name).unwrap().take_dead_letters();
            self.parked.set(self.parked.get() + unreadable);
            for message in messages {
                self.faults.count(Fault::Redrive);
                if name == "recover-fulfilment" && self.settle_by_hand(&message.body) {
                    continue;
                }
                let delay = self.engine.between(1, 60);
                let visible_at = self.engine.now() + delay;
                self.queues.borrow_mut().get_mut(&name).unwrap().put_back(message, visible_at);
                self.poll_after(&name, delay);
            }
        }
    }

    /// Messages that wait, and messages that were given up.
    pub fn backlog(&self) -> (usize, usize) {
        let queues = self.queues.borrow();
        (queues.values().map(Queue::waiting).sum(), queues.values().map(Queue::given_up).sum())
    }
}
