//! `lakeside-deploy`: exit code 0 if all is as wanted, 1 if something failed, 2 for a wrong argument, 3 if a shift was
//! taken back.

use std::process::ExitCode;

use clap::Parser;
use lakeside_deploy::{Arguments, Outcome, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::RolledBack) => ExitCode::from(3),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
