//! What the simulation promises: the same seed tells the same story, every fault happens, no promise is broken, and
//! every planted bug is noticed.

#![expect(clippy::panic, reason = "a helper that fails must fail its test")]

use lakeside_simulation::{
    faults,
    fifo::Fifo,
    listings::{Listings, Mistake},
    mutants::{self, Mutant},
    planting::plant,
    run::{Outcome, Simulation},
    shrink::{Shrunk, shrink},
};

/// Seeds within which a planted bug must be noticed.
const PATIENCE: u64 = 1_000;
/// For those that hide behind a rare race.
const LONG_PATIENCE: u64 = 4_000;

fn hold(seeds: std::ops::Range<u64>) {
    let simulation = Simulation::default();
    for seed in seeds {
        let Outcome { violation, trace, .. } = simulation.run(seed, None);
        if let Some(violation) = violation {
            for line in trace.iter().rev().take(80).rev() {
                eprintln!("{line}");
            }
            panic!(
                "seed {seed} breaks {}: {}\nrun it again with: target/debug/lakeside-simulation --seed {seed}",
                violation.invariant, violation.text
            );
        }
    }
}

// Several tests of one kind, so that they share the cores.

#[test]
fn every_promise_holds_in_seeds_up_to_2500() {
    hold(0..2_500);
}

#[test]
fn every_promise_holds_in_seeds_up_to_5000() {
    hold(2_500..5_000);
}

#[test]
fn every_promise_holds_in_seeds_up_to_7500() {
    hold(5_000..7_500);
}

#[test]
fn every_promise_holds_in_seeds_up_to_10000() {
    hold(7_500..10_000);
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let simulation = Simulation::default();
    let mut hashes = Vec::new();
    for seed in 0..50 {
        let (first, second) = (simulation.run(seed, None), simulation.run(seed, None));
        assert_eq!((first.trace_hash, first.steps), (second.trace_hash, second.steps), "seed {seed}");
        hashes.push(first.trace_hash);
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 50);
}

#[test]
fn every_fault_happens_and_orders_are_fulfilled_all_the_same() {
    let simulation = Simulation::default();
    let mut counts = vec![0; faults::ALL.len()];
    let mut fulfilled = 0;
    let mut gates = ["RequestApproval", "CapturePayment", "CreateLabels"].map(|gate| (gate, 0));
    for seed in 0..400 {
        let outcome = simulation.run(seed, None);
        counts.iter_mut().zip(&outcome.faults).for_each(|(sum, count)| *sum += count);
        fulfilled += outcome.fulfilled;
        for (gate, closed) in &mut gates {
            let cancelled = format!(": {gate} CANCELLED_BY_CUSTOMER");
            *closed += outcome.trace.iter().filter(|line| line.ends_with(&cancelled)).count();
        }
    }
    for (gate, closed) in gates {
        assert!(closed > 0, "no customer's cancellation was in time for {gate}");
    }
    for (fault, count) in faults::ALL.iter().zip(counts) {
        assert!(count > 0, "{fault:?} never happened");
    }
    assert!(fulfilled > 600, "{fulfilled} orders were fulfilled: the worlds are too harsh to prove anything");
}

#[test]
fn a_broken_promise_is_shown_on_the_smallest_day_that_breaks_it() {
    let simulation = Simulation::default();
    let mutant = Some(Mutant::Inventory(lakeside_inventory::memory::Condition::ReserveAvailable));
    let broken = (0..PATIENCE).map(|seed| simulation.run(seed, mutant)).find(|o| o.violation.is_some());
    let broken = broken.unwrap();
    let promise = broken.violation.clone().map(|violation| violation.invariant);
    let (orders, struck) = (broken.orders, broken.faults.iter().filter(|count| **count > 0).count());
    let Shrunk { outcome, without } = shrink(&simulation, broken, mutant);
    assert_eq!(outcome.violation.map(|violation| violation.invariant), promise);
    assert!(without.orders.len() < orders);
    assert!(outcome.faults.iter().filter(|count| **count > 0).count() < struck);
    let again = simulation.run_without(outcome.seed, mutant, &without);
    assert_eq!(again.trace_hash, outcome.trace_hash);
}

fn noticed(mutants: impl Iterator<Item = &'static Mutant>) {
    let simulation = Simulation::default();
    for mutant in mutants {
        let patience = if mutants::RARE.contains(mutant) { LONG_PATIENCE } else { PATIENCE };
        assert!(
            plant(&simulation, *mutant, patience).is_some(),
            "{mutant} goes unnoticed: {} is not guarded",
            mutant.guard()
        );
    }
}

fn guarded() -> impl Iterator<Item = &'static Mutant> {
    mutants::ALL.iter().filter(|mutant| !mutants::UNNOTICED.contains(mutant))
}

#[test]
fn every_planted_bug_is_noticed_the_even_ones() {
    assert!(guarded().count() >= 25);
    noticed(guarded().step_by(2));
}

#[test]
fn every_planted_bug_is_noticed_the_odd_ones() {
    noticed(guarded().skip(1).step_by(2));
}

#[test]
fn a_fifo_queue_keeps_its_groups_in_order_under_all_faults() {
    let fifo = Fifo::default();
    let (mut poison, mut heard, mut dead) = (0, 0, 0);
    for seed in 0..2_000 {
        let outcome = fifo.run(seed);
        if let Some(broken) = outcome.broken {
            panic!("seed {seed}: {broken}\n{}", outcome.trace.join("\n"));
        }
        let fifo_poison = faults::ALL.iter().position(|fault| *fault == faults::Fault::FifoPoison);
        poison += fifo_poison.and_then(|fault| outcome.faults.get(fault)).copied().unwrap_or_default();
        heard += outcome.heard;
        dead += outcome.dead;
    }
    assert!(poison > 100 && dead > 100, "{poison} poison, {dead} dead");
    assert!(heard > 5 * dead, "{heard} messages were heard and {dead} given up");
    assert_eq!(fifo.run(3).trace_hash, fifo.run(3).trace_hash);
}

#[test]
fn marketplaces_end_at_the_newest_level_and_never_go_back_under_all_faults() {
    let listings = Listings::default();
    let (mut calls, mut shown) = (0, 0);
    for seed in 0..2_000 {
        let outcome = listings.run(seed, None);
        if let Some(broken) = outcome.broken {
            panic!("seed {seed}: {broken}\n{}", outcome.trace.join("\n"));
        }
        calls += outcome.calls;
        shown += outcome.shown;
    }
    assert!(shown > 10_000 && calls > shown, "{shown} levels were shown by {calls} calls");
    assert_eq!(listings.run(3, None).trace_hash, listings.run(3, None).trace_hash);
}

#[test]
fn every_mistake_with_levels_is_noticed() {
    let listings = Listings::default();
    let unnoticed: Vec<Mistake> = Mistake::ALL
        .into_iter()
        .filter(|mistake| (0..2_000).all(|seed| listings.run(seed, Some(*mistake)).broken.is_none()))
        .collect();
    assert_eq!(unnoticed, Vec::<Mistake>::new());
}
