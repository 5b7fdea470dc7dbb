//! Fails if the contracts of this checkout break somebody who relies on those of the main branch.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use lakeside_compatibility::{
    gate,
    repository::{self, Base},
};

#[derive(Parser)]
#[command(about = "Compares the contracts of this checkout with those of the main branch")]
struct Arguments {
    /// Compare with where this change left that revision, instead of the main branch
    #[arg(long, env = "LAKESIDE_CONTRACTS_BASE")]
    base: Option<String>,
    /// The checkout
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    checkout: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let named = arguments.base.as_deref().filter(|base| !base.is_empty());
    let current = repository::working_tree(&arguments.checkout)?;
    let (revision, previous) = match repository::base(&arguments.checkout, named, &current)? {
        Base::Found(revision, previous) => (revision, previous),
        Base::None(reason) => {
            println!("skipped: {reason}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let revision: String = revision.chars().take(12).collect();
    let verdict = gate::judge(&previous, &current)?;
    for note in &verdict.notes {
        println!("note: {note}");
    }
    if verdict.faults.is_empty() {
        println!("{} contracts, none breaks what {revision} promised", verdict.contracts);
        return Ok(ExitCode::SUCCESS);
    }
    for fault in &verdict.faults {
        eprintln!("{fault}");
    }
    eprintln!(
        "{} against {revision}: leave what is there as it is and put the next version beside it (CONTRIBUTING.md)",
        match verdict.faults.len() {
            1 => "1 breaking change".to_owned(),
            count => format!("{count} breaking changes"),
        }
    );
    Ok(ExitCode::FAILURE)
}
