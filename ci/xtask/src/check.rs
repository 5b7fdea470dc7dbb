//! `make check`: everything that can be told without running Lakeside.

mod consumers;
mod contracts;
mod languages;
pub mod lints;
mod names;
mod paths;
mod provider;
mod purity;
mod readmes;
mod runbooks;
mod terraform;
mod workflows;

use std::process::Command;

use anyhow::bail;

pub use self::terraform::{LOCK, TREES, side_by_side, test_alone};
use crate::interrupt::Interrupted;
use crate::lanes::both;
use crate::layout::Layout;
use crate::progress::{Progress, Step};
use crate::run;

/// What the checks share.
pub struct Context<'a> {
    layout: &'a Layout,
    progress: &'a Progress,
}

/// How a check ended that did not fail.
enum Outcome {
    Passed(String),
    /// It could not be done here, and need not be.
    Skipped(String),
}

/// Something that can be told without running Lakeside.
#[derive(Clone, Copy)]
pub struct Check {
    name: &'static str,
    run: fn(&Context<'_>, &Step<'_>) -> anyhow::Result<Outcome>,
}

/// From the quick ones to the long ones; tools are installed by the first check that needs them.
pub const QUICK: &[Check] = &[
    Check { name: "rust format", run: rust_format },
    Check { name: "machine paths", run: paths::check },
    Check { name: "domain purity", run: purity::check },
    Check { name: "names of functions", run: names::check },
    Check { name: "consumers in one directory", run: consumers::check },
    Check { name: "root readmes", run: readmes::check },
    Check { name: "runbooks of alarms", run: runbooks::check },
    Check { name: "spelling", run: languages::spelling },
    Check { name: "unused dependencies", run: languages::unused_dependencies },
    Check { name: "licences and sources", run: languages::licences },
    Check { name: "advisories", run: languages::advisories },
    Check { name: "workflows", run: workflows::check },
    Check { name: "workflows: actionlint", run: languages::actionlint },
    Check { name: "workflows: zizmor", run: languages::zizmor },
    Check { name: "state machines: statelint", run: languages::statelint },
    Check { name: "state machines: asl-validator", run: languages::asl_validator },
    Check { name: "the edge's function", run: languages::edge_function },
    Check { name: "terraform format", run: terraform::format },
];

/// What Terraform does.
pub const TERRAFORM: &[Check] = &[
    Check { name: "terraform validate", run: terraform::validate },
    Check { name: "terraform test", run: terraform::test },
];

/// What Cargo does. It and Terraform leave a processor idle now and then, so they go on beside each other.
pub const CARGO: &[Check] = &[
    Check { name: "clippy", run: clippy },
    Check { name: "rules of config", run: config_rules },
    Check { name: "contracts: files", run: contracts::files },
    Check { name: "contracts gate", run: contracts::gate },
    Check { name: "contracts: description of the API", run: contracts::description },
    Check { name: "contracts: pages of events", run: contracts::pages },
];

/// Runs the checks, or those whose name contains one of the words, and reports all failures.
pub fn check(layout: &Layout, progress: &Progress, only: &[String]) -> anyhow::Result<()> {
    let chosen = |checks: &[Check]| -> Vec<Check> {
        let is_chosen =
            |name: &str| only.is_empty() || only.iter().any(|word| name.contains(&word.to_lowercase()));
        checks.iter().filter(|check| is_chosen(check.name)).copied().collect()
    };
    if [QUICK, TERRAFORM, CARGO].iter().all(|checks| chosen(checks).is_empty()) {
        let names: Vec<&str> = [QUICK, TERRAFORM, CARGO].concat().iter().map(|check| check.name).collect();
        bail!("no check is called so; there are: {}", names.join(", "));
    }
    let mut failed = one_by_one(layout, progress, &chosen(QUICK))?;
    let (cargo, terraform) = both(
        || one_by_one(layout, progress, &chosen(CARGO)),
        || one_by_one(layout, progress, &chosen(TERRAFORM)),
    );
    failed.extend(terraform?);
    failed.extend(cargo?);
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// Runs checks and answers which failed; only an interruption ends it early.
pub fn one_by_one(
    layout: &Layout,
    progress: &Progress,
    checks: &[Check],
) -> anyhow::Result<Vec<&'static str>> {
    let context = Context { layout, progress };
    let mut failed = Vec::new();
    for check in checks {
        let step = progress.step(check.name);
        match (check.run)(&context, &step) {
            Ok(Outcome::Passed(detail)) => step.done(&detail),
            Ok(Outcome::Skipped(reason)) => step.skipped(&reason),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                step.failed("");
                crate::print_error(&error);
                failed.push(check.name);
            }
        }
    }
    Ok(failed)
}

impl Context<'_> {
    /// Runs a command in the checkout; all that it prints goes to a log of the given name.
    fn run(&self, step: &Step<'_>, log: &str, command: &mut Command) -> anyhow::Result<()> {
        let what = format!("`{}`", describe(command));
        command.current_dir(&self.layout.root);
        run::logged(step, &what, command, &self.log(log))
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        self.layout.logs().join(format!("check-{name}.log"))
    }
}

/// The command as a person would type it, without the directories of the tools.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    words.join(" ")
}

fn passed() -> Outcome {
    Outcome::Passed(String::new())
}

fn rust_format(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    context.run(step, "fmt", Command::new("cargo").args(["fmt", "--all", "--check"]))?;
    Ok(passed())
}

fn clippy(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    lints::check(context.layout, step, &context.log("clippy"))?;
    Ok(passed())
}

/// Our own rules of AWS Config hold what they should, in a workspace of their own: see `ci/guard/Cargo.toml`.
fn config_rules(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = Command::new("cargo");
    command.args([
        "test",
        "--manifest-path",
        "ci/guard/Cargo.toml",
        "--locked",
        "--color",
        "never",
        "--target-dir",
    ]);
    context.run(step, "config-rules", command.arg(context.layout.target.join("guard")))?;
    Ok(passed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_described_as_it_would_be_typed() {
        let mut command = Command::new("/somewhere/bin/typos");
        assert_eq!(describe(command.args(["--format", "brief"])), "typos --format brief");
    }
}
