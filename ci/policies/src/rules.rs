//! The rules by name, read from the text of the policies.
//!
//! A rule is the `findings` of its name in a package: `seen.<name>`, `seen["<name>"]` or a function of the package that is
//! given the name, as the first thing that its body says.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::suite::files;

const HEAD: &str = "findings contains ";

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The package's name, which is that of its file.
    pub package: String,
    /// Its own name.
    pub name: String,
    /// Where it is.
    pub file: PathBuf,
    /// The lines at which bodies of it begin: a rule may have several.
    pub bodies: Vec<usize>,
}

impl Rule {
    /// As its findings name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.package, self.name)
    }
}

/// All rules of the policies in a directory.
pub fn rules(dir: &Path) -> anyhow::Result<Vec<Rule>> {
    let mut rules: Vec<Rule> = Vec::new();
    for file in files(dir, "rego")? {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let package = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lines: Vec<&str> = text.lines().collect();
        for (number, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(HEAD)) {
            let mut body = lines.iter().skip(number + 1).take_while(|line| **line != "}");
            let name = body.find_map(|line| name_in(line)).with_context(|| {
                format!("{}:{}: the rule does not say its name", file.display(), number + 1)
            })?;
            match rules.iter_mut().find(|rule| rule.package == package && rule.name == name) {
                Some(rule) => rule.bodies.push(number),
                None => rules.push(Rule {
                    package: package.clone(),
                    name,
                    file: file.clone(),
                    bodies: vec![number],
                }),
            }
        }
    }
    Ok(rules)
}

/// The name in a line that goes through what a rule sees.
fn name_in(line: &str) -> Option<String> {
    let (_, source) = line.split_once(" in ")?;
    if let Some(rest) = source.strip_prefix("seen.") {
        return Some(rest.chars().take_while(|&letter| letter.is_alphanumeric() || letter == '_').collect());
    }
    if source.starts_with("acting") {
        return Some("replay".to_owned());
    }
    source.split('"').nth(1).map(str::to_owned)
}

/// The text of a policy without one of the bodies of a rule: that finds nothing any more.
pub fn without(body: usize, text: &str) -> String {
    let mut emptied = String::new();
    for (number, line) in text.lines().enumerate() {
        emptied.push_str(line);
        emptied.push('\n');
        if number == body {
            emptied.push_str("\tfalse\n");
        }
    }
    emptied
}
