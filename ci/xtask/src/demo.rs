//! `make demo`: the cloud up if it is not, then real orders through it.

use std::process::Command;

use crate::cloud;
use crate::interrupt::Interrupted;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::run;

/// Runs the demo and leaves the cloud running, unless interrupted: then what this call started ends with it.
pub fn demo(layout: &Layout, progress: &Progress, arguments: &[String]) -> anyhow::Result<()> {
    let paths = layout.cloud();
    let cloud = cloud::up(layout, &paths, progress)?;
    progress.say("");
    let mut command = Command::new(layout.binary("lakeside-demo"));
    command.current_dir(&layout.root).args(arguments).envs(cloud.variables.iter());
    let outcome = run::streamed("the demo", &mut command);
    if outcome.as_ref().is_err_and(anyhow::Error::is::<Interrupted>) && cloud.fresh {
        cloud::down(&paths, progress)?;
        return outcome;
    }
    eprintln!("The local cloud is still running ({} in all): `make down` ends it.", progress.elapsed());
    outcome
}
