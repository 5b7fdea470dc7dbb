//! Waiting for something to become true, never for time to pass.

use std::{ops::ControlFlow, time::Duration};

use anyhow::bail;
use tokio::time::{Instant, sleep};

const INTERVAL: Duration = Duration::from_millis(100);

/// What a look at the world says: [`ControlFlow::Break`] with the result, or [`ControlFlow::Continue`] with what
/// is still missing.
pub type Look<T> = ControlFlow<T, String>;

/// Looks until the result is there.
///
/// # Errors
/// With what was still missing if `deadline` passes, or with the error of a look.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Look<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        match look().await? {
            ControlFlow::Break(result) => return Ok(result),
            ControlFlow::Continue(missing) if Instant::now() >= end => {
                bail!("{what} did not happen within {} s: {missing}", deadline.as_secs());
            }
            ControlFlow::Continue(_) => sleep(INTERVAL).await,
        }
    }
}
