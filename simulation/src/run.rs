//! One run: first everything goes wrong, then nothing does any more, then everything is said again.

use std::rc::Rc;

use crate::{
    engine::EPOCH,
    faults::Fault,
    functions,
    invariants::at_rest,
    mutants::Mutant,
    workload::{self, Day},
    world::{Deployed, Violation, World},
};

const HOUR: i64 = 3_600_000;
/// Faults strike for so long.
const SAFETY: i64 = 3 * HOUR;
/// Rounds of repair after which everything must have come to rest.
const ROUNDS: usize = 24;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub seed: u64,
    pub violation: Option<Violation>,
    /// Two runs of a seed have the same.
    pub trace_hash: u64,
    pub steps: u64,
    /// Simulated, in milliseconds.
    pub duration: i64,
    pub faults: Vec<u64>,
    pub trace: Vec<String>,
    /// How many orders the day has.
    pub orders: usize,
    /// How many of them were fulfilled.
    pub fulfilled: usize,
    /// How many messages customers got.
    pub told: usize,
}

/// What does not change from run to run.
#[derive(Default)]
pub struct Simulation {
    deployed: Rc<Deployed>,
}

/// What is left out of a run: it shows what a broken promise needs.
#[derive(Debug, Clone, Default)]
pub struct Without {
    /// Faults that never strike.
    pub faults: Vec<Fault>,
    /// Orders that nobody places, by their place in the day.
    pub orders: Vec<usize>,
    /// Another course of the same day, unless it is zero.
    pub variation: u64,
}

impl Simulation {
    pub fn run(&self, seed: u64, mutant: Option<Mutant>) -> Outcome {
        self.run_without(seed, mutant, &Without::default())
    }

    pub fn run_without(&self, seed: u64, mutant: Option<Mutant>, without: &Without) -> Outcome {
        let world = World::new(seed, &self.deployed, mutant, &without.faults);
        let orders = drive(&world, without);
        let outcome = Outcome {
            seed,
            violation: world.violation.borrow().clone(),
            trace_hash: world.engine.trace_hash(),
            steps: world.engine.steps(),
            duration: world.engine.now() - EPOCH,
            faults: world.faults.counts(),
            trace: world.engine.trace(),
            orders,
            fulfilled: world.fulfilled().len(),
            told: world.sent.borrow().len(),
        };
        // What is scheduled holds the world, which holds what is scheduled.
        world.engine.clear();
        outcome
    }
}

/// Lives through the day; answers how many orders it has.
fn drive(world: &Rc<World>, without: &Without) -> usize {
    let skus = workload::stock(world);
    world.flow_stock();
    let mut day = Day::draw(world, &skus);
    let orders = day.orders();
    day.leave_out(&without.orders);
    if without.variation > 0 {
        world.engine.vary(without.variation);
    }
    workload::open(world, &day);
    workload::ask(world, &day.asked);
    run_by_the_clock(world);
    world.engine.run(EPOCH + SAFETY, || world.is_broken());
    world.faults.stop();
    settle(world);
    if !world.is_broken() {
        replay_is_silent(world, &day);
    }
    orders
}

/// At rest everything agrees, and stays so when everything is said again a month later.
fn replay_is_silent(world: &Rc<World>, day: &Day) {
    let before = at_rest(world, day);
    if world.is_broken() {
        return;
    }
    // Leases have ended by then, and the archives keep their events for longer.
    world.engine.run(world.engine.now() + 31 * 24 * HOUR, || world.is_broken());
    world.expire_leases();
    world.replay();
    settle(world);
    let after = at_rest(world, day);
    if let Some((was, is)) = before.lines().zip(after.lines()).find(|(was, is)| was != is) {
        world.violate("I7", || format!("a replay changed\n  {was}\nto\n  {is}"));
    }
}

/// The schedules of `sweep-reservations`, which in this world is in less of a hurry, and of `reconcile-stock`.
fn run_by_the_clock(world: &Rc<World>) {
    let (world, delay) = (Rc::clone(world), world.engine.between(60_000, 1_200_000));
    if world.engine.now() + delay < EPOCH + SAFETY {
        world.clone().engine.after(delay, move || {
            functions::sweep(&world);
            functions::reconcile(&world);
            run_by_the_clock(&world);
        });
    }
}

/// Runs without faults until nothing is left to do, with what operations do in between.
fn settle(world: &Rc<World>) {
    for _ in 0..ROUNDS {
        let until = world.engine.now() + world.engine.between(4, 30) * HOUR;
        world.engine.run(until, || world.is_broken());
        if world.is_broken() {
            return;
        }
        let (waiting, dead) = world.backlog();
        if waiting + dead + world.sagas_running() + world.sagas_stuck() == 0 && world.streams_are_read() {
            world.repair_parked();
            if world.sagas_running() == 0 {
                return;
            }
        }
        world.redrive();
        world.publish_parked();
        world.repair_parked();
        functions::sweep(world);
    }
    let (waiting, dead) = world.backlog();
    let (running, stuck) = (world.sagas_running(), world.sagas_stuck());
    world.violate("I4", || {
        format!("{waiting} messages wait, {dead} were given up, {running} sagas run and {stuck} are stuck for days")
    });
}
