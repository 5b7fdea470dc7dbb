//! A consumer that is one directory is known to nobody outside of it, and knows nobody but what all share.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::{Context, Outcome};
use crate::consumer::{self, CONSUMERS};
use crate::progress::Step;
use crate::run;

/// What a consumer's crate may use of this workspace.
const SHARED: [&str; 3] = ["lakeside-contracts", "lakeside-domain", "lakeside-kit"];

/// Looks for the name of each consumer outside of its directory, and for what its crate depends on.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let names = consumer::names(context.layout)?;
    let root = &context.layout.root;
    let mut command = Command::new("git");
    command.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = run::captured("git ls-files", &mut command, &context.log("consumers-git"))?;
    let mut faults = Vec::new();
    for file in files.lines().filter(|file| !may_tell_of_consumers(file)) {
        // Deleted, or no text.
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        faults.extend(names.iter().filter(|name| mentions(file, &text, name)).map(|name| {
            format!("{file} knows the consumer {name}, which nothing outside of {CONSUMERS}/{name} may")
        }));
    }
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["metadata", "--no-deps", "--format-version", "1", "--quiet"]);
    let json = run::captured("cargo metadata", &mut command, &context.log("consumers-cargo"))?;
    faults.extend(wrong_dependencies(&json, &root.join(CONSUMERS))?);
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} consumers", names.len())));
    }
    bail!("{}", faults.join("; "))
}

/// Documents tell of them, and Cargo's lock lists every crate.
fn may_tell_of_consumers(file: &str) -> bool {
    file == "Cargo.lock" || Path::new(file).extension().is_some_and(|extension| extension == "md")
}

fn mentions(file: &str, text: &str, name: &str) -> bool {
    !file.starts_with(&format!("{CONSUMERS}/{name}/"))
        && (text.contains(name) || text.contains(&name.replace('-', "_")))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: std::path::PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<std::path::PathBuf>,
}

/// Crates of this workspace that a consumer uses and may not, and consumers that others use.
fn wrong_dependencies(json: &str, consumers: &Path) -> anyhow::Result<Vec<String>> {
    let metadata: Metadata =
        serde_json::from_str(json).context("cargo metadata printed something unexpected")?;
    let is_consumer = |path: &Path| path.starts_with(consumers);
    let mut faults = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let Some(path) = &dependency.path else { continue };
            let wrong = if is_consumer(&package.manifest_path) {
                !SHARED.contains(&dependency.name.as_str())
            } else {
                is_consumer(path)
            };
            if wrong {
                faults.push(format!("{} may not depend on {}", package.name, dependency.name));
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_mentioned_in_its_own_directory_and_in_documents_only() {
        let mentions =
            |file: &str, text: &str| !may_tell_of_consumers(file) && mentions(file, text, "feed-shop");
        assert!(mentions("ci/xtask/src/terraform.rs", "Root(\"feed-shop\")"));
        assert!(mentions("squad-modules/growth/functions.tf", "feed_shop = {}"));
        assert!(mentions("squad-modules/feed-shop-too/functions.tf", "feed-shop"));
        assert!(!mentions("squad-modules/feed-shop/functions.tf", "feed_shop = {}"));
        assert!(!mentions("docs/new-consumer.md", "feed-shop"));
        assert!(!mentions("Cargo.lock", "name = \"lakeside-feed-shop\""));
        assert!(!mentions("ci/xtask/src/terraform.rs", "nothing of it"));
    }

    #[test]
    fn a_consumer_uses_what_all_share_and_nobody_uses_it() {
        let json = r#"{"packages":[
            {"name":"lakeside-feed-shop","manifest_path":"/r/squad-modules/feed-shop/handlers/Cargo.toml","dependencies":[
                {"name":"serde"},
                {"name":"lakeside-kit","path":"/r/handlers/kit"},
                {"name":"lakeside-orders","path":"/r/handlers/orders"}]},
            {"name":"lakeside-growth","manifest_path":"/r/handlers/growth/Cargo.toml","dependencies":[
                {"name":"lakeside-orders","path":"/r/handlers/orders"},
                {"name":"lakeside-feed-shop","path":"/r/squad-modules/feed-shop/handlers"}]}]}"#;
        assert_eq!(
            wrong_dependencies(json, Path::new("/r/squad-modules")).unwrap(),
            [
                "lakeside-feed-shop may not depend on lakeside-orders",
                "lakeside-growth may not depend on lakeside-feed-shop"
            ]
        );
    }
}
