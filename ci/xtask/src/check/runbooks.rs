//! Every alarm leads to a runbook that is there, and every runbook can be found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use hcl_edit::expr::{Expression, ObjectKey, ObjectValue};
use hcl_edit::structure::{Attribute, Block};
use hcl_edit::visit::{Visit, visit_attr, visit_block, visit_expr, visit_object_item};

use super::{Context, Outcome, TREES};
use crate::fingerprint::files_below;
use crate::progress::Step;

/// Where they are.
const RUNBOOKS: &str = "docs/runbooks";
/// Where those are listed that no alarm leads to.
const LIST: &str = "README.md";
/// What an alarm's runbook is called in Terraform: one, or several by what they are for.
const NAMES: [&str; 2] = ["runbook", "runbooks"];

/// Compares what the alarms say with what is there.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let root = &context.layout.root;
    let mut named = BTreeSet::new();
    for tree in TREES {
        for file in files_below(&root.join(tree))? {
            if file.extension().is_some_and(|extension| extension == "tf") {
                let text =
                    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                named.extend(
                    named_in(&text)
                        .with_context(|| format!("cannot read {}", context.layout.shown(&file)))?,
                );
            }
        }
    }
    let (there, list) = read(&root.join(RUNBOOKS))?;
    let faults = compare(&named, &there, &list);
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} runbooks, {} named by alarms", there.len(), named.len())));
    }
    bail!("{}", faults.join("; "))
}

/// The names of the runbooks, and the text of their list.
fn read(dir: &Path) -> anyhow::Result<(BTreeSet<String>, String)> {
    let mut there = BTreeSet::new();
    for file in files_below(dir)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".md").filter(|_| name != LIST) {
            there.insert(name.to_owned());
        }
    }
    let list = dir.join(LIST);
    let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    Ok((there, text))
}

/// What is wrong, one sentence each.
fn compare(named: &BTreeSet<String>, there: &BTreeSet<String>, list: &str) -> Vec<String> {
    let missing = named.difference(there).map(|name| {
        format!("an alarm leads to {RUNBOOKS}/{name}.md, which is not there: write it, or name another")
    });
    let lost = there.difference(named).filter(|name| !list.contains(&format!("({name}.md"))).map(|name| {
        format!(
            "no alarm leads to {RUNBOOKS}/{name}.md, and {RUNBOOKS}/{LIST} does not link it: do one of both"
        )
    });
    missing.chain(lost).collect()
}

/// The runbooks that a Terraform file names.
fn named_in(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| anyhow!("it is not HCL: {error}"))?;
    let mut named = Named::default();
    named.visit_body(&body);
    Ok(named.0)
}

#[derive(Default)]
struct Named(BTreeSet<String>);

impl Named {
    fn take(&mut self, expression: &Expression) {
        let mut texts = Texts::default();
        texts.visit_expr(expression);
        self.0.extend(texts.0);
    }
}

impl Visit for Named {
    fn visit_attr(&mut self, attribute: &Attribute) {
        if NAMES.contains(&attribute.key.as_str()) {
            self.take(&attribute.value);
        } else {
            visit_attr(self, attribute);
        }
    }

    fn visit_object_item(&mut self, key: &ObjectKey, value: &ObjectValue) {
        let named = match key {
            ObjectKey::Ident(ident) => NAMES.contains(&ident.as_str()),
            ObjectKey::Expression(expression) => expression.as_str().is_some_and(|key| NAMES.contains(&key)),
        };
        if named {
            self.take(value.expr());
        } else {
            visit_object_item(self, key, value);
        }
    }

    /// What a variable of that name is if nobody sets it.
    fn visit_block(&mut self, block: &Block) {
        let is_named = block.labels.first().is_some_and(|label| NAMES.contains(&label.as_str()));
        if block.ident.as_str() == "variable" && is_named {
            if let Some(default) = block.body.get_attribute("default") {
                self.take(&default.value);
            }
        } else {
            visit_block(self, block);
        }
    }
}

/// All texts in an expression.
#[derive(Default)]
struct Texts(BTreeSet<String>);

impl Visit for Texts {
    fn visit_expr(&mut self, expression: &Expression) {
        self.0.extend(expression.as_str().map(str::to_owned));
        visit_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn runbooks_are_found_wherever_terraform_names_them() {
        let text = r#"
            module "alarms" {
              alarms = {
                behind = { runbook = "consumer-behind", graph = "Age" }
                failed = merge(local.alarm, { "runbook" = "saga-failed" })
                other  = { runbook = each.value.runbook }
              }
              runbooks = { dead_letters = "marketplace-behind", behind = "levels-stuck" }
              runbook  = "outbox-stuck"
            }
            variable "runbooks" {
              description = "what-is-no-runbook"
              default     = { dead_letters = "dead-letter-queue" }
            }
            variable "errors" {
              type = object({ runbook = optional(string, "function-fails") })
            }
        "#;
        let expected = names(&[
            "consumer-behind",
            "dead-letter-queue",
            "function-fails",
            "levels-stuck",
            "marketplace-behind",
            "outbox-stuck",
            "saga-failed",
        ]);
        assert_eq!(named_in(text).unwrap(), expected);
    }

    #[test]
    fn an_alarm_that_leads_nowhere_is_a_fault() {
        let faults = compare(&names(&["a", "b"]), &names(&["a"]), "");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults.concat().contains("docs/runbooks/b.md, which is not there"), "{faults:?}");
    }

    #[test]
    fn a_runbook_that_nobody_finds_is_a_fault() {
        let there = names(&["a", "b", "c"]);
        let faults = compare(&names(&["a"]), &there, "see [b](b.md#look)");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults.concat().contains("docs/runbooks/c.md"), "{faults:?}");
    }
}
