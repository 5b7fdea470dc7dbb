//! What can be said to `lakeside doctor`.

use clap::Args;

/// How to check.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Show only what is not as it should be
    #[arg(long)]
    pub quiet: bool,
}
