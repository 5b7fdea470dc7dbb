//! Virtual time and the tasks that share it. Whatever happens next follows from the seed.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, hash_map::DefaultHasher},
    future::poll_fn,
    hash::{Hash, Hasher},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// The simulated day begins here: 2026-11-27T09:01:00Z, in milliseconds.
pub const EPOCH: i64 = 1_795_770_060_000;

pub type TaskId = u64;
type Task = Pin<Box<dyn Future<Output = ()>>>;

enum What {
    Poll(TaskId),
    Run(Box<dyn FnOnce()>),
}

struct Scheduled {
    at: i64,
    sequence: u64,
    what: What,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

pub struct Engine {
    now: Cell<i64>,
    sequence: Cell<u64>,
    scheduled: RefCell<BinaryHeap<Reverse<Scheduled>>>,
    tasks: RefCell<HashMap<TaskId, Task>>,
    current: Cell<TaskId>,
    crashed: Cell<bool>,
    rng: RefCell<fastrand::Rng>,
    hash: RefCell<DefaultHasher>,
    trace: RefCell<Vec<String>>,
    steps: Cell<u64>,
}

impl Engine {
    pub fn new(seed: u64) -> Self {
        Self {
            now: Cell::new(EPOCH),
            sequence: Cell::new(0),
            scheduled: RefCell::default(),
            tasks: RefCell::default(),
            current: Cell::new(0),
            crashed: Cell::new(false),
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            hash: RefCell::default(),
            trace: RefCell::default(),
            steps: Cell::new(0),
        }
    }

    pub fn now(&self) -> i64 {
        self.now.get()
    }

    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// From here on chance goes another way.
    pub fn vary(&self, variation: u64) {
        let mut rng = self.rng.borrow_mut();
        *rng = fastrand::Rng::with_seed(rng.get_seed() ^ variation);
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.rng.borrow_mut().u64(0..bound.max(1))
    }

    /// A number from `low` to `high`.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        self.rng.borrow_mut().i64(low..=high.max(low))
    }

    /// Whether something happens that does so with `probability`.
    pub fn chance(&self, probability: f64) -> bool {
        probability > 0.0 && self.rng.borrow_mut().f64() < probability
    }

    pub fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub fn uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.rng.borrow_mut().u128(..).to_be_bytes()).into_uuid()
    }

    /// Notes what happens: the hash of all notes tells two runs apart, and the last of them tell how it came so far.
    pub fn note(&self, text: impl FnOnce() -> String) {
        let line = format!("{:>9} {}", self.now() - EPOCH, text());
        line.hash(&mut *self.hash.borrow_mut());
        self.trace.borrow_mut().push(line);
    }

    pub fn trace_hash(&self) -> u64 {
        self.hash.borrow().finish()
    }

    pub fn trace(&self) -> Vec<String> {
        self.trace.borrow().clone()
    }

    fn schedule(&self, delay: i64, what: What) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        let at = self.now() + delay.max(0);
        self.scheduled.borrow_mut().push(Reverse(Scheduled { at, sequence, what }));
    }

    /// Does something after `delay` milliseconds.
    pub fn after(&self, delay: i64, action: impl FnOnce() + 'static) {
        self.schedule(delay, What::Run(Box::new(action)));
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) -> TaskId {
        let id = self.sequence.get();
        self.tasks.borrow_mut().insert(id, Box::pin(task));
        self.schedule(0, What::Poll(id));
        id
    }

    /// Ends a task wherever it stands.
    pub fn kill(&self, id: TaskId) -> bool {
        let task = self.tasks.borrow_mut().remove(&id);
        task.is_some()
    }

    /// Ends the current task at this very point.
    pub async fn crash(&self) {
        self.crashed.set(true);
        std::future::pending::<()>().await;
    }

    pub async fn sleep(&self, millis: i64) {
        let due = self.now() + millis.max(0);
        let mut waiting = false;
        poll_fn(|_| {
            if waiting && self.now() >= due {
                return Poll::Ready(());
            }
            if !waiting {
                waiting = true;
                self.schedule(due - self.now(), What::Poll(self.current.get()));
            }
            Poll::Pending
        })
        .await;
    }

    /// Runs until nothing is left to do, `until` is reached, or `stop` says so. Answers whether nothing is left.
    pub fn run(&self, until: i64, mut stop: impl FnMut() -> bool) -> bool {
        loop {
            let next = self.scheduled.borrow().peek().map(|Reverse(next)| next.at);
            match next {
                None => {
                    self.now.set(until);
                    return true;
                }
                Some(at) if at > until => {
                    self.now.set(until);
                    return false;
                }
                Some(_) => {}
            }
            let Some(Reverse(Scheduled { at, what, .. })) = self.scheduled.borrow_mut().pop() else {
                return true;
            };
            self.now.set(at);
            self.steps.set(self.steps.get() + 1);
            match what {
                What::Run(action) => action(),
                What::Poll(id) => self.poll(id),
            }
            if stop() {
                return false;
            }
        }
    }

    fn poll(&self, id: TaskId) {
        let Some(mut task) = self.tasks.borrow_mut().remove(&id) else { return };
        self.current.set(id);
        self.crashed.set(false);
        let pending = task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        if pending && !self.crashed.replace(false) {
            self.tasks.borrow_mut().insert(id, task);
        }
    }
}

/// A place where one task waits for what another one, or nobody, puts there.
pub struct Slot<T>(Rc<SlotState<T>>);

struct SlotState<T> {
    value: RefCell<Option<T>>,
    waiting: Cell<Option<TaskId>>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Rc::new(SlotState { value: RefCell::new(None), waiting: Cell::new(None) }))
    }
}

impl<T> Slot<T> {
    /// Puts a value there, if nothing was put there before; wakes who waits.
    pub fn fill(&self, engine: &Engine, value: T) -> bool {
        if self.0.value.borrow().is_some() {
            return false;
        }
        *self.0.value.borrow_mut() = Some(value);
        if let Some(task) = self.0.waiting.take() {
            engine.schedule(0, What::Poll(task));
        }
        true
    }

    pub fn is_filled(&self) -> bool {
        self.0.value.borrow().is_some()
    }

    /// What was put there.
    pub fn take(&self) -> Option<T> {
        self.0.value.borrow_mut().take()
    }

    /// What was put there, or `None` after `patience` milliseconds.
    pub async fn wait(&self, engine: &Engine, patience: i64) -> Option<T> {
        let due = engine.now() + patience;
        let mut waiting = false;
        poll_fn(|_| {
            let value = self.0.value.borrow_mut().take();
            if value.is_some() || (waiting && engine.now() >= due) {
                return Poll::Ready(value);
            }
            self.0.waiting.set(Some(engine.current.get()));
            if !waiting {
                waiting = true;
                engine.schedule(due - engine.now(), What::Poll(engine.current.get()));
            }
            Poll::Pending
        })
        .await
    }
}

impl Engine {
    /// Drops everything that is scheduled or under way.
    pub fn clear(&self) {
        let scheduled = std::mem::take(&mut *self.scheduled.borrow_mut());
        drop(scheduled);
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
    }
}
