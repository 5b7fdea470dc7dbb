//! The tools that have to be there, and the pinned ones that are installed below `.local/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;

use crate::fingerprint::Fingerprint;
use crate::layout::{Layout, create_dir, remove_dir};
use crate::progress::Progress;
use crate::run;

/// What the roots ask for in their `required_version`.
const TERRAFORM: Version = (1, 9);
/// What the emulator asks for.
const PYTHON: Version = (3, 10);
/// What the JavaScript validators ask for.
const NODE: Version = (18, 0);

/// What counts instructions: it has to be as old as the library in `ci/instructions`.
const GUNGRAUN: &str = "0.20.0";

type Version = (u32, u32);

/// Terraform as it is installed.
#[derive(Clone, Debug)]
pub struct Terraform {
    /// `1.11.4`.
    pub version: String,
    /// `linux_amd64`.
    pub platform: String,
}

#[derive(Deserialize)]
struct TerraformVersion {
    terraform_version: String,
    platform: String,
}

/// Finds Terraform and checks its version.
pub fn terraform(layout: &Layout) -> anyhow::Result<Terraform> {
    let mut command = Command::new("terraform");
    // The variable may name a file that does not exist, of which Terraform would warn.
    command.args(["version", "-json"]).env_remove("TF_CLI_CONFIG_FILE").env("CHECKPOINT_DISABLE", "1");
    let advice = "install Terraform 1.9 or newer and put `terraform` on the PATH";
    let json = version_output(layout, "terraform", command, advice)?;
    let found: TerraformVersion =
        serde_json::from_str(&json).context("`terraform version -json` printed no JSON")?;
    at_least("Terraform", &found.terraform_version, TERRAFORM)?;
    Ok(Terraform { version: found.terraform_version, platform: found.platform })
}

/// Prepares the Python environment of the local cloud and the checks; answers its `bin` directory.
pub fn python(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    python_with(layout, progress, "Python tools", "ci/requirements.txt", &layout.venv())
}

/// Prepares the Python environment of the functions that ours are measured beside; answers its `bin` directory.
pub fn python_of_bench(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    let dir = layout.local.join("bench-venv");
    python_with(layout, progress, "Python functions", "ci/bench/python/requirements.txt", &dir)
}

/// Prepares the Python environment `venv` with pinned requirements.
fn python_with(
    layout: &Layout,
    progress: &Progress,
    what: &str,
    requirements: &str,
    venv: &Path,
) -> anyhow::Result<PathBuf> {
    let requirements = layout.root.join(requirements);
    let mut command = Command::new("python3");
    command.args(["-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]);
    let version =
        version_output(layout, "python3", command, "install Python 3.10 or newer with its venv module")?;
    at_least("Python", version.trim(), PYTHON)?;

    let mut fingerprint = Fingerprint::default();
    fingerprint.add("python", version.trim().as_bytes());
    fingerprint.add("venv", venv.to_string_lossy().as_bytes());
    fingerprint.add_file(&layout.root, &requirements)?;
    install_once(layout, progress, what, venv, &fingerprint.finish(), |step| {
        let log = layout.logs().join("python.log");
        run::logged(step, "python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(venv), &log).context(
            "cannot make a Python environment, for which some systems want the package python3-venv installed",
        )?;
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes"]);
        pip.args(["--progress-bar", "off", "--requirement"]).arg(&requirements);
        run::logged(step, "pip install", &mut pip, &log).with_context(|| {
            format!("cannot install the {what}, for which the package index has to be reachable once")
        })
    })?;
    Ok(venv.join("bin"))
}

/// Prepares the JavaScript validators; answers the directory of their commands.
pub fn node(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    let mut command = Command::new("node");
    command.arg("--version");
    let version = version_output(layout, "node", command, "install Node.js 18 or newer with npm")?;
    at_least("Node.js", version.trim().trim_start_matches('v'), NODE)?;

    let dir = layout.node();
    let manifests = ["package.json", "package-lock.json"].map(|name| layout.root.join("ci").join(name));
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("node", version.trim().as_bytes());
    for manifest in &manifests {
        fingerprint.add_file(&layout.root, manifest)?;
    }
    install_once(layout, progress, "JavaScript tools", &dir, &fingerprint.finish(), |step| {
        create_dir(&dir)?;
        for manifest in &manifests {
            let copy = dir.join(manifest.file_name().unwrap_or_default());
            fs::copy(manifest, &copy).with_context(|| format!("cannot copy {}", manifest.display()))?;
        }
        let mut npm = Command::new("npm");
        npm.current_dir(&dir).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel",
            "error",
        ]);
        run::logged(step, "npm ci", &mut npm, &layout.logs().join("npm.log")).context(
            "cannot install the JavaScript tools, for which npm and its registry have to be reachable once",
        )
    })?;
    Ok(dir.join("node_modules/.bin"))
}

