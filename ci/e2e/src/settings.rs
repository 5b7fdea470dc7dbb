//! Where the cloud is, as the environment says, or the file that `make up` wrote.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// Names the environment file; without it the checkout's own cloud is meant.
const ENV_FILE: &str = "LAKESIDE_ENV_FILE";

/// Values by name. The environment wins over the file, so that a single value can be tried out; but not over a file that
/// was asked for, one of several.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<String, String>,
    environment_wins: bool,
}

impl Settings {
    /// Reads the environment file.
    ///
    /// # Errors
    /// If the file that was named cannot be read, or a line of it is no export.
    pub fn load() -> anyhow::Result<Self> {
        let path = env_file();
        if !path.exists() && env::var_os(ENV_FILE).is_none() {
            return Ok(Self { values: BTreeMap::new(), environment_wins: true });
        }
        Ok(Self { environment_wins: true, ..Self::of(&path)? })
    }

    /// Reads this environment file and nothing else.
    ///
    /// # Errors
    /// If it cannot be read, or a line of it is no export.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        parse(&text).with_context(|| format!("{} is no list of exports", path.display()))
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// If neither the environment nor the file has it.
    pub fn get(&self, name: &str) -> anyhow::Result<String> {
        let tried_out = if self.environment_wins { env::var(name).ok() } else { None };
        tried_out
            .or_else(|| self.values.get(name).cloned())
            .with_context(|| format!("{name} is not set: run `make up` first"))
    }
}

/// The environment file, beside which the cloud keeps its things.
pub fn env_file() -> PathBuf {
    env::var_os(ENV_FILE).map_or_else(|| workspace_root().join(".local/lakeside.env"), PathBuf::from)
}

/// The top of the checkout.
pub fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads lines of the form `export NAME='value'`, quoted or not.
fn parse(text: &str) -> anyhow::Result<Settings> {
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((name, value)) = line.strip_prefix("export ").and_then(|rest| rest.split_once('=')) else {
            bail!("`{line}` exports nothing");
        };
        values.insert(name.trim().to_owned(), unquoted(value).to_owned());
    }
    Ok(Settings { values, environment_wins: false })
}

fn unquoted(value: &str) -> &str {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_read_quoted_or_not() {
        let settings = parse("# a cloud\nexport A=1\nexport B='two words'\n\nexport C=\"x=y\"\n").unwrap();
        let values: Vec<_> = settings.values.values().map(String::as_str).collect();
        assert_eq!(values, ["1", "two words", "x=y"]);
        assert!(parse("A=1").is_err());
    }
}
