//! The functions, as Cargo knows them: every binary of the crates below `handlers/`, and of the consumers that are a
//! directory of their own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::consumer::{CONSUMERS, HANDLERS};
use crate::layout::Layout;
use crate::run;
use crate::terraform::groups;

/// One function: a binary and the squad, or the consumer, whose crate holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// The binary's name, also the name of its package and the end of the Lambda's name.
    pub name: String,
    /// `orders` for the crate in `handlers/orders`, and in `squad-modules/orders/handlers`.
    pub squad: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: std::path::PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Asks Cargo for the functions, in the order of their names.
pub fn list(layout: &Layout) -> anyhow::Result<Vec<Function>> {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args(["metadata", "--no-deps", "--format-version", "1", "--quiet"]);
    let json = run::captured("cargo metadata", &mut command, &layout.logs().join("cargo-metadata.log"))?;
    let functions = parse(&json, &layout.root)?;
    if functions.is_empty() {
        bail!("no crate below handlers/ has a binary, so there is no function to deploy");
    }
    Ok(functions)
}

/// Those that a squad deploys: its own, and what all squads share, which lies in a crate that is no squad's.
pub fn of_squad(layout: &Layout, all: &[Function], squad: &str) -> anyhow::Result<Vec<Function>> {
    let groups = groups(layout)?;
    let squads: Vec<&str> = groups.iter().flatten().filter_map(|root| root.squad.as_deref()).collect();
    if !squads.contains(&squad) {
        bail!("there is no squad `{squad}`, only {}", squads.join(", "));
    }
    let ours = |function: &&Function| function.squad == squad || !squads.contains(&function.squad.as_str());
    Ok(all.iter().filter(ours).cloned().collect())
}

fn parse(json: &str, root: &Path) -> anyhow::Result<Vec<Function>> {
    let metadata: Metadata =
        serde_json::from_str(json).context("cargo metadata printed something unexpected")?;
    let mut functions: Vec<Function> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package, squad_of(&package.manifest_path, root)?)))
        .flat_map(|(package, squad)| {
            let binaries =
                package.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bin"));
            binaries.map(move |target| Function { name: target.name.clone(), squad: squad.clone() })
        })
        .collect();
    functions.sort();
    Ok(functions)
}

fn squad_of(manifest: &Path, root: &Path) -> Option<String> {
    let package = manifest.strip_prefix(root).ok()?.parent()?;
    let squad = match package.strip_prefix(CONSUMERS) {
        Ok(inside) => inside.to_str()?.strip_suffix(HANDLERS)?.strip_suffix('/')?,
        Err(_) => package.strip_prefix("handlers").ok()?.to_str()?,
    };
    Some(squad.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binaries_of_the_handlers_are_the_functions() {
        let json = r#"{"packages":[
            {"manifest_path":"/r/handlers/orders/Cargo.toml","targets":[{"name":"lakeside_orders","kind":["lib"]},{"name":"order-query","kind":["bin"]},{"name":"advance-order","kind":["bin"]}]},
            {"manifest_path":"/r/handlers/kit/Cargo.toml","targets":[{"name":"publish-outbox","kind":["bin"]}]},
            {"manifest_path":"/r/squad-modules/feed-shop/handlers/Cargo.toml","targets":[{"name":"feed-shop","kind":["bin"]}]},
            {"manifest_path":"/r/squad-modules/feed-shop/other/Cargo.toml","targets":[{"name":"other","kind":["bin"]}]},
            {"manifest_path":"/r/ci/xtask/Cargo.toml","targets":[{"name":"xtask","kind":["bin"]}]}]}"#;
        let function = |name: &str, squad: &str| Function { name: name.into(), squad: squad.into() };
        assert_eq!(
            parse(json, Path::new("/r")).unwrap(),
            [
                function("advance-order", "orders"),
                function("feed-shop", "feed-shop"),
                function("order-query", "orders"),
                function("publish-outbox", "kit")
            ]
        );
    }
}
