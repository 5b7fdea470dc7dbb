//! Follows real orders through a running cloud, then reconciles.

use std::process::ExitCode;

use clap::Parser;
use lakeside_e2e::{bench, cloud::Cloud, demo, units};

/// Follow real orders through a running cloud, then reconcile stock, payments and queues.
#[derive(Parser)]
#[command(name = "lakeside-demo")]
struct Arguments {
    /// Place 20 orders one after the other and measure instead
    #[arg(long)]
    bench: bool,
    /// Measure acceptance under load instead, in the end with so many orders waiting
    #[arg(long, value_name = "ORDERS")]
    bench_load: Option<usize>,
    /// Count what an order uses of each service instead, and print it as ops/data/units.json has it
    #[arg(long, value_name = "DAY")]
    count_units: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = async {
        if let Some(day) = &arguments.count_units {
            print!("{}", units::as_file(&units::count(units::ORDERS).await?, units::ORDERS, day)?);
            return Ok(());
        }
        if let Some(queued) = arguments.bench_load {
            return bench::load::run(queued).await;
        }
        let cloud = Cloud::open()?;
        if arguments.bench { bench::run(&cloud).await } else { demo::run(&cloud).await }
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
