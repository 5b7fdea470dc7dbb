//! Everything there is in one simulated run.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use lakeside_fulfilment::memory::MemoryFulfilment;
use lakeside_inventory::memory::MemoryInventory;
use lakeside_orders::memory::{MemoryOrders, MemoryStatus};
use serde_json::Value;

use crate::{
    buses::{BusEvent, Rule},
    engine::{Engine, Slot},
    faults::{Fault, Faults},
    finals::Stages,
    mutants::Mutant,
    partners::{Carrier, Processor},
    queues::Queue,
    saga::Executions,
    streams::Stream,
};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub text: String,
}

/// Which calls a world is slow at: those whose names fall into one of `of` classes.
#[derive(Debug, Clone, Copy)]
pub struct Focus {
    pub of: u64,
    pub class: u64,
}

impl Focus {
    pub fn is_on(self, call: &str) -> bool {
        let sum = call.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        sum % self.of == self.class
    }
}

/// An invocation that asks a partner for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub at: String,
    pub invocation: String,
    pub deadline: i64,
}

pub struct World {
    pub engine: Engine,
    pub faults: Faults,
    pub mutant: Option<Mutant>,
    /// How long stock is held, before and after a deployment. In some worlds shorter than a saga may take.
    pub hold_seconds: [u32; 2],
    /// How long partners know an idempotency key: a day, as usual, or little longer than a request may be underway.
    pub key_lifetime: i64,
    /// When a new version was rolled out.
    pub deployed_at: Cell<Option<i64>>,
    /// Until when the buses of which source take nothing.
    pub outage: RefCell<Option<(String, i64)>>,
    /// Which attempts are at an effect outside: what and for whom, which invocation, and when it ends.
    pub attempts: RefCell<Vec<Attempt>>,
    /// How many calls take seconds, though nothing is wrong with them: who is overtaken shows then.
    pub sluggish: f64,
    /// Calls at which invocations fall asleep, if not at all of them.
    pub focus: Option<Focus>,
    /// How long the saga waits for answers from queues, as a part of what the state machine says.
    pub haste: i64,
    pub orders: MemoryOrders,
    pub inventory: MemoryInventory,
    pub fulfilment: MemoryFulfilment,
    pub status: MemoryStatus,
    pub streams: RefCell<BTreeMap<(&'static str, u64), Stream>>,
    pub rules: Vec<Rule>,
    pub archive: RefCell<Vec<Rc<BusEvent>>>,
    pub queues: RefCell<BTreeMap<String, Queue>>,
    pub tokens: RefCell<HashMap<String, Slot<Value>>>,
    pub executions: RefCell<Executions>,
    pub processor: RefCell<Processor>,
    pub carrier: RefCell<Carrier>,
    pub violation: RefCell<Option<Violation>>,
    pub stages: Stages,
    /// How long after its end a hold is left alone, in seconds.
    pub sweep_grace: u32,
}

impl World {
    pub fn planted(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn strikes(&self, fault: Fault) -> bool {
        self.faults.strike(&self.engine, fault)
    }

    /// A new version of everything is rolled out; for ten minutes both work side by side.
    pub fn deploy(&self) {
        self.engine.note(|| "a new version is rolled out".to_owned());
        self.deployed_at.set(Some(self.engine.now()));
    }

    /// Whether what begins now runs the new version.
    pub fn is_newer(&self) -> bool {
        const SHIFT: i64 = 600_000;
        self.deployed_at.get().is_some_and(|at| self.engine.now() - at > SHIFT || self.engine.chance(0.5))
    }

    /// The bus of `source` takes nothing until `until`.
    pub fn cut_off(&self, source: &str, until: i64) {
        self.engine.note(|| format!("the bus of {source} is out"));
        *self.outage.borrow_mut() = Some((source.to_owned(), until));
    }

    pub fn is_out(&self, source: &str) -> bool {
        self.outage.borrow().as_ref().is_some_and(|(out, until)| out == source && self.engine.now() < *until)
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

/// A message as the next version of its contract has it: with fields that this version does not know.
pub fn of_next_version(message: &str) -> String {
    let mut message: Value = serde_json::from_str(message).unwrap();
    let added = Value::from("of the next version");
    for member in ["metadata", "data"] {
        if let Some(object) = message.get_mut(member).and_then(Value::as_object_mut) {
            object.insert("addedLater".into(), added.clone());
        }
    }
    if let Some(object) = message.as_object_mut() {
        object.insert("addedLater".into(), added);
    }
    message.to_string()
}
