//! What there is to operate, as the platform's and the squads' Terraform wrote it down. No name is made up here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Result};

/// What the platform offers, as far as operations need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// What every name begins with.
    pub prefix: String,
    /// The buses, by domain.
    pub buses: BTreeMap<String, Bus>,
    /// The public door.
    pub api: Door,
    /// Nothing where there is no other Region.
    #[serde(default)]
    pub regions: Option<Regions>,
}

/// Which of two Regions this is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Regions {
    /// The parameter that says whether it is `active` or on `standby`.
    pub role_parameter: String,
}

/// A bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bus {
    /// Its name in full.
    pub name: String,
}

/// The public door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Door {
    /// Where it is.
    pub url: String,
}

/// What dead-letter queues hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Messages of a queue, which can go back to it.
    Messages,
    /// Positions in a table's stream.
    Positions,
    /// Runs that a schedule missed.
    Runs,
    /// Events that a target did not take.
    Events,
}

/// A queue with its dead-letter queue and its consumer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Queue {
    /// What its dead-letter queue holds.
    pub holds: Holds,
    /// Where messages go back to.
    pub url: Option<String>,
    /// Where what was given up lies.
    pub dead_letter_url: String,
    /// The consumer.
    pub function: Option<String>,
    /// For how many days a consumer that acts outside and hears replays knows what it did.
    #[serde(default)]
    pub remembers_days: Option<u32>,
}

/// An archive of a bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Archive {
    /// Its name in full.
    pub name: String,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Function {
    /// Its name in full.
    pub function: String,
    /// Where it logs.
    pub log_group: String,
}

/// The saga.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StateMachine {
    /// Its ARN.
    pub arn: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Operations {
    #[serde(default)]
    functions: BTreeMap<String, Function>,
    #[serde(default)]
    queues: BTreeMap<String, Queue>,
    #[serde(default)]
    tables: BTreeMap<String, String>,
    #[serde(default)]
    state_machine: Option<StateMachine>,
    #[serde(default)]
    archives: BTreeMap<String, Archive>,
}

/// One installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// What the platform offers.
    pub platform: Platform,
    /// Every squad's functions, by the squad's name and the function's.
    pub functions: BTreeMap<(String, String), Function>,
    /// Every queue, by its name without prefix.
    pub queues: BTreeMap<String, Queue>,
    /// Every table, by its name without prefix.
    pub tables: BTreeMap<String, String>,
    /// The saga's ARN.
    pub state_machine: Option<String>,
    /// The buses' archives, by domain.
    pub archives: BTreeMap<String, Archive>,
}

impl Environment {
    /// Reads the platform's contract, and by squad what operations may look at.
    ///
    /// # Errors
    /// If one of them is not of its form.
    pub fn read(platform: &str, squads: &BTreeMap<String, String>) -> Result<Self> {
        let platform = serde_json::from_str(platform)
            .map_err(|error| Failure::wrong(format!("the platform's contract is malformed: {error}")))?;
        let mut environment = Self { platform, ..Self::default() };
        for (squad, text) in squads {
            let found: Operations = serde_json::from_str(text).map_err(|error| {
                Failure::wrong(format!("what operations may look at of {squad} is malformed: {error}"))
            })?;
            let functions = found.functions.into_iter();
            environment.functions.extend(functions.map(|(name, function)| ((squad.clone(), name), function)));
            environment.queues.extend(found.queues);
            environment.tables.extend(found.tables);
            environment.archives.extend(found.archives);
            environment.state_machine =
                found.state_machine.map(|saga| saga.arn).or(environment.state_machine);
        }
        Ok(environment)
    }

    /// The table called `name`, in full.
    ///
    /// # Errors
    /// If no squad has it.
    pub fn table(&self, name: &str) -> Result<&str> {
        self.tables.get(name).map(String::as_str).ok_or_else(|| {
            Failure::not_found(format!("no squad has published a table `{name}`: apply its Terraform first"))
        })
    }

    /// The function called `name`, in full.
    ///
    /// # Errors
    /// If no squad has it.
    pub fn function(&self, name: &str) -> Result<&str> {
        let found = self.functions.iter().find(|((_, function), _)| function == name);
        found.map(|(_, function)| function.function.as_str()).ok_or_else(|| no_function(name))
    }

    /// Where the function called `name` logs.
    ///
    /// # Errors
    /// If no squad has it.
    pub fn log_group(&self, name: &str) -> Result<&str> {
        let found = self.functions.iter().find(|((_, function), _)| function == name);
        found.map(|(_, function)| function.log_group.as_str()).ok_or_else(|| no_function(name))
    }

