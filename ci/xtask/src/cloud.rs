//! The local cloud: `make up` and `make down`.
//!
//! Everything in the emulator and the sandbox is in their memory. A cloud one of whose processes has died is
//! therefore ended whole, its Terraform states included, and built anew.

pub mod regions;
mod services;
mod state;
mod variables;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, anyhow, bail};

pub use self::variables::Variables;
use crate::check::lints;
use crate::functions::{self, Function};
use crate::interrupt::Interrupted;
use crate::layout::{CloudPaths, Layout, create_dir, remove_dir, remove_file};
use crate::progress::{Progress, Step};
use crate::terraform::{self, Root, Terraform, Workspace};
use crate::{package, process, run, tools};
use state::State;

/// A cloud that is up.
pub struct Cloud {
    /// Whether this call started its processes.
    pub fresh: bool,
    /// What is in its environment file.
    pub variables: Variables,
    /// How Terraform was run.
    pub terraform: Terraform,
}

/// `make up`: says where everything is once it is.
pub fn up_and_report(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let paths = layout.cloud();
    let cloud = up(layout, &paths, progress)?;
    progress.say("");
    println!("The local cloud is up ({}).", progress.elapsed());
    println!("  API      {}", cloud.variables.get("LAKESIDE_API_URL"));
    println!("  AWS      {}", cloud.variables.get("AWS_ENDPOINT_URL"));
    println!("  sandbox  {}", cloud.variables.get("LAKESIDE_SANDBOX_URL"));
    println!("  shell    . {}", layout.shown(&paths.env_file()));
    println!("`make demo` follows orders through it; `make down` ends it.");
    Ok(())
}

/// Brings a cloud up, or up to date. Interrupted, it ends what it started.
pub fn up(layout: &Layout, paths: &CloudPaths, progress: &Progress) -> anyhow::Result<Cloud> {
    create_dir(&paths.dir)?;
    let _lock = lock(paths)?;
    let step = progress.step("find the tools");
    let terraform = Terraform::prepare(layout)?;
    step.done(&terraform.source);
    tools::python(layout, progress)?;
    build(layout, progress)?;
    let functions = functions::list(layout)?;
    package::package(layout, progress, &functions)?;

    let running = State::of_running(paths)?;
    let fresh = running.is_none();
    let mut state = if let Some(state) = running {
        state
    } else {
        end(paths, progress, "clear away a dead cloud")?;
        services::start(layout, paths, progress).inspect_err(|_| end_quietly(paths))?
    };
    let workspace = local(layout, &terraform, paths, &state);
    let outcome = deploy(layout, &workspace, progress, &functions, &mut state);
    match outcome {
        Ok(variables) => Ok(Cloud { fresh, variables, terraform }),
        Err(error) if fresh && error.is::<Interrupted>() => {
            end_quietly(paths);
            Err(error)
        }
        Err(error) => {
            progress
                .say("The cloud keeps running as it is: `make up` goes on from there, `make down` ends it.");
            Err(error)
        }
    }
}

/// `make down`: ends exactly the processes of this cloud.
pub fn down(paths: &CloudPaths, progress: &Progress) -> anyhow::Result<()> {
    if !paths.run().exists() {
        progress.say("No local cloud is running here.");
        return Ok(());
    }
    let _lock = lock(paths)?;
    end(paths, progress, "end the local cloud")
}

/// Takes one consumer, and nothing else, out of a cloud that is up.
pub fn take_out(
    layout: &Layout,
    paths: &CloudPaths,
    progress: &Progress,
    consumer: &Root,
) -> anyhow::Result<()> {
    let _lock = lock(paths)?;
    let terraform = Terraform::prepare(layout)?;
    let mut state = State::of_running(paths)?.ok_or_else(|| anyhow!("no local cloud is running here"))?;
    let workspace = local(layout, &terraform, paths, &state);
    let step = progress.step(&format!("terraform destroy {}", consumer.name));
    workspace.init(&step, consumer)?;
    // Whatever comes of it, the next `make up` shall look at this root again.
    state.applied.remove(&*consumer.name);
    state.save(paths)?;
    workspace.destroy(&step, consumer)?;
    step.done("");
    Ok(())
}

/// Puts one consumer into a cloud that is up, as its package is.
pub fn put_in(
    layout: &Layout,
    paths: &CloudPaths,
    progress: &Progress,
    consumer: &Root,
) -> anyhow::Result<()> {
    let _lock = lock(paths)?;
    let terraform = Terraform::prepare(layout)?;
    let mut state = State::of_running(paths)?.ok_or_else(|| anyhow!("no local cloud is running here"))?;
    let workspace = local(layout, &terraform, paths, &state);
    let functions = functions::list(layout)?;
    let root = std::slice::from_ref(consumer);
    apply_group(&workspace, layout, progress, &functions, paths, &mut state, root)
}

/// How Terraform reaches a cloud that is up.
pub fn workspace<'a>(
    layout: &Layout,
    terraform: &'a Terraform,
    paths: &'a CloudPaths,
) -> anyhow::Result<Workspace<'a>> {
    let state = State::of_running(paths)?.ok_or_else(|| anyhow!("the local cloud has stopped"))?;
    Ok(local(layout, terraform, paths, &state))
}

fn local<'a>(
    layout: &Layout,
    terraform: &'a Terraform,
    paths: &'a CloudPaths,
    state: &State,
) -> Workspace<'a> {
    let environment = variables::for_terraform(layout, state);
    Workspace { terraform, paths, environment, settings: Vec::new() }
}

