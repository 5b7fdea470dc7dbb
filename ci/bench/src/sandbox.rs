//! An execution environment: one process of a function, what it costs, and its end.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use procfs::process::{Process, Stat};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{makes::Make, runtime_api::RuntimeApi};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running function, which ends when this is dropped.
pub struct Sandbox {
    api: RuntimeApi,
    process: Process,
    /// From its start to its first poll.
    pub start: Duration,
    _child: Child,
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Of all its threads, in user space and in the kernel. The kernel counts ticks of 10 ms.
    pub cpu: Duration,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
}

impl Sandbox {
    /// Starts a function; what it prints goes to `log`.
    pub async fn start(make: &Make, environment: &[(&str, String)], log: &Path) -> anyhow::Result<Self> {
        let mut api = RuntimeApi::listen().await?;
        let file = std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&make.program);
        command
            .args(&make.arguments)
            .current_dir(&make.dir)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share the log")?)
            .stderr(file)
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", make.program.display()))?;
        let pid = child.id().context("the function ended at once")?;
        let polled = tokio::select! {
            polled = tokio::time::timeout(PATIENCE, api.first_poll()) => polled.context("it does not poll")?,
            ended = child.wait() => Err(anyhow!("it ended before its first poll: {ended:?}")),
        };
        let polled =
            polled.with_context(|| format!("{} does not start; see {}", make.name, log.display()))?;
        let process = Process::new(i32::try_from(pid).context("a process id is too large")?)?;
        Ok(Self { api, process, start: polled.duration_since(started), _child: child })
    }

    /// Has it handle an event.
    pub async fn invoke(&mut self, event: Value) -> anyhow::Result<Value> {
        self.api.invoke(event).await
    }

    /// What it has used so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let Stat { utime, stime, .. } = self.process.stat().context("the function has ended")?;
        let ticks = u32::try_from(utime.saturating_add(stime)).context("it has run for too long")?;
        let per_second = u32::try_from(procfs::ticks_per_second()).context("no clock has so many ticks")?;
        let peak = self.process.status()?.vmhwm.context("the kernel does not tell peaks of memory")?;
        Ok(Usage { cpu: Duration::from_secs(1) * ticks / per_second, peak: peak.saturating_mul(1024) })
    }
}
