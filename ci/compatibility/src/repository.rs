//! The contracts of a checkout: as they lie there, and as they were at a revision.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, bail};

/// Files below `contracts/`, by their paths in it.
pub type Files = BTreeMap<String, String>;

/// Where the contracts are, and where in there.
const CONTRACTS: &str = "contracts";
const FOLDERS: [&str; 4] = ["events", "commands", "api", "compatibility/announced.json"];
/// What a change is compared with, the first that is there.
const MAIN: [&str; 2] = ["origin/main", "main"];

/// What the contracts are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A revision, and the contracts at it.
    Found(String, Files),
    /// There is none, for this reason.
    None(String),
}

/// The contracts as they lie in the checkout.
///
/// # Errors
/// If they cannot be read.
pub fn working_tree(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for folder in FOLDERS {
        read_below(&root.join(CONTRACTS), &root.join(CONTRACTS).join(folder), &mut files)?;
    }
    if files.is_empty() {
        bail!("there are no contracts in {}", root.join(CONTRACTS).display());
    }
    Ok(files)
}

fn read_below(contracts: &Path, path: &Path, files: &mut Files) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            read_below(contracts, &entry?.path(), files)?;
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "json") {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(path.strip_prefix(contracts)?.to_string_lossy().into_owned(), text);
    }
    Ok(())
}

/// The contracts where this change left the main branch, or, if a revision is named, where it left that one. On the
/// main branch itself the change is what is not committed yet, else the last commit.
///
/// # Errors
/// If a named revision is not there, or git cannot be asked.
pub fn base(root: &Path, named: Option<&str>, current: &Files) -> anyhow::Result<Base> {
    if git(root, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).is_none() {
        let why = "this is no git checkout, so there is nothing to compare with";
        return if named.is_some() { bail!(why) } else { Ok(Base::None(why.into())) };
    }
    let Some(revision) = named.or_else(|| MAIN.into_iter().find(|branch| commit(root, branch).is_some()))
    else {
        return Ok(Base::None(
            "this clone has no main branch to compare with: fetch it, or name a revision in LAKESIDE_CONTRACTS_BASE"
                .into(),
        ));
    };
    if commit(root, revision).is_none() {
        bail!("the revision `{revision}` to compare with is not in this clone: fetch it");
    }
    let Some(fork) = git(root, &["merge-base", "HEAD", revision]) else {
        let why =
            format!("this clone does not go back to where it left `{revision}`: fetch more of its history");
        return if named.is_some() { bail!(why) } else { Ok(Base::None(why)) };
    };
    let files = at(root, &fork)?;
    if named.is_some() || Some(&fork) != commit(root, "HEAD").as_ref() || files != *current {
        return Ok(Base::Found(fork, files));
    }
    match commit(root, "HEAD^") {
        Some(parent) => Ok(Base::Found(parent.clone(), at(root, &parent)?)),
        None => Ok(Base::None(
            "this clone does not go back behind its last commit: fetch more of its history".into(),
        )),
    }
}

fn at(root: &Path, revision: &str) -> anyhow::Result<Files> {
    let mut files = Files::new();
    let list = git(root, &["ls-tree", "-r", "--name-only", "--full-tree", revision, "--", "contracts/"])
        .with_context(|| format!("git cannot list `{revision}`"))?;
    let is_json = |path: &&str| Path::new(path).extension().is_some_and(|extension| extension == "json");
    for path in list.lines().filter(is_json) {
        let Some(name) = path.strip_prefix("contracts/") else { continue };
        if FOLDERS.iter().any(|folder| name == *folder || name.starts_with(&format!("{folder}/"))) {
            let text = git_raw(root, &["show", &format!("{revision}:{path}")])
                .with_context(|| format!("git cannot show {path} at `{revision}`"))?;
            files.insert(name.to_owned(), text);
        }
    }
    Ok(files)
}

fn commit(root: &Path, revision: &str) -> Option<String> {
    git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
}

/// What git says, or nothing if it fails.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    git_raw(root, arguments).map(|text| text.trim_end().to_owned())
}

fn git_raw(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}
