//! The simulated services do what the contract says of AWS's: the same cases run against a cloud in `ci/e2e`.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::Future,
    pin::pin,
    rc::Rc,
    task::{Context as TaskContext, Poll, Waker},
};

use anyhow::{Context, bail};
use lakeside_contracts::commands::FulfilOrder;
use lakeside_fulfilment::executions::{Execution, Executions, ExecutionsError, Started};
use lakeside_kit::{
    bus::{Bus, BusError},
    outbox::Entry,
    sqs::Message,
    task_token::{AnswerError, Answered, TaskTokens},
};
use lakeside_service_contracts::{
    buses::{Buses, Listened},
    every_case,
    executions::Sagas,
    queues::{self, Queues, Setup},
    rules::Rules,
    tokens::Waiting,
};
use lakeside_simulation::testing::{
    Outgoing, Port, Queue, Received, Refused, Router, Rule, Settings, Slot, World, calm_world, port,
    until_done,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// How long received messages are hidden.
const HIDDEN: i64 = 30_000;

fn settings(fifo: bool, max_receives: u32, max_bytes: usize) -> Settings {
    Settings {
        fifo,
        batch_size: 10,
        concurrency: 0,
        max_receives,
        visibility: HIDDEN,
        timeout: 5_000,
        max_bytes,
    }
}

/// All of them.
struct Simulated(Rc<World>);

impl Simulated {
    fn new() -> Self {
        Self(calm_world(7, Vec::new(), []))
    }
}

struct SimulatedQueue {
    now: Cell<i64>,
    sent: Cell<u64>,
    queue: RefCell<Queue>,
    received: RefCell<HashMap<String, Received>>,
}

impl Queues for Simulated {
    type Queue = SimulatedQueue;

    async fn queue(&self, setup: Setup) -> anyhow::Result<SimulatedQueue> {
        let Setup { fifo, max_receives, max_bytes } = setup;
        let queue = RefCell::new(Queue::new(settings(fifo, max_receives, max_bytes)));
        let (now, sent) = (Cell::new(0), Cell::new(0));
        Ok(SimulatedQueue { now, sent, queue, received: RefCell::default() })
    }
}

impl queues::Queue for SimulatedQueue {
    async fn send(&self, message: queues::Outgoing<'_>) -> anyhow::Result<bool> {
        self.sent.set(self.sent.get().saturating_add(1));
        let deduplication = message.deduplication.map(str::to_owned);
        let message = Message {
            id: self.sent.get().to_string(),
            body: message.body.to_owned(),
            attributes: HashMap::new(),
            group: message.group.map(str::to_owned),
            ..Message::default()
        };
        let outgoing = Outgoing { message, deduplication, unreadable: false };
        match self.queue.borrow_mut().send(outgoing, self.now.get(), self.now.get()) {
            Ok(()) => Ok(true),
            Err(Refused::TooLong | Refused::NotForFifo) => Ok(false),
        }
    }

    async fn receive(&self, max: i32) -> anyhow::Result<Vec<queues::Received>> {
        // Calls take time.
        self.now.set(self.now.get().saturating_add(10));
        let max = usize::try_from(max)?;
        let batch = self.queue.borrow_mut().receive(self.now.get(), max, || HIDDEN, |_| ());
        let arrived = batch.into_iter().map(|received| {
            let receipt = received.receipt.to_string();
            let (body, receive_count) = (received.message.body.clone(), received.receive_count);
            self.received.borrow_mut().insert(receipt.clone(), received);
            queues::Received { body, receive_count, receipt }
        });
        Ok(arrived.collect())
    }

    async fn arrival(&self, max: i32) -> anyhow::Result<Vec<queues::Received>> {
        loop {
            let arrived = self.receive(max).await?;
            if !arrived.is_empty() {
                return Ok(arrived);
            }
            let next = self.queue.borrow().next_visible(self.now.get());
            self.now.set(next.context("nothing will ever arrive")?);
        }
    }

    async fn dead_letter(&self) -> anyhow::Result<String> {
        // A message is given up where it would be received once more.
        while self.queue.borrow().given_up() == 0 {
            let next = self.queue.borrow().next_visible(self.now.get());
            self.now.set(next.context("nothing will ever be given up")?);
            let arrived = self.receive(10).await?;
            if !arrived.is_empty() {
                bail!("{arrived:?} arrived instead of being given up");
            }
        }
        let (mut dead, _) = self.queue.borrow_mut().take_dead_letters();
        Ok(dead.pop().context("a dead letter")?.body)
    }

    async fn delete(&self, receipt: &str) -> anyhow::Result<()> {
        let received = self.received.borrow();
        let received = received.get(receipt).context("a receipt of this queue")?;
        self.queue.borrow_mut().delete(received, self.now.get());
        Ok(())
    }

    async fn depth(&self) -> anyhow::Result<u64> {
        Ok(u64::try_from(self.queue.borrow().waiting())?)
    }
}

/// A bus whose rules lead to queues that nobody consumes.
struct SimulatedBus {
    world: Rc<World>,
    bus: Driven,
}

/// A port that lets the world go on while it is called.
struct Driven {
    world: Rc<World>,
    port: Rc<Port>,
}

impl Driven {
    fn new(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), port: port(world) }
    }
}

fn queue_of(rule: usize) -> String {
    format!("listener-{rule}")
}

impl Buses for Simulated {
    type Listened = SimulatedBus;

