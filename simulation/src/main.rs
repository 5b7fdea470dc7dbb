//! Runs seeds of the simulation and says which break a promise.

use std::{process::ExitCode, time::Instant};

use clap::Parser;
use lakeside_simulation::{
    faults, hot_sku,
    mutants::{self, Mutant},
    planting::plant_each,
    run::{Outcome, Simulation},
    shrink::shrink,
    soak::{Soaked, soak},
    telemetry,
};

#[derive(Parser)]
#[command(
    name = "lakeside-simulation",
    about = "Runs the functions in a simulated world where everything goes wrong"
)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct Arguments {
    /// Run this seed alone, and tell its story if it breaks a promise
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// Plant this bug
    #[arg(long)]
    mutant: Option<String>,
    /// Plant every bug in turn, and say in how many seeds and by which promise it is caught
    #[arg(long)]
    mutants: bool,
    /// Compare what a rush on one SKU costs, with one pool and with several, order by order and in batches
    #[arg(long)]
    hot_sku: bool,
    /// Measure what logs and metrics cost for each message
    #[arg(long)]
    telemetry: bool,
    /// Run the seeds on all cores, remember in this file how far that came, and go on from there
    #[arg(long, value_name = "FILE")]
    soak: Option<std::path::PathBuf>,
    /// Print the last lines of the story, however it ends
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let simulation = Simulation::default();
    if let Some(state) = &arguments.soak {
        return soak_all(arguments.seeds, state);
    }
    if arguments.hot_sku {
        print!("{}", hot_sku::report());
        return ExitCode::SUCCESS;
    }
    if arguments.telemetry {
        print!("{}", telemetry::report());
        return ExitCode::SUCCESS;
    }
    if arguments.mutants {
        return plant_all(arguments.seeds);
    }
    let mutant = arguments.mutant.as_ref().map(|name| mutants::ALL.iter().find(|m| m.to_string() == *name));
    let mutant = match mutant {
        Some(None) => {
            eprintln!("error: there is no such mutant: --mutants lists them");
            return ExitCode::FAILURE;
        }
        planted => planted.flatten().copied(),
    };
    let seeds = arguments.seed.map_or(0..arguments.seeds, |seed| seed..seed.saturating_add(1));
    let (began, mut steps, mut simulated) = (Instant::now(), 0_u64, 0_i64);
    let (mut orders, mut fulfilled, mut told) = (0_usize, 0_usize, 0_usize);
    let mut counts = vec![0_u64; faults::ALL.len()];
    let count = seeds.end.saturating_sub(seeds.start);
    for seed in seeds {
        let outcome = simulation.run(seed, mutant);
        steps = steps.saturating_add(outcome.steps);
        simulated = simulated.saturating_add(outcome.duration);
        orders = orders.saturating_add(outcome.orders);
        fulfilled = fulfilled.saturating_add(outcome.fulfilled);
        told = told.saturating_add(outcome.told);
        for (sum, count) in counts.iter_mut().zip(&outcome.faults) {
            *sum = sum.saturating_add(*count);
        }
        if arguments.trace || outcome.violation.is_some() {
            report(&outcome, if arguments.trace { usize::MAX } else { 400 });
        }
        if outcome.violation.is_some() {
            if !arguments.trace {
                report_smallest(&simulation, outcome, mutant);
            }
            return ExitCode::FAILURE;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    for (fault, count) in faults::ALL.iter().zip(&counts) {
        println!("{:<28} {count:>9}", format!("{fault:?}"));
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (rate, pace) = (count as f64 / seconds, simulated as f64 / 1000.0 / seconds);
    println!("{count} seeds in {seconds:.1} s: {rate:.0} seeds a second, {steps} steps");
    println!("{orders} orders, {fulfilled} of them fulfilled; {told} messages to customers");
    println!("{} simulated hours: {pace:.0} times as fast as they pass", simulated / 3_600_000);
    ExitCode::SUCCESS
}

fn soak_all(seeds: u64, state: &std::path::Path) -> ExitCode {
    match soak(seeds, state) {
        Ok(Soaked::Done) => {
            println!("{seeds} seeds keep every promise.");
            ExitCode::SUCCESS
        }
        Ok(Soaked::Broken(outcome)) => {
            report(&outcome, 400);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {}: {error}", state.display());
            ExitCode::FAILURE
        }
    }
}

/// Tells the end of a run's story, and which promise it breaks.
fn report(outcome: &Outcome, lines: usize) {
    for line in outcome.trace.iter().skip(outcome.trace.len().saturating_sub(lines)) {
        println!("{line}");
    }
    if let Some(violation) = &outcome.violation {
        println!("seed {} breaks {}: {}", outcome.seed, violation.invariant, violation.text);
        println!("run it again with: lakeside-simulation --seed {}", outcome.seed);
    }
}

/// Tells how little it takes to break the promise.
fn report_smallest(simulation: &Simulation, outcome: Outcome, mutant: Option<Mutant>) {
    println!("looking for the smallest day on which that happens ...");
    let shrunk = shrink(simulation, outcome, mutant);
    report(&shrunk.outcome, 400);
    let orders = shrunk.outcome.orders.saturating_sub(shrunk.without.orders.len());
    let counts = faults::ALL.iter().zip(&shrunk.outcome.faults);
    let needed: Vec<String> =
        counts.filter(|(_, count)| **count > 0).map(|(fault, count)| format!("{count} {fault:?}")).collect();
    println!("{orders} of {} orders are enough, with {}", shrunk.outcome.orders, needed.join(", "));
}

fn plant_all(seeds: u64) -> ExitCode {
    let excused = [mutants::UNNOTICED, mutants::RARE].concat();
    let mut survivors = 0_usize;
    println!("| planted bug | guard taken away | caught by | in seeds |\n|---|---|---|---|");
    for (mutant, caught) in plant_each(seeds, |planted, all| eprintln!("{planted} of {all} planted")) {
        let (by, within) = match caught {
            Some(caught) => (caught.by, caught.within.to_string()),
            None => ("**nothing**", String::new()),
        };
        survivors += usize::from(by == "**nothing**" && !excused.contains(&mutant));
        println!("| {mutant} | {} | {by} | {within} |", mutant.guard());
    }
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
