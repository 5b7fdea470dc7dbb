//! `make soak`: very many seeds of the simulation, in as many sittings as one likes.

use std::process::Command;

use crate::layout::{Layout, create_dir};
use crate::progress::Progress;
use crate::{cloud, run};

/// Runs the seeds below `seeds` that no earlier call has run.
pub fn soak(layout: &Layout, progress: &Progress, seeds: u64) -> anyhow::Result<()> {
    cloud::build(layout, progress)?;
    let state = layout.soak();
    if let Some(dir) = state.parent() {
        create_dir(dir)?;
    }
    let mut command = Command::new(layout.binary("lakeside-simulation"));
    command.current_dir(&layout.root).arg(format!("--seeds={seeds}")).arg("--soak").arg(&state);
    run::streamed("the soak", &mut command)
}
