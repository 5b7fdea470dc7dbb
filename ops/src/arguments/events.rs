//! What can be said to `lakeside events`.

use clap::{Args, Subcommand};
use lakeside_contracts::WireTime;

use crate::replay::planning::{LAG_SECONDS, REST_SECONDS};

/// Of what was said on the buses.
#[derive(Debug, Subcommand)]
pub enum EventsTask {
    /// Replays that EventBridge still knows, newest first
    List(EventsListOptions),
    /// Tell again what was said on a bus, to those who may hear it twice, and see that nothing changed
    Replay(ReplayOptions),
}

/// Which replays.
#[derive(Debug, Args)]
pub struct EventsListOptions {
    /// How many at most
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

/// How to replay.
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// The bus: orders, inventory, fulfilment or growth
    pub bus: String,
    /// The beginning of the window, such as 2026-11-27T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: WireTime,
    /// Its end
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: WireTime,
    /// Who hears it, by the name of a rule or of the function behind it; may be given again. All who hear replays if not
    /// given
    #[arg(long = "rule", value_name = "NAME")]
    pub rules: Vec<String>,
    /// Tell those too that act outside
    #[arg(long)]
    pub although_effects: bool,
    /// How long after an event was said it is sure to be in the archive. A local cloud has it at once
    #[arg(long, default_value_t = LAG_SECONDS, value_name = "SECONDS")]
    pub lag: u64,
    /// For how long is waited until those who heard it have handled it
    #[arg(long, default_value_t = REST_SECONDS, value_name = "SECONDS")]
    pub rest_seconds: u64,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Say who would hear how much, and tell nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Times are read as they are shown, with or without fractions of a second.
///
/// # Errors
/// If it is no time, or has no zone.
pub fn time(text: &str) -> Result<WireTime, String> {
    let at: jiff::Timestamp =
        text.trim().parse().map_err(|_| format!("`{text}` is no time such as 2026-11-27T09:00:00Z"))?;
    Ok(crate::clock::of_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_zone_or_not_at_all() {
        assert_eq!(time("2026-11-27T09:00:00Z").unwrap().to_string(), "2026-11-27T09:00:00.000Z");
        assert_eq!(time(" 2026-11-27T10:00:00.5+01:00 ").unwrap().to_string(), "2026-11-27T09:00:00.500Z");
        assert!(time("2026-11-27T09:00:00").is_err(), "whose nine o'clock?");
        assert!(time("yesterday").is_err());
    }
}