    /// The saga's ARN.
    ///
    /// # Errors
    /// If no squad has it.
    pub fn saga(&self) -> Result<&str> {
        self.state_machine.as_deref().ok_or_else(|| {
            Failure::not_found("no squad has published the saga: apply fulfilment's Terraform first")
        })
    }

    /// The bus of a domain.
    ///
    /// # Errors
    /// If there is none.
    pub fn bus(&self, domain: &str) -> Result<&Bus> {
        self.platform.buses.get(domain).ok_or_else(|| {
            let names: Vec<&str> = self.platform.buses.keys().map(String::as_str).collect();
            Failure::not_found(format!("there is no bus `{domain}`; there are {}", names.join(", ")))
        })
    }

    /// The name of the archive of a domain's bus.
    ///
    /// # Errors
    /// If the platform has none.
    pub fn archive(&self, domain: &str) -> Result<&str> {
        self.archives.get(domain).map(|archive| archive.name.as_str()).ok_or_else(|| {
            Failure::not_found(format!(
                "the platform has published no archive of {domain}: apply its Terraform first"
            ))
        })
    }

    /// The queue called `name`, with its name: without prefix, of the function, or of the dead-letter queue.
    ///
    /// # Errors
    /// If there is none.
    pub fn queue(&self, name: &str) -> Result<(&str, &Queue)> {
        let bare = name.strip_prefix(&format!("{}-", self.platform.prefix)).unwrap_or(name);
        let bare = bare.strip_suffix(".fifo").unwrap_or(bare);
        let bare = bare.strip_suffix("-dlq").unwrap_or(bare);
        self.queues.get_key_value(bare).map(|(name, queue)| (name.as_str(), queue)).ok_or_else(|| {
            let names: Vec<&str> = self.queues.keys().map(String::as_str).collect();
            Failure::not_found(format!("there is no queue `{name}`; there are {}", names.join(", ")))
        })
    }
}

fn no_function(name: &str) -> Failure {
    Failure::not_found(format!("no squad has published a function `{name}`: apply its Terraform first"))
}

/// The values of a page of SSM parameters below `/<prefix>/operations/`, by squad.
pub fn by_squad(page: &Value) -> BTreeMap<String, String> {
    let parameters = page.get("Parameters").and_then(Value::as_array).into_iter().flatten();
    parameters
        .filter_map(|parameter| {
            let squad = parameter.get("Name")?.as_str()?.strip_suffix("/v1")?.rsplit('/').next()?;
            Some((squad.to_owned(), parameter.get("Value")?.as_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::Kind;

    pub fn environment() -> Environment {
        let platform = json!({
            "prefix": "test", "buses": { "orders": { "name": "test-orders", "arn": "a" } },
            "api": { "url": "https://door.example.com/live", "id": "x" }, "network": null,
        });
        let fulfilment = json!({
            "functions": { "capture-payment": { "function": "test-capture-payment", "log_group": "/aws/lambda/test-capture-payment" } },
            "queues": {
                "capture-payment": { "holds": "messages", "url": "http://q/test-capture-payment",
                    "dead_letter_url": "http://q/test-capture-payment-dlq", "function": "test-capture-payment" },
                "fulfilment-publish-outbox": { "holds": "positions", "url": null,
                    "dead_letter_url": "http://q/test-fulfilment-publish-outbox-dlq", "function": null },
            },
            "tables": { "fulfilment": "test-fulfilment" },
            "state_machine": { "arn": "arn:aws:states:eu-central-1:111122223333:stateMachine:test-order-fulfilment", "log_group": "x" },
        });
        let page = json!({ "Parameters": [
            { "Name": "/test/operations/fulfilment/v1", "Value": fulfilment.to_string() },
            { "Name": "/test/operations/platform/v1", "Value": "{\"queues\":{},\"archives\":{}}" },
            { "Name": "/test/operations/fulfilment/v2", "Value": "of another form" },
        ]});
        Environment::read(&platform.to_string(), &by_squad(&page)).unwrap()
    }

    #[test]
    fn everything_is_found_by_what_the_squads_published() {
        let environment = environment();
        assert_eq!(environment.table("fulfilment").unwrap(), "test-fulfilment");
        assert!(environment.saga().unwrap().ends_with("test-order-fulfilment"));
        assert_eq!(environment.table("orders").unwrap_err().kind, Kind::NotFound);
    }

    #[test]
    fn a_queue_answers_to_every_name_that_an_alarm_may_have_said() {
        let environment = environment();
        for name in
            ["capture-payment", "test-capture-payment", "capture-payment-dlq", "test-capture-payment-dlq"]
        {
            assert_eq!(environment.queue(name).unwrap().0, "capture-payment");
        }
        assert_eq!(environment.queue("nobody").unwrap_err().kind, Kind::NotFound);
    }
}
