//! `make drill`: a Region fails with orders in flight, the other one takes over, and gives back.

use std::process::Command;

use crate::cloud::regions::{self, Paths, Regions};
use crate::layout::Layout;
use crate::progress::Progress;
use crate::terraform::Terraform;
use crate::{policies, run};

/// Ends the cloud of a drill that was to be kept, if there is one.
pub fn end(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let paths = Paths::of(layout);
    if paths.home.run().exists() { regions::down(&paths, progress) } else { Ok(()) }
}

/// Runs the drill on a cloud of its own, which it ends unless told to `keep` it.
pub fn drill(layout: &Layout, progress: &Progress, keep: bool) -> anyhow::Result<()> {
    let paths = Paths::of(layout);
    let terraform = Terraform::prepare(layout)?;
    let outcome = regions::up(layout, &terraform, &paths, progress)
        .and_then(|regions| on_both(layout, progress, regions));
    if keep {
        let dir = layout.shown(&paths.home.dir);
        progress.say(&format!("The cloud of the drill keeps running, see {dir}: `make down` ends it."));
        return outcome;
    }
    regions::down(&paths, progress)?;
    if outcome.is_err() {
        progress.say(&format!("The logs are in {}.", layout.shown(&paths.home.logs())));
    }
    outcome
}

/// The drill, and then the policies on what both Regions would be with a second one.
fn on_both(layout: &Layout, progress: &Progress, regions: Regions<'_>) -> anyhow::Result<()> {
    progress.heading("the drill");
    let mut command = Command::new(layout.binary("lakeside-drill"));
    command.current_dir(&layout.root);
    command.env("LAKESIDE_HOME_ENV_FILE", regions.home.paths.env_file());
    command.env("LAKESIDE_STANDBY_ENV_FILE", regions.standby.paths.env_file());
    run::streamed("the drill", &mut command)?;
    for (name, workspace) in [("home", regions.home), ("standby", regions.standby)] {
        progress.heading(&format!("the policies on the {name}"));
        policies::check_region(layout, progress, workspace)?;
    }
    Ok(())
}
