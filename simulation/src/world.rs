//! Everything there is in one simulated run.

use std::{
    cell::RefCell,
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
}

impl World {
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
