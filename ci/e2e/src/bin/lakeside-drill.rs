//! Lets a Region fail with orders in flight, fails over to the other one and back, then reconciles. Before a standby is
//! applied, `--prepare` gives its Region what AWS has in every one and the emulator has not.

use std::{env, path::Path, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use lakeside_e2e::{cloud::Cloud, drill, regions::make_default_key, settings::Settings};

/// Let a Region fail with orders in flight, fail over and back, and reconcile.
#[derive(Parser)]
#[command(name = "lakeside-drill")]
struct Arguments {
    /// Only prepare this Region of the emulator for a standby
    #[arg(long)]
    prepare: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = async {
        let home = open("LAKESIDE_HOME_ENV_FILE")?;
        if let Some(region) = arguments.prepare {
            return make_default_key(&home.in_region(&region)).await;
        }
        let standby = open("LAKESIDE_STANDBY_ENV_FILE")?;
        Box::pin(drill::run(home, standby)).await
    }
    .await;
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn open(variable: &str) -> anyhow::Result<Cloud> {
    let file = env::var_os(variable).with_context(|| format!("{variable} is not set: run `make drill`"))?;
    Cloud::of(&Settings::of(Path::new(&file))?)
}
