//! `lakeside-bench`: our functions beside the same in Python, measured in one run. `cargo xtask bench` calls it.

use std::path::PathBuf;

use clap::Parser;
use lakeside_bench::{
    makes::Function,
    measured::{Amount, measure, table},
};

/// Measures our functions beside the same ones in Python
#[derive(Parser)]
struct Options {
    /// Where our binaries are
    #[arg(long)]
    binaries: PathBuf,
    /// The Python that has `ci/bench/python/requirements.txt`
    #[arg(long)]
    python: PathBuf,
    /// Where the Python functions are
    #[arg(long)]
    sources: PathBuf,
    /// Where logs go
    #[arg(long)]
    logs: PathBuf,
    /// Starts of each make
    #[arg(long, default_value_t = 15)]
    starts: u32,
    /// Batches of ten messages for each make
    #[arg(long, default_value_t = 300)]
    batches: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let amount = Amount { starts: options.starts, batches: options.batches };
    println!(
        "Medians of {} starts; {} batches of ten messages to one sandbox of each make.\n",
        options.starts, options.batches
    );
    // Each make is started in a directory of its own.
    let [binaries, python, sources] =
        [&options.binaries, &options.python, &options.sources].map(std::path::absolute);
    let (binaries, python, sources) = (binaries?, python?, sources?);
    for function in Function::ALL {
        let makes = [function.in_rust(&binaries), function.in_python(&python, &sources)];
        println!("{}", table(function, &measure(function, &makes, amount, &options.logs).await?));
    }
    Ok(())
}
