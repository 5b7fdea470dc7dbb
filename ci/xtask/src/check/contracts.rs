//! The contracts: that the committed files are what the types say, and that they break nobody.

use std::process::Command;

use super::{Context, Outcome, passed};
use crate::progress::Step;
use crate::{cloud, run, tools};

/// The door in OpenAPI.
const DESCRIPTION: &str = "contracts/api/openapi.json";
/// How the gate begins to say that there is nothing to compare with.
const SKIPPED: &str = "skipped: ";

/// The committed schemas and examples are those that the Rust types give.
pub fn files(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    context.run(step, "contracts", binary(context, "generate-contracts")?.arg("--check"))?;
    Ok(passed())
}

/// Nothing breaks whoever relies on the contracts of the main branch.
pub fn gate(context: &Context<'_>, _step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = binary(context, "contracts-gate")?;
    command.current_dir(&context.layout.root);
    let said = run::captured("contracts-gate", &mut command, &context.log("contracts-gate"))?;
    Ok(outcome_of(&said))
}

/// The description of the API is one that tools understand, by OpenAPI's own schema.
pub fn description(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let bin = tools::node(context.layout, context.progress)?;
    context.run(step, "openapi", Command::new(bin.join("validate-api")).arg(DESCRIPTION))?;
    Ok(passed())
}

/// The committed pages are those that contracts, functions and Terraform give.
pub fn pages(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    context.run(step, "event-pages", binary(context, "generate-event-pages")?.arg("--check"))?;
    Ok(passed())
}

/// A tool of this workspace, built as it is now.
fn binary(context: &Context<'_>, name: &str) -> anyhow::Result<Command> {
    cloud::build(context.layout, context.progress)?;
    Ok(Command::new(context.layout.binary(name)))
}

fn outcome_of(said: &str) -> Outcome {
    let last = said.lines().last().unwrap_or_default();
    match last.strip_prefix(SKIPPED) {
        Some(reason) => Outcome::Skipped(reason.to_owned()),
        None => Outcome::Passed(last.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_with_nothing_to_compare_with_is_skipped_and_says_why() {
        assert!(
            matches!(outcome_of("skipped: no main branch\n"), Outcome::Skipped(why) if why == "no main branch")
        );
        let said = "note: v2 is new beside v1\n48 contracts, none breaks what 4acf949 promised\n";
        assert!(matches!(outcome_of(said), Outcome::Passed(what) if what.starts_with("48 contracts")));
    }
}
