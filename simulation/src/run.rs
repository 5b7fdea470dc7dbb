//! One run: first everything goes wrong, then nothing does any more, then everything is said again.

use std::rc::Rc;

use crate::{
    engine::EPOCH,
    invariants::at_rest,
    mutants::Mutant,
    workload,
    world::{Deployed, Violation, World},
};

const HOUR: i64 = 3_600_000;
/// Faults strike for so long.
const SAFETY: i64 = 3 * HOUR;
/// Rounds of repair after which everything must have come to rest.
const ROUNDS: usize = 12;

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
}

/// What does not change from run to run.
#[derive(Default)]
pub struct Simulation {
    deployed: Rc<Deployed>,
}

impl Simulation {
    pub fn run(&self, seed: u64, mutant: Option<Mutant>) -> Outcome {
        let world = World::new(seed, &self.deployed, mutant);
        drive(&world);
        let outcome = Outcome {
            seed,
            violation: world.violation.borrow().clone(),
            trace_hash: world.engine.trace_hash(),
            steps: world.engine.steps(),
            duration: world.engine.now() - EPOCH,
            faults: world.faults.counts(),
            trace: world.engine.trace(),
        };
        // What is scheduled holds the world, which holds what is scheduled.
        world.engine.clear();
        outcome
    }
}

fn drive(world: &Rc<World>) {
    let skus = workload::stock(world);
    let submissions = workload::submissions(world, &skus);
    workload::open(world, &submissions);
    world.engine.run(EPOCH + SAFETY, || world.is_broken());
    world.faults.stop();
    settle(world);
    if world.is_broken() {
        return;
    }
    let before = at_rest(world, &submissions);
    if world.is_broken() {
        return;
    }
    // Leases have ended by then, and the archives keep their events for longer.
    world.engine.run(world.engine.now() + 31 * 24 * HOUR, || world.is_broken());
    world.replay();
    settle(world);
    let after = at_rest(world, &submissions);
    if let Some((was, is)) = before.lines().zip(after.lines()).find(|(was, is)| was != is) {
        world.violate("I7", || format!("a replay changed\n  {was}\nto\n  {is}"));
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
    }
    let (waiting, dead) = world.backlog();
    let (running, stuck) = (world.sagas_running(), world.sagas_stuck());
    world.violate("I4", || {
        format!("{waiting} messages wait, {dead} were given up, {running} sagas run and {stuck} are stuck for days")
    });
}
