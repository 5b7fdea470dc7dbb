//! Where Terraform gets its provider from: the public registry, or a mirror that is given or lies on this machine.
//!
//! First of: the configuration file that `TF_CLI_CONFIG_FILE` names, if it exists; the directory that
//! `LAKESIDE_TERRAFORM_MIRROR` names; the user's own configuration, if it says where providers come from; a mirror
//! found on this machine that holds the very version in the lock file; the public registry.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::layout::write_atomically;

/// What a filesystem mirror has below its top for the one provider that the roots need.
const PROVIDER: [&str; 3] = ["registry.terraform.io", "hashicorp", "aws"];
/// How deep below the search's start the top directory of a mirror may lie.
const DEPTH: usize = 4;
/// Directories that the search lists at most, and how long it may take: beyond that a mirror should be given.
const LISTED: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(3);

/// What decides the source, apart from the file system.
pub struct Surroundings {
    /// The variable `TF_CLI_CONFIG_FILE`.
    pub cli_config: Option<OsString>,
    /// The variable `LAKESIDE_TERRAFORM_MIRROR`.
    pub mirror: Option<OsString>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Where the search of this machine starts.
    pub top: PathBuf,
}

/// The build of the provider that the lock file asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `5.100.0`; any version where there is no lock.
    pub version: Option<String>,
    /// `linux_amd64`, as Terraform names it.
    pub platform: String,
}

/// Where the provider comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A configuration file of the user's decides: this one, or Terraform's default where it is none.
    Configured(Option<PathBuf>),
    /// A directory that holds the provider.
    Mirror(PathBuf),
    /// The public registry.
    Registry,
}

impl Surroundings {
    /// Reads the environment.
    pub fn of_this_process() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            cli_config: set("TF_CLI_CONFIG_FILE"),
            mirror: set("LAKESIDE_TERRAFORM_MIRROR"),
            home: set("HOME").map(PathBuf::from),
            top: PathBuf::from("/"),
        }
    }
}

/// Decides where the provider comes from.
pub fn find(surroundings: &Surroundings, wanted: &Wanted) -> anyhow::Result<Source> {
    if let Some(file) = surroundings.cli_config.as_ref().map(PathBuf::from).filter(|file| file.is_file()) {
        return Ok(Source::Configured(Some(file)));
    }
    if let Some(given) = &surroundings.mirror {
        let given = PathBuf::from(given);
        return match mirror_at(&given, wanted) {
            Some(mirror) => Ok(Source::Mirror(mirror)),
            None => bail!(
                "LAKESIDE_TERRAFORM_MIRROR is `{}`, where there is no {} {} for {}",
                given.display(),
                PROVIDER.join("/"),
                wanted.version.as_deref().unwrap_or("of any version"),
                wanted.platform
            ),
        };
    }
    let own = surroundings.home.as_ref().map(|home| home.join(".terraformrc"));
    if own
        .is_some_and(|file| fs::read_to_string(file).is_ok_and(|text| text.contains("provider_installation")))
    {
        return Ok(Source::Configured(None));
    }
    let implied = implied_directories(surroundings);
    if let Some(mirror) = implied.iter().find_map(|dir| mirror_at(dir, wanted)) {
        return Ok(Source::Mirror(mirror));
    }
    Ok(search(&surroundings.top, wanted).map_or(Source::Registry, Source::Mirror))
}

/// The directories that Terraform itself would look in.
fn implied_directories(surroundings: &Surroundings) -> Vec<PathBuf> {
    let of_user = [
        ".terraform.d/plugins",
        ".local/share/terraform/plugins",
        "Library/Application Support/io.terraform/plugins",
    ];
    let of_all = ["usr/local/share/terraform/plugins", "usr/share/terraform/plugins"];
    let home = surroundings.home.iter().flat_map(|home| of_user.map(|dir| home.join(dir)));
    home.chain(of_all.map(|dir| surroundings.top.join(dir))).collect()
}

/// The top of the mirror that `dir` names, which may also be the provider's own directory inside it.
fn mirror_at(dir: &Path, wanted: &Wanted) -> Option<PathBuf> {
    if holds(dir, wanted) {
        return Some(dir.to_path_buf());
    }
    let suffix: PathBuf = PROVIDER.iter().collect();
    let top = dir.ends_with(suffix).then(|| dir.ancestors().nth(PROVIDER.len()))??;
    holds(top, wanted).then(|| top.to_path_buf())
}

/// Whether the mirror has the wanted build, unpacked or packed.
fn holds(top: &Path, wanted: &Wanted) -> bool {
    let provider = PROVIDER.iter().fold(top.to_path_buf(), |dir, part| dir.join(part));
    let Wanted { version, platform } = wanted;
    match version {
        Some(version) => {
            provider.join(version).join(platform).is_dir()
                || provider.join(format!("terraform-provider-aws_{version}_{platform}.zip")).is_file()
        }
        None => provider.is_dir(),
    }
}

/// Looks for a mirror breadth first, from the top of the file system, within bounds of depth, number and time.
fn search(top: &Path, wanted: &Wanted) -> Option<PathBuf> {
    // What the kernel makes up, what is gone tomorrow, and what is only large.
    let skipped = ["proc", "sys", "dev", "run", "tmp", "boot", "lost+found", "node_modules", "target"];
    let deadline = Instant::now() + PATIENCE;
    let mut open = VecDeque::from([(top.to_path_buf(), 0)]);
    let mut listed = 0;
    while let Some((dir, depth)) = open.pop_front() {
        listed += 1;
        if listed > LISTED || Instant::now() > deadline {
            return None;
        }
        if holds(&dir, wanted) {
            return Some(dir);
        }
        if depth == DEPTH {
            continue;
        }
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        let mut below: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                !name.starts_with('.') && !skipped.contains(&name.as_ref())
            })
            .map(|entry| entry.path())
            .collect();
        below.sort();
        open.extend(below.into_iter().map(|dir| (dir, depth + 1)));
    }
    None
}

/// Writes the configuration for a source and answers what `TF_CLI_CONFIG_FILE` has to be; none leaves it unset.
pub fn configure(source: &Source, file: &Path) -> anyhow::Result<Option<PathBuf>> {
    let installation = match source {
        Source::Configured(configured) => return Ok(configured.clone()),
        Source::Mirror(mirror) => {
            let path = mirror.to_str().context("the path of the provider mirror is not UTF-8")?;
            let provider = PROVIDER.join("/");
            format!(
                "provider_installation {{\n  filesystem_mirror {{\n    path    = {}\n    include = [\"{provider}\"]\n  }}\n  \
                 direct {{\n    exclude = [\"{provider}\"]\n  }}\n}}\n",
                hcl_string(path)
            )
        }
        Source::Registry => String::new(),
    };
    write_atomically(file, format!("disable_checkpoint = true\n{installation}").as_bytes())?;
    Ok(Some(file.to_path_buf()))
}

fn hcl_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

/// The provider's version in a root's lock file.
pub fn locked_version(lock: &str) -> Option<String> {
    let block = lock.split_once(&format!("provider \"{}\"", PROVIDER.join("/")))?.1;
    let line = block.lines().find(|line| line.trim_start().starts_with("version"))?;
    Some(line.split('"').nth(1)?.to_owned())
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
