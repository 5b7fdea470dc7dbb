//! Builds, starts, checks and measures Lakeside on one machine; the Makefile is its front door.

mod bench;
mod browser;
mod check;
mod cloud;
mod consumer;
mod demo;
mod drift;
mod drill;
mod envfile;
mod fingerprint;
mod functions;
mod guardrails;
mod http;
mod interrupt;
mod lanes;
mod layout;
mod mirror;
mod package;
mod permissions;
mod policies;
mod ports;
mod process;
mod progress;
mod run;
mod soak;
mod suite;
mod terraform;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::layout::Layout;
use crate::progress::Progress;

#[derive(Parser)]
#[command(name = "xtask", about = "Builds, starts, checks and measures Lakeside on this machine")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the functions, start the local cloud and apply every Terraform root to it
    Up,
    /// End the local cloud and forget its state
    Down,
    /// Follow real orders through the local cloud
    Demo {
        /// Arguments for the demo itself
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Format, lints, licences, contracts, purity, Terraform, state machine, names
    Check {
        /// Run only the checks whose name contains one of these words
        only: Vec<String>,
    },
    /// Write a new consumer: a directory with its subscription, its function, its table and their tests
    NewConsumer(consumer::Options),
    /// Write a consumer, build it, test it, and take it away again
    RehearseConsumer,
    /// Put a consumer that has a directory of its own into a running cloud, or take it out
    Consumer {
        /// What to do
        #[arg(value_enum)]
        action: consumer::Action,
        /// Which one
        name: String,
        /// Where the cloud keeps its things: `.local`, or `.local/test` for the one of the end-to-end tests
        #[arg(long)]
        cloud: Option<std::path::PathBuf>,
    },
    /// Build and package the functions of one squad as they are deployed
    Package(package::Options),
    /// Plan every Terraform root again on the local cloud and report what would change
    Drift,
    /// Compare what every role is granted with what it did, on a cloud on which the end-to-end tests ran
    Permissions {
        /// Write the comparison to docs/permissions.md
        #[arg(long)]
        write: bool,
        /// Where the cloud keeps its things: `.local`, or `.local/test` for the one of the end-to-end tests
        #[arg(long)]
        cloud: Option<std::path::PathBuf>,
    },
    /// Apply the guardrails to an emulator of their own, look at what is there, and take them away again
    Guardrails,
    /// Plan every Terraform root in every profile on the local cloud and judge the plans by the platform's policies
    Policies,
    /// Let a Region fail with orders in flight, and fail over to another one and back
    Drill {
        /// Let the cloud run on afterwards
        #[arg(long)]
        keep: bool,
    },
    /// The checks, every test, and the end-to-end tests on a local cloud of their own
    Test,
    /// Run very many seeds of the simulation, from where the last call stopped
    Soak {
        /// How many in all
        #[arg(long, default_value_t = 1_000_000)]
        seeds: u64,
    },
    /// Size and start-up time of every function, and the time from accepted to fulfilled
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = interrupt::install().and_then(|()| run_task(arguments.task));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

fn run_task(task: Task) -> anyhow::Result<()> {
    let layout = Layout::find()?;
    let progress = Progress::new();
    match task {
        Task::Up => cloud::up_and_report(&layout, &progress),
        Task::Down => {
            cloud::down(&layout.cloud(), &progress)?;
            drill::end(&layout, &progress)
        }
        Task::Demo { arguments } => demo::demo(&layout, &progress, &arguments),
        Task::Check { only } => check::check(&layout, &progress, &only),
        Task::NewConsumer(options) => consumer::new(&layout, &progress, &options),
        Task::RehearseConsumer => consumer::rehearsal::rehearse(&layout, &progress),
        Task::Consumer { action, name, cloud } => {
            let paths = paths_of(&layout, cloud);
            consumer::deploy(&layout, &paths, &progress, action, &name)
        }
        Task::Package(options) => package::package_squad(&layout, &progress, &options),
        Task::Drift => {
            drift::check(&layout, &progress, &terraform::Terraform::prepare(&layout)?, &layout.cloud())
        }
        Task::Permissions { write, cloud } => {
            let terraform = terraform::Terraform::prepare(&layout)?;
            permissions::check(&layout, &progress, &terraform, &paths_of(&layout, cloud), write)
        }
        Task::Guardrails => guardrails::rehearse(&layout, &progress),
        Task::Policies => {
            policies::check(&layout, &progress, &terraform::Terraform::prepare(&layout)?, &layout.cloud())
        }
        Task::Drill { keep } => drill::drill(&layout, &progress, keep),
        Task::Test => suite::test(&layout, &progress),
        Task::Soak { seeds } => soak::soak(&layout, &progress, seeds),
        Task::Bench(options) => bench::bench(&layout, &progress, &options),
    }
}

/// The cloud in a directory, or the user's.
fn paths_of(layout: &Layout, dir: Option<std::path::PathBuf>) -> layout::CloudPaths {
    dir.map_or_else(|| layout.cloud(), |dir| layout::CloudPaths { dir })
}

fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(interrupted) = error.downcast_ref::<interrupt::Interrupted>() {
        eprintln!("{interrupted}");
        return ExitCode::from(interrupted.exit_code());
    }
    print_error(error);
    ExitCode::FAILURE
}

/// Prints one sentence, after the end of the failed command's log where there is one.
fn print_error(error: &anyhow::Error) {
    if let Some(failed) = error.downcast_ref::<run::CommandFailed>() {
        for line in &failed.tail {
            eprintln!("    {line}");
        }
    }
    eprintln!("error: {error:#}");
}
