//! One name everywhere: every function has its key in its squad's Terraform, and every key has its function. What the
//! squads share is named by the building block that deploys it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, anyhow, bail};
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::Attribute;
use hcl_edit::visit::{Visit, visit_attr};

use super::{Context, Outcome};
use crate::fingerprint::files_below;
use crate::functions::{self, Function};
use crate::progress::Step;
use crate::terraform::groups;

/// The map whose keys are the functions of a squad.
const MAP: &str = "functions";
/// The argument by which a building block names the binary of its function.
const BINARY: &str = "binary";
/// Where the building blocks are.
const BLOCKS: &str = "squad-modules/modules";

/// Compares Cargo's binaries with Terraform's keys.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let functions = functions::list(context.layout)?;
    let mut keys = BTreeMap::new();
    for root in groups(context.layout)?.iter().flatten() {
        let Some(squad) = &root.squad else { continue };
        keys.insert(squad.clone().into_owned(), names_below(context, &root.dir)?.keys);
    }
    let faults = compare(&functions, &keys, &names_below(context, BLOCKS)?.binaries);
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} functions", functions.len())));
    }
    bail!("names differ: {}", faults.join("; "))
}

/// The names in all Terraform files below `dir`.
fn names_below(context: &Context<'_>, dir: &str) -> anyhow::Result<Names> {
    let mut names = Names::default();
    for file in files_below(&context.layout.root.join(dir))? {
        if file.extension().is_some_and(|extension| extension == "tf") {
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            names.read(&text).with_context(|| format!("cannot read {}", context.layout.shown(&file)))?;
        }
    }
    Ok(names)
}

/// The names that Terraform files give to functions.
#[derive(Debug, Default)]
struct Names {
    /// The keys of every map called `functions`.
    keys: BTreeSet<String>,
    /// The values of every argument called `binary`.
    binaries: BTreeSet<String>,
}

impl Names {
    fn read(&mut self, text: &str) -> anyhow::Result<()> {
        let body = hcl_edit::parser::parse_body(text).map_err(|error| anyhow!("it is not HCL: {error}"))?;
        self.visit_body(&body);
        Ok(())
    }
}

impl Visit for Names {
    fn visit_attr(&mut self, attribute: &Attribute) {
        if attribute.key.as_str() == MAP
            && let Expression::Object(map) = &attribute.value
        {
            self.keys.extend(map.iter().filter_map(|(key, _)| match key {
                ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
                ObjectKey::Expression(expression) => expression.as_str().map(str::to_owned),
            }));
        }
        if attribute.key.as_str() == BINARY {
            self.binaries.extend(attribute.value.as_str().map(str::to_owned));
        }
        visit_attr(self, attribute);
    }
}

/// What does not agree, one sentence each.
fn compare(
    functions: &[Function],
    keys: &BTreeMap<String, BTreeSet<String>>,
    binaries: &BTreeSet<String>,
) -> Vec<String> {
    let key_of = |function: &Function| function.name.replace('-', "_");
    let mut faults = Vec::new();
    for (squad, keys) in keys {
        let own = functions.iter().filter(|function| function.squad == *squad);
        for function in own.clone().filter(|function| !keys.contains(&key_of(function))) {
            faults.push(format!(
                "the binary {} of {squad} has no key {} in its Terraform",
                function.name,
                key_of(function)
            ));
        }
        let known: BTreeSet<String> = own.map(key_of).collect();
        faults.extend(
            keys.difference(&known)
                .map(|key| format!("the key {key} of {squad} has no binary {}", key.replace('_', "-"))),
        );
    }
    let shared = functions.iter().filter(|function| !keys.contains_key(&function.squad));
    for function in shared.filter(|function| !binaries.contains(&function.name)) {
        faults.push(format!("the binary {} is deployed by no building block", function.name));
    }
    let names: BTreeSet<&String> = functions.iter().map(|function| &function.name).collect();
    let unknown = binaries.iter().filter(|binary| !names.contains(binary));
    faults.extend(
        unknown.map(|binary| format!("a building block deploys {binary}, and there is no such binary")),
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, squad: &str) -> Function {
        Function { name: name.into(), squad: squad.into() }
    }

    fn keys(squad: &str, keys: &[&str]) -> (String, BTreeSet<String>) {
        (squad.into(), keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn keys_are_found_in_locals_and_in_arguments_of_modules() {
        let text = r#"
            locals {
              functions = {
                order_ingest = { timeout_seconds = 10, functions_of_no_interest = {} }
                "order-query" = {}
              }
            }
            module "squad" {
              source    = "../modules/squad"
              functions = { advance_order = merge({}, { a = 1 }) }
            }
        "#;
        let expected = keys("", &["advance_order", "order-query", "order_ingest"]).1;
        let mut names = Names::default();
        names.read(text).unwrap();
        assert_eq!(names.keys, expected);
        assert!(names.read("locals {").is_err());
    }

    #[test]
    fn a_building_block_names_its_binary() {
        let mut names = Names::default();
        names.read(r#"module "function" { binary = "publish-outbox" }"#).unwrap();
        assert_eq!(names.binaries, keys("", &["publish-outbox"]).1);
    }

    #[test]
    fn agreeing_names_pass() {
        let functions = [function("order-query", "orders"), function("publish-outbox", "kit")];
        let (keys, binaries) = ([keys("orders", &["order_query"])].into(), keys("", &["publish-outbox"]).1);
        assert_eq!(compare(&functions, &keys, &binaries), Vec::<String>::new());
    }

    #[test]
    fn a_binary_without_a_key_and_a_key_without_a_binary_are_told() {
        let functions = [function("order-query", "orders"), function("publish-outbox", "kit")];
        let (keys, binaries) = ([keys("orders", &["order_read"])].into(), keys("", &["publish-inbox"]).1);
        assert_eq!(
            compare(&functions, &keys, &binaries),
            [
                "the binary order-query of orders has no key order_query in its Terraform",
                "the key order_read of orders has no binary order-read",
                "the binary publish-outbox is deployed by no building block",
                "a building block deploys publish-inbox, and there is no such binary",
            ]
        );
    }
}
