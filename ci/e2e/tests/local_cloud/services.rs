//! Queues, buses, rules, executions and task tokens do what the contract says, through the adapters that functions
//! use. The simulation is held to the same cases.

mod buses;
mod executions;
mod queues;
mod tokens;

use std::time::Duration;

use lakeside_service_contracts::every_case;

/// How long anything of these may take: a few times what received messages are hidden for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The cases in which the emulator does not do what AWS documents, and what it does instead. A case that holds all the
/// same fails its test, so that no difference outlives the emulator's release that ends it.
const UNLIKE_AWS: &[(&str, &str)] = &[
    (
        "a_start_is_repeated_while_the_execution_runs",
        "a start under a name that is taken is refused, even with the same input while the execution runs",
    ),
    (
        "exactly_the_entries_that_cannot_be_taken_are_reported",
        "PutEvents takes an entry whose detail is no JSON object",
    ),
];

/// Runs one case and removes whatever it made.
macro_rules! case {
    ($module:ident::$name:ident) => {
        #[tokio::test]
        async fn $name() -> anyhow::Result<()> {
            let service = service::$module().await?;
            let result = lakeside_service_contracts::$module::$name(&service).await;
            service.close().await?;
            let difference = UNLIKE_AWS.iter().find(|(case, _)| *case == stringify!($name));
            match (result, difference) {
                (Ok(()), Some((_, what))) => anyhow::bail!("no longer true of the emulator: {what}"),
                (Err(_), Some(_)) => Ok(()),
                (result, None) => result,
            }
        }
    };
}

/// The services that the cases of a module are about.
mod service {
    pub use super::{
        buses::scratch as buses, buses::scratch as rules, executions::scratch as executions,
        queues::scratch as queues, tokens::scratch as tokens,
    };
}

every_case!(case);