    async fn bus(&self, patterns: &[Value]) -> anyhow::Result<SimulatedBus> {
        let rule = |(position, pattern): (usize, &Value)| Rule {
            function: queue_of(position),
            bus: "orders".into(),
            pattern: pattern.to_string(),
        };
        let rules = patterns.iter().enumerate().map(rule).collect();
        let queues = (0..patterns.len()).map(|rule| (queue_of(rule), settings(false, 5, 262_144)));
        let world = calm_world(7, rules, queues);
        Ok(SimulatedBus { bus: Driven::new(&world), world })
    }
}

impl Bus for Driven {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        let (port, entries) = (Rc::clone(&self.port), entries.to_vec());
        until_done(&self.world, async move { port.put(&entries).await })
    }
}

impl Listened for SimulatedBus {
    type Bus = Driven;

    fn bus(&self) -> &Driven {
        &self.bus
    }

    async fn delivered(&self, rule: usize, _count: usize) -> anyhow::Result<Vec<Value>> {
        self.world.engine.run(self.world.engine.now().saturating_add(1_000), || false);
        let mut queues = self.world.queues.borrow_mut();
        let Some(queue) = queues.get_mut(&queue_of(rule)) else { return Ok(Vec::new()) };
        let batch = queue.receive(self.world.engine.now(), 100, || HIDDEN, |_| ());
        batch.iter().map(|received| Ok(serde_json::from_str(&received.message.body)?)).collect()
    }
}

impl Rules for Simulated {
    async fn matches(&self, pattern: &Value, event: &Value) -> anyhow::Result<bool> {
        let (function, bus, pattern) = (String::new(), "orders".to_owned(), pattern.to_string());
        let router = Router::new(vec![Rule { function, bus, pattern }]);
        Ok(!router.matching("orders", &event.to_string()).is_empty())
    }

    fn unlike_aws(&self) -> &[(&'static str, &'static str)] {
        &[(
            r#"{"detail":{"n":[{"numeric":[">",0,"<",5]}]}}"#,
            "quamina 0.7 takes 0 for more than 0; no rule of ours compares numbers",
        )]
    }
}

impl Executions for Driven {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        let (port, name, input) = (Rc::clone(&self.port), name.to_owned(), input.clone());
        until_done(&self.world, async move { port.start(&name, &input).await })
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        let (port, name) = (Rc::clone(&self.port), name.to_owned());
        until_done(&self.world, async move { port.describe(&name).await })
    }

    async fn entered(&self, name: &str, state: &str) -> Result<bool, ExecutionsError> {
        let (port, name, state) = (Rc::clone(&self.port), name.to_owned(), state.to_owned());
        until_done(&self.world, async move { port.entered(&name, &state).await })
    }
}

struct SimulatedSagas(Driven);

impl Sagas for SimulatedSagas {
    type Port = Driven;

    fn executions(&self) -> &Driven {
        &self.0
    }

    async fn stop(&self, name: &str) -> anyhow::Result<()> {
        self.0.world.stop_saga(name);
        Ok(())
    }

    fn seed(&self) -> Uuid {
        Uuid::from_u128(7)
    }
}

impl TaskTokens for Driven {
    async fn succeed<R: Serialize>(&self, token: &str, result: &R) -> Result<Answered, AnswerError> {
        let result = serde_json::to_value(result).map_err(|e| AnswerError(e.into()))?;
        let (port, token) = (Rc::clone(&self.port), token.to_owned());
        until_done(&self.world, async move { port.succeed(&token, &result).await })
    }
}

struct SimulatedWaiting {
    driven: Driven,
    heard: RefCell<HashMap<String, Slot<Option<Value>>>>,
}

impl Waiting for SimulatedWaiting {
    type Port = Driven;

    fn tokens(&self) -> &Driven {
        &self.driven
    }

    async fn wait(&self, briefly: bool) -> anyhow::Result<String> {
        let world = &self.driven.world;
        let (token, answer) = world.await_answer(if briefly { 2_000 } else { 3_600_000 });
        let heard = Slot::default();
        self.heard.borrow_mut().insert(token.clone(), heard.clone());
        let ended = Rc::clone(world);
        world.engine.spawn(async move {
            let answer = answer.await;
            heard.fill(&ended.engine, answer);
        });
        Ok(token)
    }

    async fn heard(&self, token: &str) -> anyhow::Result<Option<Value>> {
        let heard = self.heard.borrow().get(token).cloned().context("a token of this world")?;
        self.driven.world.engine.run(i64::MAX, || heard.is_filled());
        heard.take().context("the execution neither goes on nor times out")
    }
}

/// The services that the cases of a module are about.
mod service {
    use super::*;

    pub fn queues() -> Simulated {
        Simulated::new()
    }

    pub fn buses() -> Simulated {
        Simulated::new()
    }

    pub fn rules() -> Simulated {
        Simulated::new()
    }

    pub fn executions() -> SimulatedSagas {
        SimulatedSagas(Driven::new(&Simulated::new().0))
    }

    pub fn tokens() -> SimulatedWaiting {
        SimulatedWaiting { driven: Driven::new(&Simulated::new().0), heard: RefCell::default() }
    }
}

/// Runs a case that never waits: time passes only where the world lets it.
fn at_once(case: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    match pin!(case).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => bail!("the case waits for something that is not simulated"),
    }
}

macro_rules! case {
    ($module:ident::$name:ident) => {
        #[test]
        fn $name() -> anyhow::Result<()> {
            at_once(lakeside_service_contracts::$module::$name(&service::$module()))
        }
    };
}

every_case!(case);
