//! `make test`: the checks, every test without a cloud, and the end-to-end tests on a cloud of their own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::cloud::Cloud;
use crate::interrupt::Interrupted;
use crate::lanes::both;
use crate::layout::{CloudPaths, Layout};
use crate::progress::Progress;
use crate::{browser, check, cloud, consumer, drift, guardrails, permissions, policies, run, tools};

/// Of the parts of the whole that many are told with the time that each took.
const LONGEST: usize = 15;

/// The package whose tests need a cloud.
const END_TO_END: &str = "lakeside-e2e";

/// Runs everything; a failure in one part does not keep the others from running.
///
/// What mostly waits goes on beside what computes: guardrails are applied while Cargo builds, and the cloud is started
/// while the tests without one run.
pub fn test(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let mut failures = Failures::default();
    progress.heading("checks");
    failures.0.extend(check::one_by_one(layout, progress, check::QUICK)?);
    let (cargo, others) = both(
        || check::one_by_one(layout, progress, check::CARGO),
        || {
            let mut failures = Failures(check::one_by_one(layout, progress, check::TERRAFORM)?);
            failures.note("the guardrails", guardrails::rehearse(layout, progress))?;
            Ok(failures.0)
        },
    );
    failures.0.extend(cargo?);
    failures.0.extend(others?);
    progress.heading("a new consumer");
    failures.note("the rehearsal of a new consumer", consumer::rehearsal::rehearse(layout, progress))?;
    progress.heading("tests without a cloud, while one is started");
    let paths = layout.test_cloud();
    // The end-to-end tests count stock and payments, so they start from nothing.
    cloud::down(&paths, &Progress::silent())?;
    let (tests, cloud) =
        progress.sharing(|| both(|| without_cloud(layout, progress), || cloud::up(layout, &paths, progress)));
    failures.note("the tests without a cloud", tests)?;
    progress.heading("end-to-end tests");
    let outcome = cloud.and_then(|cloud| end_to_end(layout, progress, &paths, &cloud));
    cloud::down(&paths, progress)?;
    if outcome.is_err() {
        progress.say(&format!("The logs are in {}.", layout.shown(&paths.logs())));
    }
    failures.note("the end-to-end tests", outcome)?;
    failures.finish(progress)
}

/// What failed so far.
#[derive(Default)]
struct Failures(Vec<&'static str>);

impl Failures {
    /// Reports and remembers a failure; only an interruption ends the whole.
    fn note(&mut self, what: &'static str, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if error.is::<Interrupted>() => Err(error),
            Err(error) => {
                crate::print_error(&error);
                self.0.push(what);
                Ok(())
            }
        }
    }

    fn finish(self, progress: &Progress) -> anyhow::Result<()> {
        progress.say(&format!("What took longest:\n{}", progress.longest(LONGEST)));
        if self.0.is_empty() {
            progress.say(&format!("All checks and tests passed in {}.", progress.elapsed()));
            return Ok(());
        }
        bail!("failed: {}", self.0.join(", "))
    }
}

/// Every package is built as part of the workspace, for `-p` would have Cargo build the AWS SDK with other features.
fn without_cloud(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let mut command = cargo(layout);
    if has_nextest() {
        command.args([
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "-E",
            &format!("not package({END_TO_END})"),
        ]);
    } else {
        command.args(["test", "--workspace", "--exclude", END_TO_END, "--no-fail-fast"]);
    }
    timed(progress, "the tests without a cloud", &mut command)
}

fn end_to_end(layout: &Layout, progress: &Progress, paths: &CloudPaths, cloud: &Cloud) -> anyhow::Result<()> {
    let mut failures = Failures::default();
    failures.note("the end-to-end tests", run_end_to_end(layout, progress, &paths.env_file()))?;
    let permissions = permissions::check(layout, progress, &cloud.terraform, paths, false);
    failures.note("the comparison of granted and used permissions", permissions)?;
    failures.note("the drift check", drift::check(layout, progress, &cloud.terraform, paths))?;
    failures.note("the policies", policies::check(layout, progress, &cloud.terraform, paths))?;
    if failures.0.is_empty() { Ok(()) } else { bail!("{} failed", failures.0.join(" and ")) }
}

fn run_end_to_end(layout: &Layout, progress: &Progress, env_file: &Path) -> anyhow::Result<()> {
    let mut command = cargo(layout);
    // Runbooks call the AWS command line: ours, whatever else there is.
    let ours = tools::python(layout, progress)?;
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&others)));
    command.env("LAKESIDE_ENV_FILE", env_file).env("PATH", path.context("the PATH cannot be extended")?);
    // Without a browser one test fails, and says the same; the others are worth running.
    match browser::browser(layout, progress) {
        Ok(found) => {
            command.env("LAKESIDE_BROWSER", found.browser).env("LAKESIDE_BROWSER_DRIVER", found.driver);
        }
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => crate::print_error(&error),
    }
    if has_nextest() {
        command.args([
            "nextest",
            "run",
            "--workspace",
            "--profile",
            "local-cloud",
            "--no-fail-fast",
            "-E",
            &format!("package({END_TO_END})"),
        ]);
    } else {
        command.args(["test", "--package", END_TO_END, "--no-fail-fast"]);
    }
    timed(progress, "the end-to-end tests", &mut command)
}

fn timed(progress: &Progress, what: &str, command: &mut Command) -> anyhow::Result<()> {
    let began = Instant::now();
    let outcome = run::streamed(what, command);
    progress.spent(what, began.elapsed());
    outcome
}

fn has_nextest() -> bool {
    tools::is_installed("cargo-nextest")
}

fn cargo(layout: &Layout) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root);
    command
}
