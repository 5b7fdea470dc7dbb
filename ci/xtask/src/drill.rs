//! `make drill`: a Region fails with orders in flight, the other one takes over, and gives back.

use std::process::Command;

use crate::cloud::regions;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::run;

/// Ends the cloud of a drill that was to be kept, if there is one.
pub fn end(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let paths = layout.drill_cloud();
    if paths.run().exists() { regions::down(&paths, progress) } else { Ok(()) }
}

/// Runs the drill on a cloud of its own, which it ends unless told to `keep` it.
pub fn drill(layout: &Layout, progress: &Progress, keep: bool) -> anyhow::Result<()> {
    let paths = layout.drill_cloud();
    let outcome = regions::up(layout, &paths, progress).and_then(|regions| {
        progress.heading("the drill");
        let mut command = Command::new(layout.binary("lakeside-drill"));
        command.current_dir(&layout.root);
        command.env("LAKESIDE_HOME_ENV_FILE", regions.home);
        command.env("LAKESIDE_STANDBY_ENV_FILE", regions.standby);
        run::streamed("the drill", &mut command)
    });
    if keep {
        let dir = layout.shown(&paths.dir);
        progress.say(&format!("The cloud of the drill keeps running, see {dir}: `make down` ends it."));
        return outcome;
    }
    regions::down(&paths, progress)?;
    if outcome.is_err() {
        progress.say(&format!("The logs are in {}.", layout.shown(&paths.logs())));
    }
    outcome
}
