//! The suite: the policies of one directory, with the exceptions that are granted from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use regorus::{Engine, Value};
use serde::Deserialize;

use crate::verdict::Verdict;

/// What all rules share; a package there finds nothing by itself.
const SHARED: &str = "lib";
/// What is granted everywhere.
const DATA: &str = "data";
/// What is granted to one profile alone.
const PROFILES: &str = "profiles";

/// Shorter ones say nothing.
const SHORTEST_REASON: usize = 20;

/// Policies that are ready to judge plans.
#[derive(Clone)]
pub struct Suite {
    dir: PathBuf,
    engine: Engine,
    packages: Vec<String>,
    granted: Granted,
}

/// What is granted, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Findings that are as they should be.
    pub exceptions: BTreeSet<String>,
    /// Consumers with effects outside that know what they did.
    pub proofs: BTreeSet<String>,
}

impl Granted {
    /// Takes in what another suite is granted.
    pub fn add(&mut self, other: &Self) {
        self.exceptions.extend(other.exceptions.iter().cloned());
        self.proofs.extend(other.proofs.iter().cloned());
    }
}

impl Suite {
    /// Reads the policies of a directory and the exceptions that are granted everywhere.
    pub fn load(dir: &Path) -> anyhow::Result<Self> {
        Self::load_with(dir, |_, text| text)
    }

    /// As [`Suite::load`], with the text of every policy as `change` makes it.
    pub fn load_with(dir: &Path, change: impl Fn(&Path, String) -> String) -> anyhow::Result<Self> {
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        let mut packages = Vec::new();
        for file in files(&dir.join(SHARED), "rego")? {
            add(&mut engine, &file, read(&file)?)?;
        }
        for file in files(dir, "rego")? {
            let text = change(&file, read(&file)?);
            packages.push(add(&mut engine, &file, text)?);
        }
        let mut suite = Self { dir: dir.to_path_buf(), engine, packages, granted: Granted::default() };
        for file in files(&dir.join(DATA), "json")? {
            suite.grant(&file)?;
        }
        Ok(suite)
    }

    /// The suite with what is granted to one profile alone, if anything is.
    pub fn for_profile(&self, profile: &str) -> anyhow::Result<Self> {
        let mut suite = self.clone();
        let file = self.dir.join(PROFILES).join(format!("{profile}.json"));
        if file.is_file() {
            suite.grant(&file)?;
        }
        Ok(suite)
    }

    /// What is granted to this suite.
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// The suite with what a text grants, in the form of the files in `data`.
    pub fn with_grants(&self, text: &str) -> anyhow::Result<Self> {
        let mut suite = self.clone();
        suite.add_grants(text)?;
        Ok(suite)
    }

    fn grant(&mut self, file: &Path) -> anyhow::Result<()> {
        self.add_grants(&read(file)?).with_context(|| format!("{} cannot be used", file.display()))
    }

    fn add_grants(&mut self, text: &str) -> anyhow::Result<()> {
        let grants: Grants = serde_json::from_str(text).context("it grants no exceptions and no proofs")?;
        let reasons = grants.exceptions.values().map(|exception| &exception.reason);
        let mut reasons = reasons.chain(grants.replay.values().map(|proof| &proof.by));
        if let Some(reason) = reasons.find(|reason| reason.len() < SHORTEST_REASON) {
            bail!("`{reason}` is no reason: say in a sentence why it is as it should be");
        }
        self.granted.exceptions.extend(grants.exceptions.into_keys());
        self.granted.proofs.extend(grants.replay.into_keys());
        self.engine.add_data_json(text).context("it does not fit what else is granted")
    }

    /// The suite with the rules of one package alone.
    #[must_use]
    pub fn only(&self, package: &str) -> Self {
        let mut suite = self.clone();
        suite.packages.retain(|name| *name == format!("data.lakeside.{package}"));
        suite
    }

    /// How many rules there are.
    pub fn rules(&self) -> anyhow::Result<usize> {
        Ok(crate::rules::rules(&self.dir)?.len())
    }

    /// Which attributes each rule of a package looks at: by rule and type, as JSON.
    pub fn reads(&self, package: &str) -> anyhow::Result<serde_json::Value> {
        let mut engine = self.engine.clone();
        let reads = engine.eval_rule(format!("data.lakeside.{package}.reads"))?;
        serde_json::from_str(&reads.to_json_str()?).context("what is read is no JSON")
    }

    /// What the rules say of one plan, as JSON.
    pub fn judge(&self, plan: &str) -> anyhow::Result<Verdict> {
        let mut engine = self.engine.clone();
        let input = Value::from_json_str(plan).context("the plan is no JSON")?;
        if input.as_object().is_ok_and(|plan| !plan.contains_key(&Value::from("resource_changes"))) {
            bail!(
                "the plan names no `resource_changes`: it is what `terraform show -json` says of a plan file"
            );
        }
        engine.set_input(input);
        let mut verdict = Verdict::default();
        for package in &self.packages {
            verdict.denied.append(&mut sentences(&mut engine, &format!("{package}.deny"))?);
            verdict.unseen.append(&mut sentences(&mut engine, &format!("{package}.warn"))?);
            let used = format!("data.lakeside.plan.used({package}.findings)");
            verdict.exceptions.append(&mut sentences(&mut engine, &used)?);
            let name = package.trim_start_matches("data.lakeside.");
            let overlooked = format!("data.lakeside.plan.overlooked(\"{name}\", {package}.reads)");
            verdict.exceptions.append(&mut sentences(&mut engine, &overlooked)?);
        }
        verdict.proofs = sentences(&mut engine, "data.lakeside.rules.proofs")?;
        Ok(verdict)
    }
}

/// A file of what is granted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    #[serde(default)]
    exceptions: BTreeMap<String, Exception>,
    #[serde(default)]
    replay: BTreeMap<String, Proof>,
}

/// The rule that is not kept, and by what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "rule")]
    _rule: String,
    #[serde(default, rename = "subjects")]
    _subjects: Option<Vec<String>>,
    #[serde(default, rename = "unseen")]
    _unseen: Option<Vec<String>>,
    #[serde(default, rename = "addresses")]
    _addresses: Option<Vec<String>>,
    reason: String,
}

/// For how long a consumer knows what it did, and by what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    #[serde(rename = "remembers_days")]
    _remembers_days: u32,
    by: String,
}

fn add(engine: &mut Engine, file: &Path, text: String) -> anyhow::Result<String> {
    engine
        .add_policy(file.display().to_string(), text)
        .with_context(|| format!("{} is no policy", file.display()))
}

/// The texts in the set that a query gives.
fn sentences(engine: &mut Engine, query: &str) -> anyhow::Result<BTreeSet<String>> {
    let results =
        engine.eval_query(query.to_owned(), false).with_context(|| format!("cannot evaluate {query}"))?;
    let value = results
        .result
        .first()
        .and_then(|result| result.expressions.first())
        .map(|expression| &expression.value)
        .ok_or_else(|| anyhow!("{query} is undefined"))?;
    let set = value.as_set().with_context(|| format!("{query} is no set"))?;
    set.iter().map(|text| Ok(text.as_string()?.to_string())).collect()
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The files of a directory with this extension, in order.
pub(crate) fn files(dir: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(dir).with_context(|| format!("cannot read the directory {}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
