//! Everything there is in one simulated run.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use lakeside_domain::{
    ids::{OrderId, Sku},
    level::Level,
    loyalty::Rate,
    money::{Currency, Money},
};
use lakeside_fulfilment::memory::MemoryFulfilment;
use lakeside_growth::memory::MemoryGrowth;
use lakeside_inventory::memory::{MemoryInventory, store_stock::MemoryStoreStock};
use lakeside_orders::memory::{MemoryOrders, MemoryStatus};
use serde_json::Value;

use crate::{
    buses::{Published, Router},
    counted::Counted,
    engine::{Engine, Slot},
    faults::{Fault, Faults},
    finals::Stages,
    functions::Guest,
    listings::{self, Squad},
    mutants::Mutant,
    partners::{Carrier, Processor},
    post::{Directory, Sent},
    queues::Queue,
    saga::Executions,
    streams::Stream,
    subscriptions::{Settings, subscriptions, timeouts},
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

/// What Terraform sets up, and no run changes.
pub struct Deployed {
    pub router: Router,
    pub queues: BTreeMap<String, Settings>,
    timeouts: BTreeMap<String, i64>,
}

impl Default for Deployed {
    fn default() -> Self {
        let subscriptions = subscriptions();
        let of_rules = subscriptions.iter().map(|s| (s.function.clone(), s.queue));
        let queues = of_rules.chain(listings::queues()).collect();
        let rules = subscriptions.into_iter().flat_map(|subscription| subscription.rules).collect();
        Self { router: Router::new(rules), queues, timeouts: timeouts() }
    }
}

pub struct World {
    pub engine: Engine,
    pub faults: Faults,
    pub mutant: Option<Mutant>,
    /// How long stock is held, before and after a deployment. In some worlds shorter than a saga may take.
    pub hold_seconds: [u32; 2],
    /// What earns a point, before and after a deployment.
    pub rates: [Rate; 2],
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
    /// Whether little goes wrong, there is enough for everybody, and nobody is in haste.
    pub kind: bool,
    /// How long the saga waits for answers from queues, as a part of what the state machine says.
    pub haste: i64,
    pub orders: MemoryOrders,
    pub inventory: MemoryInventory,
    pub fulfilment: MemoryFulfilment,
    pub growth: MemoryGrowth,
    pub status: MemoryStatus,
    pub store_stock: MemoryStoreStock,
    /// What the levels were when they were last read.
    pub levels_read: RefCell<BTreeMap<Sku, Vec<Level>>>,
    /// How often stock was written.
    pub stock_writes: Cell<u64>,
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
    pub directory: Directory,
    pub sent: RefCell<Sent>,
    /// What the functions have counted.
    pub counted: Counted,
    /// Orders that were fulfilled and undone after all.
    pub undone: RefCell<BTreeSet<OrderId>>,
    pub violation: RefCell<Option<Violation>>,
    /// What is told to marketplaces, and what they show.
    pub listings: Rc<Squad>,
    pub stages: Stages,
    /// How long after its end a hold is left alone, in seconds.
    pub sweep_grace: u32,
}

impl World {
    /// A world of this seed in which nothing has happened yet, and the faults in `without` never will.
    pub fn new(seed: u64, deployed: &Rc<Deployed>, mutant: Option<Mutant>, without: &[Fault]) -> Rc<Self> {
        let engine = Engine::new(seed);
        let focus = engine.chance(0.5).then(|| {
            let of = *engine.pick(&[2, 4, 8]);
            Focus { of, class: engine.below(of) }
        });
        let kind = engine.chance(0.25);
        let faults = Faults::draw(&engine, focus.is_some(), kind, without);
        let sluggish = *engine.pick(&[0.0, 0.0, 0.1, 0.4]);
        let haste = if kind { 1 } else { *engine.pick(&[1, 1, 40, 40]) };
        let hold_seconds =
            [*engine.pick(&[30, 1_800, 14_400, 14_400]), *engine.pick(&[30, 1_800, 14_400, 14_400])];
        let sweep_grace = *engine.pick(&[0, 60, 3_600]);
        let key_lifetime = *engine.pick(&[24 * 3_600_000, 900_000]);
        let rate = |amount: &i64| Rate::new(Money::new(*amount, Currency::USD)).unwrap();
        let rates = [rate(&100), rate(engine.pick(&[100, 40, 250]))];
        let directory = Directory::draw(&engine);
        let world = Rc::new(Self {
            engine,
            faults,
            mutant,
            hold_seconds,
            rates,
            sweep_grace,
            key_lifetime,
            deployed_at: Cell::default(),
            outage: RefCell::default(),
            attempts: RefCell::default(),
            focus,
            kind,
            haste,
            sluggish,
            orders: MemoryOrders::default(),
            inventory: MemoryInventory::default(),
            fulfilment: MemoryFulfilment::default(),
            growth: MemoryGrowth::default(),
            status: MemoryStatus::default(),
            store_stock: MemoryStoreStock::default(),
            levels_read: RefCell::default(),
            stock_writes: Cell::default(),
            stages: Stages::default(),
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
            directory,
            sent: RefCell::default(),
            counted: Counted::default(),
            listings: Rc::new(Squad::new(None)),
            undone: RefCell::default(),
            violation: RefCell::default(),
        });
        if let Some(mutant) = mutant {
            world.lift(mutant);
        }
        listings::connect(&world, &world.listings);
        world
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
