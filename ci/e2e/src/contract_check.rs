//! What travels on the buses against the committed contracts, and against the rule that nothing personal does.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, anyhow};
use jsonschema::Validator;
use lakeside_contracts::{Delivery, generate::event_schema_path};
use serde_json::Value;

use crate::settings::workspace_root;

/// Checks events against the schema files of the checkout.
#[derive(Debug, Default)]
pub struct ContractCheck {
    validators: BTreeMap<String, Validator>,
}

impl ContractCheck {
    /// What is wrong with `event`, in one sentence each.
    ///
    /// # Errors
    /// If the event has no schema file.
    pub fn faults(&mut self, event: &Delivery) -> anyhow::Result<Vec<String>> {
        let name = format!("{} {}", event.source, event.detail_type);
        let validator = self.validator(event)?;
        let mut faults: Vec<String> = validator
            .iter_errors(&event.detail)
            .map(|error| format!("{name}: {error} at `{}`", error.instance_path()))
            .collect();
        for text in strings(&event.detail) {
            if let Some(kind) = personal(text) {
                faults.push(format!("{name}: `{text}` looks like {kind}"));
            }
        }
        Ok(faults)
    }

    fn validator(&mut self, event: &Delivery) -> anyhow::Result<&Validator> {
        let domain = event.source.strip_prefix("lakeside.").unwrap_or(&event.source);
        let path = event_schema_path(domain, &event.detail_type);
        if !self.validators.contains_key(&path) {
            let file = workspace_root().join("contracts").join(&path);
            let text = fs::read_to_string(&file).with_context(|| format!("no contract {path}"))?;
            let schema: Value = serde_json::from_str(&text)?;
            let validator =
                jsonschema::validator_for(&schema).map_err(|e| anyhow!("{path} is no schema: {e}"))?;
            self.validators.insert(path.clone(), validator);
        }
        self.validators.get(&path).context("just added")
    }
}

/// Every text in `value`, and every name of a field.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| [vec![name.as_str()], strings(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}

/// What kind of personal data or free text `text` looks like, if any.
fn personal(text: &str) -> Option<&'static str> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let only_digits_and_separators =
        text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '+' | '(' | ')' | '.'));
    if text.contains('@') {
        Some("a mail address")
    } else if only_digits_and_separators && (13..=19).contains(&digits) {
        Some("a card number")
    } else if only_digits_and_separators && (7..=15).contains(&digits) {
        Some("a phone number")
    } else if text.contains(char::is_whitespace) {
        Some("a name, an address or free text")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_and_free_text_are_recognised() {
        for text in
            ["jane@example.com", "4111 1111 1111 1111", "+1 555 010 0199", "Jane Doe", "12 Main Street"]
        {
            assert!(personal(text).is_some(), "{text}");
        }
        for text in [
            "7e57d004-2b97-4e7a-b45f-5387367791cd",
            "2026-11-27T09:01:00.000Z",
            "OUT_OF_STOCK",
            "pm_1",
            "LS1",
        ] {
            assert_eq!(personal(text), None, "{text}");
        }
    }
}