/// Builds every binary in one go, this one with them: Cargo then unifies the features once, as for the tests, and the AWS
/// SDK is compiled once.
pub fn build(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let step = progress.step("build the workspace");
    let mut command = Command::new("cargo");
    // What only tests need turns on features too, and with others than Clippy's everything would be built once more.
    let targets = if lints::are_the_build() { "--all-targets" } else { "--bins" };
    command.current_dir(&layout.root).args(["build", "--workspace", targets, "--color", "never"]);
    run::logged(&step, "cargo build", &mut command, &layout.logs().join("build.log"))?;
    step.done("");
    Ok(())
}

fn deploy(
    layout: &Layout,
    workspace: &Workspace<'_>,
    progress: &Progress,
    functions: &[Function],
    state: &mut State,
) -> anyhow::Result<Variables> {
    let paths = workspace.paths;
    for group in terraform::groups(layout)? {
        apply_group(workspace, layout, progress, functions, paths, state, &group)?;
    }
    let variables = variables::for_users(workspace, state)?;
    if !state.seeded {
        let step = progress.step("load the demo stock and addresses");
        let mut command = Command::new(layout.binary("lakeside-seed"));
        command.current_dir(&layout.root).envs(variables.iter());
        run::logged(&step, "lakeside-seed", &mut command, &paths.logs().join("seed.log"))?;
        state.seeded = true;
        state.save(paths)?;
        step.done("");
    }
    variables.write(&paths.env_file())?;
    Ok(variables)
}

/// Applies those roots of a group that changed, all at the same time.
fn apply_group(
    workspace: &Workspace<'_>,
    layout: &Layout,
    progress: &Progress,
    functions: &[Function],
    paths: &CloudPaths,
    state: &mut State,
    group: &[Root],
) -> anyhow::Result<()> {
    let mut changed = Vec::new();
    for root in group {
        let fingerprint = workspace.fingerprint(root, functions)?;
        let again = state.applied.contains_key(&*root.name);
        let step = progress.step(&format!("terraform apply {}", root.name));
        if state.applied.get(&*root.name) == Some(&fingerprint) {
            step.skipped("unchanged");
            continue;
        }
        // One after the other, for Terraform's plugin cache does not bear two at once.
        workspace.init(&step, root)?;
        changed.push((root, step, fingerprint, again));
    }
    let outcomes: Vec<anyhow::Result<(&str, String)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = changed
            .into_iter()
            .map(|(root, step, fingerprint, again)| {
                scope.spawn(move || {
                    workspace.apply(&step, root, again)?;
                    bring_code(workspace, layout, paths, &step, root)?;
                    step.done("");
                    Ok((&*root.name, fingerprint))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("applying panicked"))))
            .collect()
    });
    let mut first_error = None;
    for outcome in outcomes {
        match outcome {
            Ok((name, fingerprint)) => {
                state.applied.insert(name.to_owned(), fingerprint);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    state.save(paths)?;
    first_error.map_or(Ok(()), Err)
}

/// Terraform gives code to functions that it makes; to those that exist, it comes as it comes on AWS, but at once: a
/// laptop has no callers to be careful with, and alarms that tests have made ring.
fn bring_code(
    workspace: &Workspace<'_>,
    layout: &Layout,
    paths: &CloudPaths,
    step: &Step<'_>,
    root: &Root,
) -> anyhow::Result<()> {
    let Some(squad) = &root.squad else { return Ok(()) };
    let mut command = Command::new(layout.binary("lakeside-deploy"));
    command.current_dir(&layout.root).args(["deploy", "--squad", squad, "--despite-alarm", "--packages"]);
    command.arg(layout.artifacts()).env_remove("LAKESIDE_PREFIX");
    command.envs(workspace.environment.iter().map(|(name, value)| (name, value)));
    run::logged(step, "lakeside-deploy", &mut command, &paths.logs().join(format!("deploy-{squad}.log")))
}

/// Ends whatever is left of a cloud and forgets its state. Says nothing where no process was ever started.
fn end(paths: &CloudPaths, progress: &Progress, what: &str) -> anyhow::Result<()> {
    if !paths.run().exists() {
        clear(paths)?;
        return Ok(());
    }
    let step = progress.step(what);
    let ended = clear(paths)?;
    step.done(&format!("{ended} processes ended"));
    Ok(())
}

fn end_quietly(paths: &CloudPaths) {
    if let Err(error) = clear(paths) {
        eprintln!("error: {error:#}");
    }
}

fn clear(paths: &CloudPaths) -> anyhow::Result<usize> {
    // Without a token nothing was ever started.
    let ended = match State::token(paths)? {
        Some(token) => process::end_all(&State::identities(paths), &token),
        None => 0,
    };
    remove_file(&paths.env_file())?;
    for root in roots_with_data(paths) {
        for state in ["state.tfstate", "state.tfstate.backup", "second.tfplan"] {
            remove_file(&root.join(state))?;
        }
    }
    remove_dir(&paths.run())?;
    Ok(ended)
}

/// Terraform's directories of all roots that were ever applied here, also of those that the checkout has no more.
fn roots_with_data(paths: &CloudPaths) -> Vec<PathBuf> {
    let entries = fs::read_dir(paths.terraform()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Keeps two commands from working on one cloud at the same time.
fn lock(paths: &CloudPaths) -> anyhow::Result<File> {
    let path = paths.lock();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!("another command works on this cloud right now: wait for it, or end it")
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
