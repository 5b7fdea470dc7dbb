//! Whether what is said is heard and kept.

use std::collections::BTreeMap;

use super::{few, several};
use crate::{
    doctor::findings::Finding,
    environment::{Environment, Holds},
    replay::{hearers::Rule, window::Archive},
};

/// What a mapping feeds to which function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its id.
    pub id: String,
    /// The ARN of what it reads.
    pub source: String,
    /// The function's name in full.
    pub function: String,
    /// `Enabled` if it reads.
    pub state: String,
}

impl Mapping {
    /// Whether it reads, or is about to.
    fn listens(&self) -> bool {
        self.state != "Disabled" && self.state != "Disabling"
    }
}

/// Whether somebody listens at every queue and stream.
pub fn consumers(environment: &Environment, mappings: &[Mapping], works: bool) -> Finding {
    let of_queue = |url: &str| {
        let name = url.rsplit('/').next().unwrap_or_default();
        mappings.iter().find(|mapping| mapping.source.rsplit(':').next() == Some(name))
    };
    let mut said = Vec::new();
    let mut next = Vec::new();
    let feeds = environment.queues.iter().filter(|(_, queue)| queue.holds == Holds::Messages);
    for (name, queue) in feeds {
        let (Some(url), Some(function)) = (&queue.url, &queue.function) else { continue };
        if of_queue(url).is_none() {
            said.push(format!("{function} has no mapping to {name}"));
            next.push(format!("apply the Terraform of whoever owns {function}"));
        }
    }
    // Where another Region works, none of them is to listen.
    for mapping in mappings.iter().filter(|mapping| works && !mapping.listens()) {
        said.push(format!("{} does not listen (its mapping is {})", mapping.function, mapping.state));
        next.push(format!("aws lambda update-event-source-mapping --uuid {} --enabled", mapping.id));
    }
    if said.is_empty() {
        let listens = if works { "listen" } else { "are there, and stand by" };
        return Finding::ok("consumers", format!("{} {listens}", several(mappings.len(), "mapping")));
    }
    Finding::wrong("consumers", few(&said), next)
}

/// Whether the rules of the buses are switched on and send somewhere.
pub fn rules(rules: &[(String, Rule)], works: bool) -> Finding {
    let mut said = Vec::new();
    let mut next = Vec::new();
    for (bus, rule) in rules {
        if rule.targets.is_empty() {
            said.push(format!("{} sends nowhere", rule.name));
            next.push(format!("apply the Terraform of whoever owns {}", rule.name));
        }
        if !rule.enabled && works {
            said.push(format!("{} is switched off", rule.name));
            next.push(format!("aws events enable-rule --name {} --event-bus-name {bus}", rule.name));
        }
    }
    if said.is_empty() {
        return Finding::ok("rules", format!("{} hear and send", several(rules.len(), "rule")));
    }
    Finding::wrong("rules", few(&said), next)
}

/// Whether every bus has an archive that takes what is said.
pub fn archives(environment: &Environment, archives: &BTreeMap<String, Archive>) -> Finding {
    let buses = environment.platform.buses.keys();
    let fault = |domain: &String| match archives.get(domain) {
        None => Some(format!("the bus {domain} has none")),
        Some(archive) if archive.state != "ENABLED" => Some(format!("{} is {}", archive.name, archive.state)),
        Some(_) => None,
    };
    let said: Vec<String> = buses.filter_map(fault).collect();
    if said.is_empty() {
        return Finding::ok("archives", format!("{} take what is said", several(archives.len(), "archive")));
    }
    let next = vec!["apply platform-terraform/region: what is said until then cannot be replayed".to_owned()];
    Finding::wrong("archives", few(&said), next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::of_millis, doctor::findings::State, environment::tests::environment};

    fn mapping(queue: &str, state: &str) -> Mapping {
        Mapping {
            id: "u-1".into(),
            source: format!("arn:aws:sqs:eu-central-1:111122223333:test-{queue}"),
            function: format!("test-{queue}"),
            state: state.into(),
        }
    }

    #[test]
    fn a_queue_without_consumer_and_a_mapping_that_is_off_are_told_with_what_repairs_them() {
        let environment = environment();
        assert_eq!(consumers(&environment, &[mapping("capture-payment", "Enabled")], true).state, State::Ok);
        let nobody = consumers(&environment, &[mapping("elsewhere", "Enabled")], true);
        assert!(nobody.state == State::Wrong && nobody.said.contains("no mapping"), "{nobody:?}");
        let off = consumers(&environment, &[mapping("capture-payment", "Disabled")], true);
        assert_eq!(off.next, ["aws lambda update-event-source-mapping --uuid u-1 --enabled"]);
        let standby = consumers(&environment, &[mapping("capture-payment", "Disabled")], false);
        assert_eq!(standby.state, State::Ok);
    }

    #[test]
    fn a_rule_that_is_off_or_sends_nowhere_is_wrong() {
        let rule = |enabled, targets: &[&str]| {
            let targets = targets.iter().map(|target| (*target).to_owned()).collect();
            let rule = Rule { name: "test-x".into(), arn: "a".into(), enabled, pattern: json!({}), targets };
            [("test-orders".to_owned(), rule)]
        };
        assert_eq!(rules(&rule(true, &["t"]), true).state, State::Ok);
        assert_eq!(rules(&rule(true, &[]), true).state, State::Wrong);
        assert_eq!(rules(&rule(false, &["t"]), false).state, State::Ok, "it stands by");
        let off = rules(&rule(false, &["t"]), true);
        assert_eq!(off.next, ["aws events enable-rule --name test-x --event-bus-name test-orders"]);
    }

    #[test]
    fn a_bus_whose_archive_is_missing_or_off_is_wrong() {
        let environment = environment();
        let archive = |state: &str| {
            let archive = Archive {
                name: "test-orders".into(),
                arn: String::new(),
                bus_arn: String::new(),
                state: state.into(),
                events: 0,
                bytes: 0,
                created: of_millis(0),
                retention_days: None,
            };
            [("orders".to_owned(), archive)].into()
        };
        assert_eq!(archives(&environment, &archive("ENABLED")).state, State::Ok);
        assert_eq!(archives(&environment, &archive("DISABLED")).state, State::Wrong);
        assert_eq!(archives(&environment, &BTreeMap::new()).state, State::Wrong);
    }
}
