//! Workflows: what they run is pinned, no key in them lasts, and each squad's is started by exactly what its functions are
//! made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::languages::WORKFLOWS;
use super::{Context, Outcome};
use crate::consumer;
use crate::fingerprint::files_below;
use crate::progress::Step;
use crate::run;
use crate::terraform::groups;

/// What every function is made of beside its crates.
const OF_ALL: [&str; 3] = ["Cargo.lock", "Cargo.toml", "squad-modules/modules/**"];
/// The crate of what all squads share.
const SHARED: &str = "handlers/kit";
/// Names of what would be a key that lasts.
const KEYS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "aws-access-key-id", "aws-secret-access-key"];

/// Reads every workflow.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let root = &context.layout.root;
    let files = files_below(&root.join(WORKFLOWS))?;
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yml")) {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let shown = context.layout.shown(file);
        faults.extend(
            unpinned(&text)
                .into_iter()
                .map(|line| format!("{shown}: {line} is not pinned by commit and version")),
        );
        faults
            .extend(lasting_keys(&text).into_iter().map(|key| format!("{shown}: {key} is a key that lasts")));
    }
    let crates = Crates::read(context)?;
    let consumers = consumer::names(context.layout)?;
    let groups = groups(context.layout)?;
    let squads = groups.iter().flatten().filter_map(|root| root.squad.as_deref());
    for squad in squads.filter(|squad| !consumers.iter().any(|consumer| consumer == squad)) {
        let name = format!("{WORKFLOWS}/deploy-{squad}.yml");
        let text = fs::read_to_string(root.join(&name)).with_context(|| format!("{squad} has no {name}"))?;
        let wanted = wanted_paths(&crates, squad)?;
        faults.extend(compare(&paths(&text), &wanted).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} files", files.len())));
    }
    bail!("{}", faults.join("; "))
}

/// Every `uses:` of somebody else's that names no full commit, or does not say which version that is.
fn unpinned(text: &str) -> Vec<&str> {
    let used = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses:"));
    used.map(str::trim).filter(|used| !used.starts_with("./") && !is_pinned(used)).collect()
}

fn is_pinned(used: &str) -> bool {
    let Some((_, rest)) = used.split_once('@') else { return false };
    let Some((commit, version)) = rest.split_once(" # v") else { return false };
    commit.len() == 40
        && commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && version.starts_with(|character: char| character.is_ascii_digit())
}

fn lasting_keys(text: &str) -> Vec<&'static str> {
    KEYS.into_iter().filter(|key| text.contains(key)).collect()
}

/// The entries of the one list called `paths`.
fn paths(text: &str) -> BTreeSet<String> {
    let list = text.lines().map(str::trim).skip_while(|line| *line != "paths:").skip(1);
    list.map_while(|line| line.strip_prefix("- ")).map(|path| path.trim_matches('"').to_owned()).collect()
}

/// What the functions of a squad are made of, and the workflow itself.
fn wanted_paths(crates: &Crates, squad: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut wanted: BTreeSet<String> = OF_ALL.into_iter().map(str::to_owned).collect();
    wanted.extend([
        format!("squad-modules/{squad}/**"),
        format!("{WORKFLOWS}/deploy-{squad}.yml"),
        format!("{WORKFLOWS}/squad-deploy.yml"),
    ]);
    for start in [format!("handlers/{squad}"), SHARED.to_owned()] {
        wanted.extend(
            crates.reached_from(Path::new(&start))?.iter().map(|dir| format!("{}/**", dir.display())),
        );
    }
    Ok(wanted)
}

fn compare(found: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Vec<String> {
    let missing = wanted.difference(found).map(|path| format!("`{path}` is missing among its paths"));
    let needless = found
        .difference(wanted)
        .map(|path| format!("`{path}` among its paths is nothing its functions are made of"));
    missing.chain(needless).collect()
}

/// The crates of the workspace by directory, and those that each is built with.
struct Crates(BTreeMap<PathBuf, Vec<PathBuf>>);

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    /// `dev`, `build`, or nothing.
    kind: Option<String>,
    /// Only of what lies in the checkout.
    path: Option<PathBuf>,
}

