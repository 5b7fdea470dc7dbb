//! One name everywhere: every function has its key in its squad's Terraform, and every key has its function.

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
use crate::terraform::GROUPS;

/// The map whose keys are the functions of a squad.
const MAP: &str = "functions";

/// Compares Cargo's binaries with Terraform's keys.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let functions = functions::list(context.layout)?;
    let mut keys = BTreeMap::new();
    for root in GROUPS.iter().flat_map(|group| group.iter()) {
        let Some(squad) = root.squad else { continue };
        let mut of_squad = BTreeSet::new();
        let dir = context.layout.root.join(root.dir);
        for file in files_below(&dir)?
            .iter()
            .filter(|file| file.extension().is_some_and(|extension| extension == "tf"))
        {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            of_squad.extend(
                keys_of(&text).with_context(|| format!("cannot read {}", context.layout.shown(file)))?,
            );
        }
        keys.insert(squad.to_owned(), of_squad);
    }
    let faults = compare(&functions, &keys);
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} functions", functions.len())));
    }
    bail!("names differ: {}", faults.join("; "))
}

/// The keys of every map called `functions` in a file.
fn keys_of(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| anyhow!("it is not HCL: {error}"))?;
    let mut keys = Keys::default();
    keys.visit_body(&body);
    Ok(keys.0)
}

#[derive(Default)]
struct Keys(BTreeSet<String>);

impl Visit for Keys {
    fn visit_attr(&mut self, attribute: &Attribute) {
        if attribute.key.as_str() == MAP
            && let Expression::Object(map) = &attribute.value
        {
            self.0.extend(map.iter().filter_map(|(key, _)| match key {
                ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
                ObjectKey::Expression(expression) => expression.as_str().map(str::to_owned),
            }));
        }
        visit_attr(self, attribute);
    }
}

/// What does not agree, one sentence each.
fn compare(functions: &[Function], keys: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let key_of = |function: &Function| function.name.replace('-', "_");
    // A function in a crate that is no squad's may be any squad's.
    let shared: Vec<&Function> =
        functions.iter().filter(|function| !keys.contains_key(&function.squad)).collect();
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
        let known: BTreeSet<String> = own.chain(shared.iter().copied()).map(key_of).collect();
        faults.extend(
            keys.difference(&known)
                .map(|key| format!("the key {key} of {squad} has no binary {}", key.replace('_', "-"))),
        );
    }
    for function in
        shared.iter().filter(|function| !keys.values().any(|keys| keys.contains(&key_of(function))))
    {
        faults.push(format!("the binary {} is deployed by no squad", function.name));
    }
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
        assert_eq!(keys_of(text).unwrap(), expected);
        assert!(keys_of("locals {").is_err());
    }

    #[test]
    fn agreeing_names_pass() {
        let functions = [function("order-query", "orders"), function("publish-outbox", "kit")];
        let keys =
            [keys("orders", &["order_query", "publish_outbox"]), keys("inventory", &["publish_outbox"])]
                .into();
        assert_eq!(compare(&functions, &keys), Vec::<String>::new());
    }

    #[test]
    fn a_binary_without_a_key_and_a_key_without_a_binary_are_told() {
        let functions = [function("order-query", "orders"), function("publish-outbox", "kit")];
        let keys = [keys("orders", &["order_read"]), keys("inventory", &[])].into();
        assert_eq!(
            compare(&functions, &keys),
            [
                "the binary order-query of orders has no key order_query in its Terraform",
                "the key order_read of orders has no binary order-read",
                "the binary publish-outbox is deployed by no squad",
            ]
        );
    }
}