/// Prepares what counts instructions, on top of Valgrind, which has to be there; answers its command.
pub fn gungraun_runner(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    if !is_installed("valgrind") {
        bail!("`valgrind` is not on the PATH: install Valgrind 3.19 or newer, or say --no-instructions");
    }
    let dir = layout.local.join("gungraun");
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("version", GUNGRAUN.as_bytes());
    install_once(layout, progress, "counter of instructions", &dir, &fingerprint.finish(), |step| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root).args(["install", "gungraun-runner", "--version", GUNGRAUN]);
        cargo.args(["--locked", "--color", "never", "--root"]).arg(&dir);
        cargo.arg("--target-dir").arg(layout.target.join("tools"));
        run::logged(step, "cargo install", &mut cargo, &layout.logs().join("gungraun.log"))
    })?;
    Ok(dir.join("bin/gungraun-runner"))
}

/// Whether a command is on the PATH.
pub fn is_installed(name: &str) -> bool {
    find(&[name]).is_some()
}

/// Where the first of these commands that is on the PATH lies.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|file| file.is_file()))
}

/// Installs into `dir` unless the very same was installed there before.
fn install_once(
    layout: &Layout,
    progress: &Progress,
    what: &str,
    dir: &Path,
    fingerprint: &str,
    install: impl FnOnce(&crate::progress::Step<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = dir.join("installed.sha256");
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == fingerprint) {
        return Ok(());
    }
    let step = progress.step(&format!("install the {what}"));
    remove_dir(dir)?;
    create_dir(&layout.logs())?;
    install(&step)?;
    fs::write(&stamp, fingerprint).with_context(|| format!("cannot write {}", stamp.display()))?;
    step.done("");
    Ok(())
}

fn version_output(layout: &Layout, name: &str, mut command: Command, advice: &str) -> anyhow::Result<String> {
    if !is_installed(name) {
        bail!("`{name}` is not on the PATH: {advice}");
    }
    let log = layout.logs().join(format!("{name}-version.log"));
    run::captured(&format!("`{name}`"), &mut command, &log)
        .with_context(|| format!("`{name}` does not run: {advice}"))
}

fn at_least(what: &str, version: &str, needed: Version) -> anyhow::Result<()> {
    let found = parse_version(version).ok_or_else(|| anyhow!("{what} says its version is `{version}`"))?;
    if found < needed {
        bail!("{what} {version} is too old: {}.{} or newer is needed", needed.0, needed.1);
    }
    Ok(())
}

fn parse_version(version: &str) -> Option<Version> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(at_least("Terraform", "1.11.4", (1, 9)).is_ok());
        assert!(at_least("Terraform", "2.0.0-beta1", (1, 9)).is_ok());
        let error = at_least("Terraform", "1.8.5", (1, 9)).unwrap_err().to_string();
        assert_eq!(error, "Terraform 1.8.5 is too old: 1.9 or newer is needed");
        assert!(at_least("Node.js", "unknown", (18, 0)).is_err());
    }

    #[test]
    fn the_counter_is_as_old_as_its_library() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"gungraun\"\nversion = \"{GUNGRAUN}\"\n")));
    }

    #[test]
    fn a_tool_is_installed_when_the_path_has_it() {
        assert!(is_installed("sh"));
        assert!(!is_installed("lakeside-no-such-tool"));
        assert_eq!(find(&["lakeside-no-such-tool", "sh"]), find(&["sh"]));
    }
}
