//! Fingerprints of what a step depends on, so that a repeated step is skipped when nothing changed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// Collects content and answers its SHA-256 in hexadecimal.
#[derive(Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds a value under a name; both are delimited, so that no two lists of values look the same.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Adds a file's path below `base` and its content.
    pub fn add_file(&mut self, base: &Path, file: &Path) -> anyhow::Result<()> {
        let name = file.strip_prefix(base).unwrap_or(file);
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.add(&name.to_string_lossy(), &content);
        Ok(())
    }

    /// Adds every file below `dir`, in the order of their names; generated directories (`.terraform`) are left out, and
    /// `but`, which lies in `dir`.
    pub fn add_dir(&mut self, base: &Path, dir: &Path, but: &str) -> anyhow::Result<()> {
        let but = dir.join(but);
        for file in files_below(dir)?.into_iter().filter(|file| !file.starts_with(&but)) {
            self.add_file(base, &file)?;
        }
        Ok(())
    }

    /// The fingerprint of all that was added.
    pub fn finish(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Every file below a directory in the order of their names, hidden ones left out but for Terraform's lock.
pub fn files_below(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') && name != ".terraform.lock.hcl" {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(&str, &str)]) -> String {
        let mut fingerprint = Fingerprint::default();
        for (name, value) in parts {
            fingerprint.add(name, value.as_bytes());
        }
        fingerprint.finish()
    }

    #[test]
    fn values_cannot_run_into_each_other() {
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "bcd")]));
        assert_eq!(of(&[("a", "b")]), of(&[("a", "b")]));
    }

    #[test]
    fn a_directory_changes_with_its_files_and_not_with_what_is_generated() {
        let dir = tempfile::tempdir().unwrap();
        let of_dir = || {
            let mut fingerprint = Fingerprint::default();
            fingerprint.add_dir(dir.path(), dir.path(), "handlers").unwrap();
            fingerprint.finish()
        };
        fs::create_dir_all(dir.path().join("sub/.terraform")).unwrap();
        fs::write(dir.path().join("sub/main.tf"), "1").unwrap();
        let first = of_dir();
        fs::write(dir.path().join("sub/.terraform/x"), "generated").unwrap();
        assert_eq!(of_dir(), first);
        fs::create_dir(dir.path().join("handlers")).unwrap();
        fs::write(dir.path().join("handlers/lib.rs"), "left out").unwrap();
        assert_eq!(of_dir(), first);
        fs::write(dir.path().join("sub/main.tf"), "2").unwrap();
        let second = of_dir();
        assert_ne!(second, first);
        fs::write(dir.path().join(".terraform.lock.hcl"), "lock").unwrap();
        assert_ne!(of_dir(), second);
    }
}
