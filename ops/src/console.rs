//! `lakeside console`: a page on this machine for those who would rather look than read.
//!
//! It shows what the commands show and does what they do, through the same functions and past the same guards. It is served
//! to loopback only, to whoever opens the address that was printed, and to no other site (`gate`). What it shows by itself is
//! read by one poller for all who watch, which makes no more calls than it may, and none while nobody watches (`poller`).

mod agreement;
mod assets;
mod desk;
mod gate;
mod operations;
mod overview;
mod poller;
mod server;
mod sources;
mod stages;
#[cfg(test)]
mod tests;
mod wishes;

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    arguments::console::ConsoleOptions,
    cloud::Cloud,
    failure::{Failure, Result},
    output::Output,
};

use self::{
    gate::Gate,
    poller::{Board, INTERVAL, Poller, calls_of_a_look},
    server::{Console, router},
};

/// Serves until it is ended.
///
/// # Errors
/// If the address is taken.
pub async fn run(cloud: Cloud, output: Output, options: &ConsoleOptions) -> Result<()> {
    let failed = |error| Failure::wrong(format!("cannot serve the console on {}: {error}", options.listen));
    let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
    let gate = Gate::new(listener.local_addr().map_err(failed)?, options.read_only);
    let url = gate.url();
    output.show(&json!({ "url": url }), || {
        let does = if options.read_only { "which only looks" } else { "which can do what you can" };
        format!(
            "the console, {does}: open it with\n  {url}\nIt makes at most {} calls to the cloud in a minute while somebody watches, and some more for each order that is opened. End it with Ctrl-C.",
            options.calls_per_minute
        )
    })?;
    let (board, prefix) = (Arc::new(Board::new()), cloud.environment.platform.prefix.clone());
    let poller = Poller::new(cloud.environment.queues.clone());
    let cloud = Arc::new(cloud);
    let console = Console {
        gate,
        operations: Arc::clone(&cloud),
        board: Arc::clone(&board),
        desk: Arc::default(),
        prefix,
        calls_per_minute: options.calls_per_minute,
    };
    tokio::select! {
        () = board.keep(&*cloud, poller, calls_of_a_look(options.calls_per_minute), INTERVAL) => Ok(()),
        served = axum::serve(listener, router(console)) => served.map_err(failed),
    }
}
