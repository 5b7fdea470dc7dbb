//! Queues as SQS has them: visibility, receive counts, dead letters, size limits; of FIFO queues also order, groups and
//! deduplication. Event source mappings are in `mappings.rs`.

use std::collections::{HashMap, HashSet};

use lakeside_kit::sqs::Message;

use crate::subscriptions::Settings;

/// A FIFO queue takes a message with a deduplication id once in so much time.
const DEDUPLICATION: i64 = 300_000;

/// A message in a queue. A standard queue may hold several copies of one message.
#[derive(Clone)]
struct Queued {
    /// Tells copies of one message apart.
    copy: u64,
    message: Message,
    /// Nobody can read it: it must end among the dead letters.
    unreadable: bool,
    receives: u32,
    visible_at: i64,
    /// Given anew whenever the message is received.
    receipt: u64,
}

/// A message as a consumer gets it.
#[derive(Clone)]
pub struct Received {
    copy: u64,
    pub message: Message,
    pub receive_count: u32,
    pub receipt: u64,
}

/// A message on its way to a queue.
#[derive(Clone)]
pub struct Outgoing {
    pub message: Message,
    /// FIFO queues take the same id once in five minutes.
    pub deduplication: Option<String>,
    pub unreadable: bool,
}

/// Why a queue does not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    TooLong,
    /// On a FIFO queue a message needs a group and a deduplication id.
    NotForFifo,
}

pub struct Queue {
    pub settings: Settings,
    messages: Vec<Queued>,
    dead: Vec<Queued>,
    /// When deduplication ids were taken first.
    taken: HashMap<String, i64>,
    copies: u64,
    receipts: u64,
    /// Invocations under way.
    pub running: usize,
}

impl Queue {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            messages: Vec::new(),
            dead: Vec::new(),
            taken: HashMap::new(),
            copies: 0,
            receipts: 0,
            running: 0,
        }
    }

    /// Takes a message, to be received from `visible_at` on. What a FIFO queue knows already it takes and forgets.
    pub fn send(&mut self, outgoing: Outgoing, now: i64, visible_at: i64) -> Result<(), Refused> {
        let Outgoing { message, deduplication, unreadable } = outgoing;
        let attributes: usize = message.attributes.iter().map(|(name, text)| name.len() + text.len()).sum();
        if message.body.len() + attributes > self.settings.max_bytes {
            return Err(Refused::TooLong);
        }
        if self.settings.fifo {
            let Some(id) = deduplication.filter(|_| message.group.is_some()) else {
                return Err(Refused::NotForFifo);
            };
            if self.taken.get(&id).is_some_and(|taken| now < taken + DEDUPLICATION) {
                return Ok(());
            }
            self.taken.insert(id, now);
        }
        self.push(message, unreadable, visible_at);
        Ok(())
    }

    fn push(&mut self, message: Message, unreadable: bool, visible_at: i64) {
        self.copies += 1;
        self.messages.push(Queued {
            copy: self.copies,
            message,
            unreadable,
            receives: 0,
            visible_at,
            receipt: 0,
        });
    }

    /// Up to `max` messages that are there, each hidden for as long as `hide` says from now on. What was received too
    /// often is given up; its id is told to `gives_up`.
    pub fn receive(
        &mut self,
        now: i64,
        max: usize,
        mut hide: impl FnMut() -> i64,
        mut gives_up: impl FnMut(&Message),
    ) -> Vec<Received> {
        let mut blocked: HashSet<String> = HashSet::new();
        if self.settings.fifo {
            let in_flight =
                self.messages.iter().filter(|queued| queued.receives > 0 && queued.visible_at > now);
            blocked.extend(in_flight.filter_map(|queued| queued.message.group.clone()));
        }
        let mut batch: Vec<Received> = Vec::new();
        let mut index = 0;
        while index < self.messages.len() && batch.len() < max {
            let queued = &mut self.messages[index];
            let group = queued.message.group.as_ref().filter(|_| self.settings.fifo);
            if group.is_some_and(|group| blocked.contains(group)) {
                index += 1;
                continue;
            }
            if queued.visible_at > now {
                // It has not arrived yet, and what comes behind it in its group must not overtake it.
                blocked.extend(group.cloned());
                index += 1;
                continue;
            }
            if batch.iter().any(|received| received.message.id == queued.message.id) {
                index += 1;
                continue;
            }
            if queued.receives >= self.settings.max_receives {
                let given_up = self.messages.remove(index);
                gives_up(&given_up.message);
                self.dead.push(given_up);
                continue;
            }
            self.receipts += 1;
            queued.receives += 1;
            queued.visible_at = now + hide();
            queued.receipt = self.receipts;
            batch.push(Received {
                copy: queued.copy,
                message: queued.message.clone(),
                receive_count: queued.receives,
                receipt: queued.receipt,
            });
            index += 1;
        }
        batch
    }

    /// Deletes a message, but no other copy of it. On a standard queue also one that was received again since; on a FIFO queue only for who
    /// received it last, and only while it is hidden.
    pub fn delete(&mut self, received: &Received, now: i64) {
        let fifo = self.settings.fifo;
        self.messages.retain(|queued| {
            let same = queued.copy == received.copy;
            let mine = !fifo || (queued.receipt == received.receipt && queued.visible_at > now);
            !(same && mine)
        });
    }

    /// When the next message can be received that cannot be by now.
    pub fn next_visible(&self, now: i64) -> Option<i64> {
        self.messages.iter().map(|queued| queued.visible_at).filter(|at| *at > now).min()
    }

    /// Messages that wait or are being handled.
    pub fn waiting(&self) -> usize {
        self.messages.len()
    }

    /// What was given up and could be read.
    pub fn given_up(&self) -> usize {
        self.dead.iter().filter(|dead| !dead.unreadable).count()
    }

    /// What was given up and nobody can read.
    pub fn parked(&self) -> usize {
        self.dead.len() - self.given_up()
    }

    /// Takes the dead letters out: those that can be read, and how many cannot.
    pub fn take_dead_letters(&mut self) -> (Vec<Message>, usize) {
        let (unreadable, readable): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.dead).into_iter().partition(|dead| dead.unreadable);
        (readable.into_iter().map(|dead| dead.message).collect(), unreadable.len())
    }

    /// Loses the dead letters.
    pub fn forget_dead_letters(&mut self) {
        self.dead.clear();
    }

    /// Puts back what was given up, as new: a redrive knows no deduplication.
    pub fn put_back(&mut self, message: Message, visible_at: i64) {
        self.push(message, false, visible_at);
    }
}
