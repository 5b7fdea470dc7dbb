//! The saga's definition as a graph: every way through it, listed.
//!
//! The definition has no loops, so the list is finite and a rule that holds for each of its ways holds for every
//! execution.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

/// The saga's definition, parsed.
#[derive(Debug, Clone)]
pub struct Definition(Value);

/// How a state is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Its work is done.
    Next,
    /// A Choice's rule of this index holds.
    Rule(usize),
    /// None of a Choice's rules holds.
    Default,
    /// The catcher of this index takes the error.
    Catch(usize),
    /// The execution ends here.
    End,
}

/// A state of a way, and how it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg<'a> {
    /// The state's name.
    pub state: &'a str,
    /// How it is left.
    pub exit: Exit,
}

impl From<Value> for Definition {
    fn from(json: Value) -> Self {
        Self(json)
    }
}

impl Definition {
    /// Where the definition lives.
    pub fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../asl/order-fulfilment.asl.json")
    }

    /// The text of the file, with its placeholders.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn text() -> anyhow::Result<String> {
        let path = Self::path();
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The definition as committed.
    ///
    /// # Errors
    /// If it cannot be read or is not JSON.
    pub fn load() -> anyhow::Result<Self> {
        serde_json::from_str(&Self::text()?).map(Self).context("the definition is not JSON")
    }

    /// The whole definition.
    pub const fn json(&self) -> &Value {
        &self.0
    }

    /// The states of the outer machine, in the order of the file where the JSON library keeps it.
    pub fn states(&self) -> impl Iterator<Item = (&str, &Value)> {
        states_of(&self.0)
    }

    /// The outer states and those inside of Maps.
    pub fn all_states(&self) -> Vec<(&str, &Value)> {
        let mut all: Vec<_> = self.states().collect();
        all.extend(self.states().filter_map(|(_, state)| state.get("ItemProcessor")).flat_map(states_of));
        all
    }

    /// The state called `name`, inside of a Map or not.
    pub fn state(&self, name: &str) -> Option<&Value> {
        self.all_states().into_iter().find(|(other, _)| *other == name).map(|(_, state)| state)
    }

    /// Where the outer state `name` can lead.
    ///
    /// # Errors
    /// If it names a state that does not exist, or none where it must.
    pub fn exits<'a>(&'a self, name: &str) -> anyhow::Result<Vec<(Exit, Option<&'a str>)>> {
        let state = self
            .states()
            .find(|(other, _)| *other == name)
            .map(|(_, state)| state)
            .with_context(|| format!("there is no state `{name}`"))?;
        let mut exits = Vec::new();
        let target = |from: &'a Value, field: &str| {
            from.get(field).and_then(Value::as_str).with_context(|| format!("`{name}` has no `{field}`"))
        };
        match state.get("Type").and_then(Value::as_str) {
            Some("Succeed" | "Fail") => exits.push((Exit::End, None)),
            Some("Choice") => {
                for (index, rule) in list(state, "Choices").enumerate() {
                    exits.push((Exit::Rule(index), Some(target(rule, "Next")?)));
                }
                exits.push((Exit::Default, Some(target(state, "Default")?)));
            }
            _ => {
                exits.push((Exit::Next, Some(target(state, "Next")?)));
                for (index, catcher) in list(state, "Catch").enumerate() {
                    exits.push((Exit::Catch(index), Some(target(catcher, "Next")?)));
                }
            }
        }
        Ok(exits)
    }

    /// What the exit assigns to variables.
    pub fn assigned(&self, leg: Leg<'_>) -> Option<&Value> {
        let state = self.state(leg.state)?;
        match leg.exit {
            Exit::Rule(index) => state.get("Choices")?.get(index)?.get("Assign"),
            Exit::Catch(index) => state.get("Catch")?.get(index)?.get("Assign"),
            Exit::Next | Exit::Default | Exit::End => state.get("Assign"),
        }
    }

    /// Every way from the start to an end.
    ///
    /// # Errors
    /// If a way leads to a state that does not exist, or in a circle.
    pub fn ways(&self) -> anyhow::Result<Vec<Vec<Leg<'_>>>> {
        let start = self.0.get("StartAt").and_then(Value::as_str).context("there is no `StartAt`")?;
        let mut ways = Vec::new();
        self.walk(start, &mut Vec::new(), &mut ways)?;
        Ok(ways)
    }

    fn walk<'a>(
        &'a self,
        name: &'a str,
        way: &mut Vec<Leg<'a>>,
        ways: &mut Vec<Vec<Leg<'a>>>,
    ) -> anyhow::Result<()> {
        if way.iter().any(|leg| leg.state == name) {
            bail!("the way {way:?} comes back to `{name}`");
        }
        for (exit, to) in self.exits(name)? {
            way.push(Leg { state: name, exit });
            match to {
                Some(next) => self.walk(next, way, ways)?,
                None => ways.push(way.clone()),
            }
            way.pop();
        }
        Ok(())
    }
}

/// The elements of an array field; none if it is absent.
pub fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    of.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// The variables that the expressions in `template` read, without `$states`.
pub fn variables_read(template: &Value) -> BTreeSet<String> {
    let mut read = BTreeSet::new();
    match template {
        Value::String(text) if text.starts_with("{%") => {
            for after in text.split('$').skip(1) {
                let name: String =
                    after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let is_function = after.get(name.len()..).is_some_and(|rest| rest.starts_with('('));
                if !is_function && name != "states" {
                    read.insert(name);
                }
            }
        }
        Value::Array(items) => read.extend(items.iter().flat_map(variables_read)),
        Value::Object(fields) => read.extend(fields.values().flat_map(variables_read)),
        _ => {}
    }
    read
}

fn states_of(machine: &Value) -> impl Iterator<Item = (&str, &Value)> {
    machine
        .get("States")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, state)| (name.as_str(), state))
}
