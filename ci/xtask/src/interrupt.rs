//! Ctrl-C, SIGTERM and SIGHUP, noticed between two steps of whatever runs.
//!
//! A signal sets a flag. Every wait in this program is a loop that looks at the flag, ends what it waits for
//! and returns [`Interrupted`], so that the callers above can end what they started themselves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static PENDING: LazyLock<Arc<AtomicUsize>> = LazyLock::new(|| Arc::new(AtomicUsize::new(0)));

/// The user, or whoever runs this program, asked it to end.
#[derive(Debug)]
pub struct Interrupted {
    signal: usize,
}

impl Interrupted {
    /// 128 plus the signal's number, as a shell reports it.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(self.signal.saturating_add(128)).unwrap_or(1)
    }
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "interrupted by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

/// Starts to listen.
pub fn install() -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal).context("a signal has a negative number")?;
        signal_hook::flag::register_usize(signal, Arc::clone(&PENDING), number)
            .with_context(|| format!("cannot listen to signal {signal}"))?;
    }
    Ok(())
}

/// Fails as soon as a signal has arrived.
pub fn check() -> Result<(), Interrupted> {
    match PENDING.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Interrupted { signal }),
    }
}
