//! Everything there is in one simulated run.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use serde_json::Value;

use crate::{
    buses::{Published, Router},
    engine::{Engine, Slot},
    faults::{Fault, Faults},
    functions::Guest,
    mutants::Mutant,
    partners::{Carrier, Processor},
    queues::Queue,
    saga::Executions,
    streams::Stream,
    subscriptions::{Settings, subscriptions, timeouts},
    tables::{Fulfilment, Inventory, Orders, Status},
};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub text: String,
}

/// What Terraform sets up, and no run changes.
pub struct Deployed {
    pub router: Router,
    pub queues: BTreeMap<String, Settings>,
    timeouts: BTreeMap<String, i64>,
}

impl Default for Deployed {
    fn default() -> Self {
        let subscriptions = subscriptions();
        let queues = subscriptions.iter().map(|s| (s.function.clone(), s.queue)).collect();
        let rules = subscriptions.into_iter().flat_map(|subscription| subscription.rules).collect();
        Self { router: Router::new(rules), queues, timeouts: timeouts() }
    }
}

pub struct World {
    pub engine: Engine,
    pub faults: Faults,
    pub mutant: Option<Mutant>,
    /// How long stock is held. In some worlds shorter than a saga may take.
    pub hold_seconds: u32,
    /// How many calls take seconds, though nothing is wrong with them: who is overtaken shows then.
    pub sluggish: f64,
    /// How long the saga waits for answers from queues, as a part of what the state machine says.
    pub haste: i64,
    pub orders: RefCell<Orders>,
    pub inventory: RefCell<Inventory>,
    pub fulfilment: RefCell<Fulfilment>,
    pub status: RefCell<Status>,
    /// The outbox that each item has now.
    pub outboxes: RefCell<HashMap<String, Vec<lakeside_kit::outbox::Entry>>>,
    pub streams: RefCell<BTreeMap<(&'static str, u64), Stream>>,
    pub deployed: Rc<Deployed>,
    /// Everything that was said on the platform's own buses, archived by now or not.
    pub archive: RefCell<Vec<Rc<Published>>>,
    pub queues: RefCell<BTreeMap<String, Queue>>,
    /// Messages that nobody can read, and those of them that were parked and dropped since.
    pub unreadable: Cell<usize>,
    pub parked: Cell<usize>,
    pub guests: RefCell<BTreeMap<String, Guest>>,
    pub tokens: RefCell<HashMap<String, Slot<Value>>>,
    pub executions: RefCell<Executions>,
    pub processor: RefCell<Processor>,
    pub carrier: RefCell<Carrier>,
    pub violation: RefCell<Option<Violation>>,
}

impl World {
    /// A world of this seed in which nothing has happened yet.
    pub fn new(seed: u64, deployed: &Rc<Deployed>, mutant: Option<Mutant>) -> Rc<Self> {
        let engine = Engine::new(seed);
        let faults = Faults::draw(&engine);
        let sluggish = *engine.pick(&[0.0, 0.0, 0.1, 0.4]);
        let haste = *engine.pick(&[1, 1, 1, 40]);
        let hold_seconds = *engine.pick(&[1_800, 14_400]);
        Rc::new(Self {
            engine,
            faults,
            mutant,
            hold_seconds,
            haste,
            sluggish,
            orders: RefCell::default(),
            inventory: RefCell::default(),
            fulfilment: RefCell::default(),
            status: RefCell::default(),
            outboxes: RefCell::default(),
            streams: RefCell::default(),
            deployed: Rc::clone(deployed),
            archive: RefCell::default(),
            queues: RefCell::default(),
            unreadable: Cell::default(),
            parked: Cell::default(),
            guests: RefCell::default(),
            tokens: RefCell::default(),
            executions: RefCell::default(),
            processor: RefCell::default(),
            carrier: RefCell::default(),
            violation: RefCell::default(),
        })
    }

    /// How a function's queue and mapping are set up.
    pub fn settings(&self, queue: &str) -> Settings {
        let found = self.deployed.queues.get(queue);
        *found.unwrap_or_else(|| panic!("no squad's Terraform has a queue `{queue}`"))
    }

    /// How long an invocation of a function may take, in milliseconds.
    pub fn timeout(&self, function: &str) -> i64 {
        let found = self.deployed.timeouts.get(function);
        *found.unwrap_or_else(|| panic!("no squad's Terraform has a function `{function}`"))
    }

    pub fn planted(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn strikes(&self, fault: Fault) -> bool {
        self.faults.strike(&self.engine, fault)
    }

    /// Ends the run: a promise is broken.
    pub fn violate(&self, invariant: &'static str, text: impl FnOnce() -> String) {
        let mut violation = self.violation.borrow_mut();
        if violation.is_none() {
            let text = text();
            self.engine.note(|| format!("BROKEN {invariant}: {text}"));
            *violation = Some(Violation { invariant, text });
        }
    }

    pub fn check(&self, holds: bool, invariant: &'static str, text: impl FnOnce() -> String) {
        if !holds {
            self.violate(invariant, text);
        }
    }

    pub fn is_broken(&self) -> bool {
        self.violation.borrow().is_some()
    }
}
