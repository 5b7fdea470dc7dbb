//! The guardrails for real: applied to an emulator that knows organizations, looked at through its API, planned again
//! and taken away.
//!
//! MiniStack, on which everything else runs, knows too little of these services; moto knows most of them. What it lacks
//! is switched off in the roots' `local.tfvars`.

mod emulator;
mod inspection;

use std::thread;

use anyhow::{anyhow, bail};

use self::emulator::Emulator;
use crate::drift;
use crate::layout::{CloudPaths, Layout, remove_dir};
use crate::progress::Progress;
use crate::terraform::{ACCOUNT, ORGANIZATION, Root, Terraform, Workspace};

/// Applies both roots, looks at what there is, plans again, and destroys.
pub fn rehearse(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let terraform = Terraform::prepare(layout)?;
    let paths = layout.guardrails();
    // The emulator forgets everything when it ends, and so must the states.
    remove_dir(&paths.terraform())?;
    let emulator = Emulator::start(layout, &paths, progress)?;
    let organization = emulator.found_organization()?;
    let workspace = Workspace {
        terraform: &terraform,
        paths: &paths,
        environment: emulator.environment(&organization),
        settings: Vec::new(),
    };

    for root in [&ORGANIZATION, &ACCOUNT] {
        let step = progress.step(&format!("initialise {}", root.name));
        workspace.init(&step, root)?;
        step.done("");
    }
    on_both(progress, "apply", |step, root| workspace.apply(step, root, false).map(|()| String::new()))?;

    let step = progress.step("look at what there is");
    let looked = inspection::inspect(&emulator, &organization)?;
    step.done(&format!("{looked} things are as they should be"));

    on_both(progress, "second plan of", |step, root| {
        let drifts = drift::of_plan(&root.name, &workspace.plan(step, root)?);
        match drifts.as_slice() {
            [] => Ok("no difference".to_owned()),
            [first, ..] => bail!("a second plan would change {} attributes, first {first}", drifts.len()),
        }
    })?;
    on_both(progress, "destroy", |step, root| workspace.destroy(step, root).map(|()| String::new()))?;
    progress.say(&format!("The logs are in {}.", layout.shown(&CloudPaths::logs(&paths))));
    Ok(())
}

/// Does the work for both roots at the same time, for most of it is waiting.
fn on_both(
    progress: &Progress,
    what: &str,
    work: impl Fn(&crate::progress::Step<'_>, &Root) -> anyhow::Result<String> + Sync,
) -> anyhow::Result<()> {
    let one = |root: &Root| {
        let step = progress.step(&format!("{what} {}", root.name));
        let detail = work(&step, root)?;
        step.done(&detail);
        Ok(())
    };
    let roots = [ORGANIZATION, ACCOUNT];
    thread::scope(|scope| {
        let threads = roots.each_ref().map(|root| scope.spawn(|| one(root)));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("{what} panicked"))))
            .fold(Ok(()), Result::and)
    })
}
