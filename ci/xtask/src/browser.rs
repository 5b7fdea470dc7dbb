//! The browser in which the console is looked at, and what drives it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::layout::Layout;
use crate::progress::Progress;
use crate::run;
use crate::tools::find;

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const DRIVER: &str = "chromedriver";

/// Chromium or Chrome, and the ChromeDriver of its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// The browser.
    pub browser: PathBuf,
    /// Its driver.
    pub driver: PathBuf,
}

/// Finds both; where whoever asks may install packages and Debian's are there, installs them.
pub fn browser(layout: &Layout, progress: &Progress) -> anyhow::Result<Browser> {
    if let Some(found) = installed() {
        return Ok(found);
    }
    if !rustix::process::geteuid().is_root() || find(&["apt-get"]).is_none() {
        bail!(
            "there is no browser to look at the console with: install Chromium and its driver (on Debian `apt-get install chromium chromium-driver`)"
        );
    }
    install(layout, progress)?;
    installed().with_context(|| format!("`{DRIVER}` or the browser is not on the PATH after all"))
}

fn installed() -> Option<Browser> {
    Some(Browser { browser: find(BROWSERS)?, driver: find(&[DRIVER])? })
}

fn install(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let step = progress.step("install Chromium and its driver");
    let log = layout.logs().join("browser.log");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--quiet", "--yes", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run::logged(&step, "apt-get", &mut command, &log)
            .context("cannot install Chromium, for which the package index has to be reachable once")
    };
    apt(&["update"])?;
    apt(&["install", "--no-install-recommends", "chromium", "chromium-driver"])?;
    step.done("");
    Ok(())
}
