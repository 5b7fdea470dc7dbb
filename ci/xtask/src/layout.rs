//! Where everything lies: the checkout, the build directory, and all that is generated below `.local/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

/// The paths of one checkout.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The top of the checkout.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// Everything generated that is no build output.
    pub local: PathBuf,
}

/// The paths of one local cloud. A checkout has several: the user's, and those of the end-to-end tests and of the drill.
#[derive(Clone, Debug)]
pub struct CloudPaths {
    /// What all the paths below lie in.
    pub dir: PathBuf,
}

impl Layout {
    /// Finds the checkout from Cargo's environment, else upwards from the working directory.
    pub fn find() -> anyhow::Result<Self> {
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => std::env::current_dir().context("the working directory is gone")?,
        };
        let root = start
            .ancestors()
            .find(|dir| dir.join("ci/xtask/Cargo.toml").is_file())
            .ok_or_else(|| anyhow!("run this inside a checkout of Lakeside"))?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => root.join(dir),
            None => root.join("target"),
        };
        let local = root.join(".local");
        Ok(Self { root, target, local })
    }

    /// The user's cloud.
    pub fn cloud(&self) -> CloudPaths {
        CloudPaths { dir: self.local.clone() }
    }

    /// The cloud of `make test`, apart from the user's.
    pub fn test_cloud(&self) -> CloudPaths {
        CloudPaths { dir: self.local.join("test") }
    }

    /// The emulator of the guardrails, apart from both.
    pub fn guardrails(&self) -> CloudPaths {
        CloudPaths { dir: self.local.join("guardrails") }
    }

    /// The cloud of `make drill`, in two Regions.
    pub fn drill_cloud(&self) -> CloudPaths {
        CloudPaths { dir: self.local.join("drill") }
    }

    /// The Python environment that both clouds and the checks share.
    pub fn venv(&self) -> PathBuf {
        self.local.join("venv")
    }

    /// Where npm installs the JavaScript validators.
    pub fn node(&self) -> PathBuf {
        self.local.join("node")
    }

    /// The packaged functions.
    pub fn artifacts(&self) -> PathBuf {
        self.local.join("artifacts")
    }

    /// How many seeds of the simulation were run.
    pub fn soak(&self) -> PathBuf {
        self.local.join("soak")
    }

    /// Logs of what is not part of one cloud: builds, tools, checks.
    pub fn logs(&self) -> PathBuf {
        self.local.join("logs")
    }

    /// Terraform's configuration and plugin cache, shared by both clouds.
    pub fn terraform(&self) -> PathBuf {
        self.local.join("terraform")
    }

    /// A binary of the workspace in the dev profile.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// `path` as the user would type it from the top of the checkout.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl CloudPaths {
    /// Process ids, ports and what was applied: exists only while the cloud does.
    pub fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// Who was allowed what by the emulator since it was started.
    pub fn authorizations(&self) -> PathBuf {
        self.run().join("authorizations.jsonl")
    }

    /// What would be billed, as long as somebody counts it and has made this file.
    pub fn meter(&self) -> PathBuf {
        self.run().join("meter.jsonl")
    }

    /// How many seconds a replay rests before each event, as long as somebody wants that and has made this file.
    pub fn replay_pause(&self) -> PathBuf {
        self.run().join("replay-pause")
    }

    /// What is locked while somebody starts or ends this cloud. Outlives the cloud.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("cloud.lock")
    }

    /// Logs of this cloud's processes and of Terraform.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Terraform's states and working directories of this cloud.
    pub fn terraform(&self) -> PathBuf {
        self.dir.join("terraform").join("roots")
    }

    /// The shell exports that the demo, the tests and the user read.
    pub fn env_file(&self) -> PathBuf {
        self.dir.join("lakeside.env")
    }
}

/// Creates a directory and those above it.
pub fn create_dir(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))
}

/// Removes a directory and all in it; one that is not there is as good as removed.
pub fn remove_dir(dir: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the directory {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a file; one that is not there is as good as removed.
pub fn remove_file(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file so that a reader sees the old content or the new, never a part.
pub fn write_atomically(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(dir) = file.parent() {
        create_dir(dir)?;
    }
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = file.with_file_name(name);
    fs::write(&new, content)
        .and_then(|()| fs::rename(&new, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
