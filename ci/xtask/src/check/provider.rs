//! One provider process for all of Terraform's tests.
//!
//! With a mocked provider Terraform asks the real one for its schema and for nothing else, but starts it anew several times
//! in every run, and starting it is most of the work. Terraform can be told of one that runs already, which is how
//! providers are debugged.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::layout::create_dir;
use crate::{interrupt, run};

const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
const NAME: &str = "terraform-provider-aws";
/// What Terraform reads to find a provider that runs.
pub const VARIABLE: &str = "TF_REATTACH_PROVIDERS";

/// A running provider, which ends when this is dropped.
pub struct Provider {
    child: Child,
    /// The value of [`VARIABLE`].
    pub address: String,
}

impl Drop for Provider {
    fn drop(&mut self) {
        run::end(&mut self.child);
    }
}

impl Provider {
    /// Starts the provider that `terraform init` has put below the data of a module.
    ///
    /// It must serve mocked providers alone: a process that is shared has one configuration at a time.
    pub fn start(data: &Path, log: &Path) -> anyhow::Result<Self> {
        let program = find(&data.join("providers"))?
            .with_context(|| format!("terraform init has left no {NAME} below {}", data.display()))?;
        create_dir(log.parent().unwrap_or(data))?;
        let file = File::create(log).with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut child = Command::new(&program)
            .arg("-debug")
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share the log")?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start the provider {}", program.display()))?;
        match address_in(&mut child, log) {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                run::end(&mut child);
                Err(error)
            }
        }
    }
}

/// Waits until the provider has said where it listens.
fn address_in(child: &mut Child, log: &Path) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
        if let Some(address) = address(&said) {
            return Ok(address);
        }
        interrupt::check()?;
        if child.try_wait().context("cannot watch the provider")?.is_some() {
            bail!("the provider ended at once; its output is in {}", log.display());
        }
        if Instant::now() > deadline {
            bail!("the provider did not start within {} s; see {}", PATIENCE.as_secs(), log.display());
        }
        sleep(POLL);
    }
}

/// The value in `TF_REATTACH_PROVIDERS='…'`, once the line is whole.
fn address(said: &str) -> Option<String> {
    let (_, rest) = said.split_once(&format!("{VARIABLE}='"))?;
    let (address, _) = rest.split_once('\'')?;
    Some(address.to_owned())
}

/// The provider's program somewhere below a directory. What comes from a mirror is a link.
fn find(dir: &Path) -> anyhow::Result<Option<PathBuf>> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read the directory {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAME)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::process;

    fn provider(dir: &Path, script: &str) -> PathBuf {
        let (mirror, data) = (dir.join("mirror"), dir.join("data"));
        let below = data.join("providers/registry.example/hashicorp/aws/1.0.0");
        fs::create_dir_all(&mirror).unwrap();
        fs::create_dir_all(&below).unwrap();
        let program = mirror.join("terraform-provider-aws_v1.0.0");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&mirror, below.join("linux_amd64")).unwrap();
        data
    }

    #[test]
    fn a_provider_says_where_it_listens_and_ends_with_its_user() {
        let dir = tempfile::tempdir().unwrap();
        let data = provider(
            dir.path(),
            "echo 'Provider started.'; printf \"\\tTF_REATTACH_PROVIDERS='{\\\"a\\\":1}'\\n\"; exec sleep 60",
        );
        let provider = Provider::start(&data, &dir.path().join("logs/provider.log")).unwrap();
        assert_eq!(provider.address, "{\"a\":1}");
        let pid = i32::try_from(provider.child.id()).unwrap();
        let runs = || process::snapshot().iter().any(|process| process.identity.pid == pid);
        assert!(runs());
        drop(provider);
        assert!(!runs());
    }

    #[test]
    fn a_provider_that_ends_at_once_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let data = provider(dir.path(), "exit 1");
        let error = Provider::start(&data, &dir.path().join("provider.log")).err().unwrap();
        assert!(error.to_string().contains("ended at once"), "{error}");
    }

    #[test]
    fn a_module_that_was_not_initialised_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("providers")).unwrap();
        let error = Provider::start(dir.path(), &dir.path().join("provider.log")).err().unwrap();
        assert!(error.to_string().contains("terraform init has left no"), "{error}");
    }

    #[test]
    fn half_a_line_is_no_address() {
        assert_eq!(address("TF_REATTACH_PROVIDERS='{\"a\""), None);
    }
}
