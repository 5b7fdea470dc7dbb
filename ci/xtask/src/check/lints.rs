//! Clippy on everything, without a warning.
//!
//! `cargo clippy` compiles no code, and so what it makes of the dependencies is of no use to a build: on a machine where
//! nothing is built yet, that is minutes. There the driver of Clippy can be the compiler of the workspace for every build
//! (`RUSTC_WORKSPACE_WRAPPER=clippy-driver`, as `.ci/run` says), and then the build is the check. It is not for what is
//! measured or deployed: Clippy's driver leaves optimisations out.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use serde::Deserialize;

use crate::layout::Layout;
use crate::progress::Step;
use crate::run;

/// The variable that names the compiler of workspace members.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";
const DRIVER: &str = "clippy-driver";

/// Every target of the workspace, and all of it, for one package alone would have other features.
const EVERYTHING: [&str; 4] = ["--workspace", "--all-targets", "--color", "never"];

/// Whether the check is the build of everything.
pub fn are_the_build() -> bool {
    env::var_os(WRAPPER).is_some_and(|wrapper| wrapper == DRIVER)
}

/// Fails for a warning.
pub fn check(layout: &Layout, step: &Step<'_>, log: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root);
    if !are_the_build() {
        command.arg("clippy").args(EVERYTHING).args(["--", "-D", "warnings"]);
        return run::logged(step, "cargo clippy", &mut command, log);
    }
    command.arg("build").args(EVERYTHING).args(["--message-format", "json"]);
    let warnings = warnings(&run::captured("cargo build with Clippy's driver", &mut command, log)?);
    let Some(first) = warnings.first() else { return Ok(()) };
    bail!("Clippy warns {} times, first:\n{first}", warnings.len())
}

#[derive(Deserialize)]
struct Message {
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// What the compiler warns of in Cargo's messages, also of what was built before: Cargo tells it again.
fn warnings(messages: &str) -> Vec<String> {
    let diagnostics = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()?.message);
    let warnings = diagnostics.filter(|diagnostic| diagnostic.level == "warning");
    warnings.map(|diagnostic| diagnostic.rendered.unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_counts_and_nothing_else() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a"},"fresh":true}
{"reason":"compiler-message","message":{"level":"warning","rendered":"warning: length comparison to zero\n"}}
{"reason":"compiler-message","message":{"level":"note","rendered":"note: by the way"}}
{"reason":"compiler-message","message":{"level":"warning","rendered":"warning: unused variable: `x`"}}
{"reason":"build-finished","success":true}
no JSON at all"#;
        let found = warnings(messages);
        assert_eq!(found, ["warning: length comparison to zero\n", "warning: unused variable: `x`"]);
    }
}