impl Crates {
    fn read(context: &Context<'_>) -> anyhow::Result<Self> {
        let root = &context.layout.root;
        let mut command = Command::new("cargo");
        command.current_dir(root).args(["metadata", "--no-deps", "--format-version", "1", "--quiet"]);
        let json = run::captured("cargo metadata", &mut command, &context.log("workflows"))?;
        Self::parse(&json, root)
    }

    fn parse(json: &str, root: &Path) -> anyhow::Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(json).context("cargo metadata printed something unexpected")?;
        let below = |path: &Path| path.strip_prefix(root).map(Path::to_path_buf).ok();
        let crates = metadata.packages.iter().filter_map(|package| {
            let dir = below(package.manifest_path.parent()?)?;
            let built_with = package.dependencies.iter().filter(|used| used.kind.as_deref() != Some("dev"));
            Some((dir, built_with.filter_map(|used| below(used.path.as_deref()?)).collect()))
        });
        Ok(Self(crates.collect()))
    }

    /// A crate and all that it is built with.
    fn reached_from(&self, start: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start.to_path_buf()];
        while let Some(dir) = open.pop() {
            let built_with =
                self.0.get(&dir).ok_or_else(|| anyhow!("there is no crate in {}", dir.display()))?;
            if reached.insert(dir) {
                open.extend(built_with.iter().cloned());
            }
        }
        Ok(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "08c6903cd8c0fde910a37f88322edcfb5dd907a8";

    #[test]
    fn a_tag_a_short_commit_and_a_commit_of_no_version_are_not_pinned() {
        let text = format!(
            "steps:\n  - uses: a/b@{COMMIT} # v5.0.0\n  - uses: a/b@v5\n  - uses: a/b@08c6903 # v5\n    uses: a/b@{COMMIT}\n  - uses: ./.github/x.yml\n"
        );
        assert_eq!(unpinned(&text), ["a/b@v5", "a/b@08c6903 # v5", format!("a/b@{COMMIT}").as_str()]);
    }

    #[test]
    fn a_key_that_lasts_is_found_by_its_name() {
        assert_eq!(lasting_keys("with:\n  aws-access-key-id: x\n"), ["aws-access-key-id"]);
        assert!(lasting_keys("with:\n  role-to-assume: x\n").is_empty());
    }

    #[test]
    fn the_paths_are_those_of_the_one_list() {
        let text = "on:\n  push:\n    branches: [main]\n    paths:\n      - \"a/**\"\n      - b\n  workflow_dispatch:\n";
        assert_eq!(paths(text), ["a/**".to_owned(), "b".to_owned()].into());
        assert!(paths("on: push").is_empty());
    }

    #[test]
    fn a_squad_is_started_by_the_crates_that_its_functions_are_built_with() {
        let json = r#"{"packages":[
            {"manifest_path":"/r/handlers/orders/Cargo.toml","dependencies":[
                {"name":"kit","kind":null,"path":"/r/handlers/kit"},
                {"name":"sandbox","kind":"dev","path":"/r/ci/sandbox"},
                {"name":"serde","kind":null}]},
            {"manifest_path":"/r/handlers/kit/Cargo.toml","dependencies":[{"name":"domain","kind":null,"path":"/r/domain"}]},
            {"manifest_path":"/r/domain/Cargo.toml","dependencies":[]},
            {"manifest_path":"/r/ci/sandbox/Cargo.toml","dependencies":[]}]}"#;
        let crates = Crates::parse(json, Path::new("/r")).unwrap();
        let wanted = wanted_paths(&crates, "orders").unwrap();
        for path in
            ["domain/**", "handlers/kit/**", "handlers/orders/**", "squad-modules/orders/**", "Cargo.lock"]
        {
            assert!(wanted.contains(path), "{path}");
        }
        assert!(!wanted.contains("ci/sandbox/**"));
        assert!(crates.reached_from(Path::new("handlers/growth")).is_err());
    }

    #[test]
    fn a_path_too_few_and_a_path_too_many_are_told() {
        let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            compare(&set(&["a", "c"]), &set(&["a", "b"])),
            ["`b` is missing among its paths", "`c` among its paths is nothing its functions are made of"]
        );
    }
}
