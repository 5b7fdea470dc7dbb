//! Plants every bug in turn, on all cores.

use std::{sync::Mutex, thread};

use crate::{
    mutants::{ALL, Mutant},
    run::Simulation,
};

/// How a planted bug was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caught {
    /// The promise that broke.
    pub by: &'static str,
    /// After how many seeds.
    pub within: u64,
}

/// Runs the seeds below `seeds` until one notices.
pub fn plant(simulation: &Simulation, mutant: Mutant, seeds: u64) -> Option<Caught> {
    (0..seeds).find_map(|seed| {
        let violation = simulation.run(seed, Some(mutant)).violation?;
        Some(Caught { by: violation.invariant, within: seed + 1 })
    })
}

/// Plants each bug; `progress` hears how many were, of how many.
pub fn plant_each(seeds: u64, progress: impl Fn(usize, usize) + Sync) -> Vec<(Mutant, Option<Caught>)> {
    let left = Mutex::new(ALL.iter().copied().enumerate());
    let done = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let simulation = Simulation::default();
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((place, mutant)) = next else { break };
                    let caught = plant(&simulation, mutant, seeds);
                    let mut done = done.lock().unwrap();
                    done.push((place, mutant, caught));
                    progress(done.len(), ALL.len());
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_unstable_by_key(|(place, ..)| *place);
    done.into_iter().map(|(_, mutant, caught)| (mutant, caught)).collect()
}
