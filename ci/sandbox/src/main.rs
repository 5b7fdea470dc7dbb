//! Runs the sandbox until it is told to stop.

use std::{io::Write, net::Ipv4Addr, time::Duration};

use anyhow::Context;
use clap::Parser;
use lakeside_sandbox::{Options, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Stands in for the payment processor, the carrier and the marketplaces.
#[derive(Parser)]
struct Arguments {
    /// Port on the loopback interface; 0 takes a free one and prints it
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Requests a second that the processor takes, and each marketplace
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Milliseconds after which an effect lands whose answer was lost
    #[arg(long, default_value_t = 3_000)]
    landing_delay_ms: u64,
    /// Milliseconds for which a request hangs
    #[arg(long, default_value_t = 30_000)]
    hang_ms: u64,
    /// Where to report how payments ended
    #[arg(long)]
    callback_url: Option<reqwest::Url>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .await
        .with_context(|| format!("cannot listen on port {}", arguments.port))?;
    let address = listener.local_addr()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Whoever started us waits for this line; a closed pipe is no reason to stop.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    let options = Options {
        rate: arguments.rate,
        landing_delay: Duration::from_millis(arguments.landing_delay_ms),
        hang: Duration::from_millis(arguments.hang_ms),
        callback_url: arguments.callback_url,
    };
    serve(listener, options, async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        eprintln!("stopping");
    })
    .await
}
