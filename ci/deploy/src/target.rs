//! What a squad's Terraform says about its functions, for whoever deploys them.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Deserialize;

/// The functions of a squad.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Squad {
    /// CodeDeploy's application, where it shifts the aliases.
    pub application: Option<String>,
    /// By name, without prefix.
    pub functions: BTreeMap<String, Target>,
}

/// One function that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Target {
    /// Its whole name, also that of its deployment group.
    pub function: String,
    /// The alias that callers use.
    pub alias: String,
    /// The package is called like this binary.
    pub binary: String,
    /// The alarm that undoes a shift.
    pub alarm: String,
}

impl Squad {
    /// Reads the parameter; fields that are added to it later do no harm.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// With these functions alone; all of them if none is named.
    pub fn only(mut self, names: &[String]) -> anyhow::Result<Self> {
        if let Some(unknown) = names.iter().find(|name| !self.functions.contains_key(*name)) {
            let known: Vec<&str> = self.functions.keys().map(String::as_str).collect();
            bail!("there is no function `{unknown}`, only {}", known.join(", "));
        }
        if !names.is_empty() {
            self.functions.retain(|name, _| names.contains(name));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETER: &str = r#"{"application": null, "added_later": 1, "functions": {
        "order-query": {"function": "l-order-query", "alias": "live", "binary": "order-query", "alarm": "a"},
        "publish-outbox": {"function": "l-orders-publish-outbox", "alias": "live", "binary": "publish-outbox", "alarm": "b"}
    }}"#;

    #[test]
    fn a_squad_is_read_whole_or_in_part() {
        let squad = Squad::parse(PARAMETER).unwrap();
        assert_eq!(squad.clone().only(&[]).unwrap().functions.len(), 2);
        let one = squad.only(&["publish-outbox".to_owned()]).unwrap();
        assert_eq!(one.functions["publish-outbox"].function, "l-orders-publish-outbox");
        assert_eq!(one.functions.len(), 1);
    }

    #[test]
    fn a_function_that_is_not_there_is_told_with_those_that_are() {
        let error = Squad::parse(PARAMETER).unwrap().only(&["order-read".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "there is no function `order-read`, only order-query, publish-outbox");
    }
}
