//! `lakeside`, the operations command line: see one order's whole journey, and repair it with safety.
//!
//! What there is comes from the parameters that the platform and the squads publish, and what may be done from the caller's
//! role. `commands` are thin; what they decide, group, hide and draw is in modules that know no cloud.

#![allow(async_fn_in_trait, reason = "the command line runs on one thread")]

pub mod arguments;
pub mod clock;
pub mod cloud;
mod commands;
mod console;
pub mod consumers;
pub mod cost;
pub mod dead_letters;
pub mod doctor;
pub mod door;
pub mod environment;
pub mod events;
pub mod failure;
pub mod load;
pub mod logs;
pub mod output;
pub mod records;
pub mod redact;
pub mod replay;
pub mod saga;
pub mod stock;
pub mod trace;

use std::io::stdout;

use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, Task},
    cloud::Cloud,
    failure::Result,
    output::Output,
};

/// Does what the arguments say.
///
/// # Errors
/// With what is wrong, and what to do about it.
pub async fn run(arguments: Arguments) -> Result<()> {
    let output = arguments.output();
    match &arguments.task {
        Task::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "lakeside", &mut stdout());
            return Ok(());
        }
        Task::Cost(options) => {
            // Here a profile is one of Terraform's, for no cloud is asked.
            let profile = arguments.selection().profile;
            return commands::cost::run(output, options, profile.as_deref().unwrap_or("enterprise"));
        }
        Task::ExitCodes => return output.line(arguments::EXIT_CODES),
        _ => {}
    }
    let cloud = Cloud::open(&arguments.selection()).await?;
    match arguments.task {
        Task::Order(task) => commands::order::run(&cloud, output, task).await,
        Task::Trace(options) => commands::trace::run(&cloud, output, &options).await,
        Task::Saga(task) => commands::saga::run(&cloud, output, task).await,
        Task::Dlq(task) => commands::dlq::run(&cloud, output, task).await,
        Task::Events(task) => commands::events::run(&cloud, output, task).await,
        Task::Stock(task) => commands::stock::run(&cloud, output, task).await,
        Task::Doctor(options) => commands::doctor::run(&cloud, output, &options).await,
        Task::Load(options) => commands::load::run(&cloud, output, options).await,
        Task::Console(options) => console::run(cloud, output, &options).await,
        Task::Completions { .. } | Task::Cost(_) | Task::ExitCodes => Ok(()),
    }
}

/// Says what went wrong, to people or to a program.
pub fn report(output: Output, failure: &failure::Failure) {
    if output.json {
        let said =
            serde_json::json!({ "error": { "kind": failure.kind.name(), "message": failure.sentence } });
        output.remark(&said.to_string());
    } else {
        output.remark(&format!("error: {}", failure.sentence));
    }
}
