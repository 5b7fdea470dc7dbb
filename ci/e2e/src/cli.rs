//! The operations command line, as somebody in a shell runs it.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::{cloud::Cloud, settings::Settings};

/// What a command said, and its exit code.
#[derive(Debug, Clone)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Stdout.
    pub out: String,
    /// Stderr.
    pub err: String,
}

impl Said {
    /// Stdout, which must be one JSON document.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {self:?}"))
    }

    /// The same, if the command ended so.
    ///
    /// # Errors
    /// If it ended otherwise.
    pub fn ended(self, code: i32) -> anyhow::Result<Self> {
        ensure!(self.code == code, "expected exit code {code}: {self:?}");
        Ok(self)
    }
}

/// Runs `lakeside` with these arguments against a cloud.
///
/// # Errors
/// If it cannot be run.
pub async fn lakeside(cloud: &Cloud, arguments: &[&str]) -> anyhow::Result<Said> {
    lakeside_with(cloud, &[], arguments).await
}

/// The same, with more in its environment.
///
/// # Errors
/// If it cannot be run.
pub async fn lakeside_with(
    cloud: &Cloud,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> anyhow::Result<Said> {
    let mut command = command(cloud, arguments)?;
    let output = command.envs(environment.iter().copied()).output().await;
    let output = output.context("lakeside cannot be run: build it first")?;
    Ok(Said {
        code: output.status.code().context("it was ended")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// Where `lakeside` was built.
///
/// # Errors
/// If this is no test.
pub fn built() -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    Ok(exe.ancestors().nth(2).context("a test lies below the build directory")?.to_owned())
}

/// `lakeside` with these arguments against a cloud, to be run.
///
/// # Errors
/// If a setting of the cloud is missing.
pub fn command(cloud: &Cloud, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(built()?.join("lakeside"));
    let settings = Settings::load()?;
    for name in
        ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LAKESIDE_API_URL"]
    {
        command.env(name, settings.get(name)?);
    }
    command.env("LAKESIDE_PREFIX", &cloud.prefix).args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}
