//! The binary: see `lakeside help exit-codes` for what it answers.

use std::process::ExitCode;

use clap::Parser as _;
use lakeside_cli::{arguments::Arguments, report, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.output();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(output, &failure);
            failure.exit_code()
        }
    }
}
