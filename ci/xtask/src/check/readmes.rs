//! The README of each Terraform root names every input and every output of it, and none that there is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::{Context, LOCK, Outcome, TREES};
use crate::fingerprint::files_below;
use crate::progress::Step;

/// What roots are made from.
const SKELETON: &str = "ci/xtask/skeleton";

/// A kind of block, how the names of files end that declare them, and the heading under which the README has a row for each.
const KINDS: [(&str, &str, &str); 2] =
    [("variable", "variables.tf", "## Inputs"), ("output", "outputs.tf", "## Outputs")];

/// Compares the rows of each README with what the root declares.
pub fn check(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let top = &context.layout.root;
    let mut roots = BTreeSet::from([top.join(SKELETON)]);
    for tree in TREES {
        let files = files_below(&top.join(tree))?;
        let locks = files.iter().filter(|file| file.file_name().is_some_and(|name| name == LOCK));
        roots.extend(locks.filter_map(|lock| lock.parent()).map(Path::to_path_buf));
    }
    let mut faults = Vec::new();
    for root in &roots {
        let readme = root.join("README.md");
        let text =
            fs::read_to_string(&readme).with_context(|| format!("cannot read {}", readme.display()))?;
        for (kind, files, heading) in KINDS {
            let declared = declared(root, kind, files)?;
            faults.extend(compare(
                &context.layout.shown(&readme).to_string(),
                kind,
                heading,
                &declared,
                &text,
            ));
        }
    }
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{} roots", roots.len())));
    }
    bail!("{}", faults.join("; "))
}

/// The names of all blocks of a kind in those of a root's files that declare them.
fn declared(root: &Path, kind: &str, files: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut declared = BTreeSet::new();
    for entry in fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))? {
        let file = entry.with_context(|| format!("cannot read {}", root.display()))?.path();
        if file.to_string_lossy().ends_with(files) {
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            declared.extend(labels(&text, kind).with_context(|| format!("cannot read {}", file.display()))?);
        }
    }
    Ok(declared)
}

fn labels(text: &str, kind: &str) -> anyhow::Result<Vec<String>> {
    let body = hcl_edit::parser::parse_body(text).map_err(|error| anyhow!("it is not HCL: {error}"))?;
    let blocks = body.blocks().filter(|block| block.ident.as_str() == kind);
    Ok(blocks.filter_map(|block| block.labels.first()).map(|label| label.as_str().to_owned()).collect())
}

/// The names in the first cells of the rows under a heading, up to the next one of its kind.
fn rows(readme: &str, heading: &str) -> BTreeSet<String> {
    let section = readme.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let rows = section.take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix('|'));
    rows.filter_map(|row| row.split('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// What does not agree, one sentence each.
fn compare(readme: &str, kind: &str, heading: &str, declared: &BTreeSet<String>, text: &str) -> Vec<String> {
    let rows = rows(text, heading);
    let missing = declared.difference(&rows).map(|name| {
        format!("{readme} has no row for the {kind} `{name}` in the table under `{heading}`, add one")
    });
    let unknown = rows.difference(declared).map(|name| {
        format!("{readme} has a row for `{name}` under `{heading}`, and there is no such {kind}, remove it")
    });
    missing.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# A root\n\n`other` is no row.\n\n## Inputs\n| input | default | |\n|---|---|---|\n\
        | `one`, `two` | `none` | of which `three` is no name |\n\n### Notes\n| `four` | |\n\n## Outputs\n| `five` | |\n";

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_first_cells_of_a_section_name_what_there_is() {
        assert_eq!(rows(README, "## Inputs"), names(&["one", "two", "four"]));
        assert_eq!(rows(README, "## Outputs"), names(&["five"]));
        assert_eq!(rows(README, "## Nothing"), names(&[]));
    }

    #[test]
    fn the_row_that_is_missing_and_the_one_too_many_are_named() {
        let faults = compare("a/README.md", "variable", "## Inputs", &names(&["one", "two", "new"]), README);
        assert_eq!(
            faults,
            [
                "a/README.md has no row for the variable `new` in the table under `## Inputs`, add one",
                "a/README.md has a row for `four` under `## Inputs`, and there is no such variable, remove it",
            ]
        );
    }

    #[test]
    fn variables_and_outputs_are_told_apart() {
        let text = "variable \"in\" {\n  type = string\n}\n\noutput \"out\" {\n  value = var.in\n}\n";
        assert_eq!(labels(text, "variable").unwrap(), ["in"]);
        assert_eq!(labels(text, "output").unwrap(), ["out"]);
    }
}
