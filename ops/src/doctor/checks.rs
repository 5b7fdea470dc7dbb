//! What follows from what was seen. Pure: everything was looked at before.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_contracts::Domain;

use super::findings::Finding;
use crate::{
    environment::{Environment, Holds},
    replay::{aftermath::Letters, hearers::Rule, window::Archive},
};

/// Beyond it signatures will soon be refused, which AWS does at five minutes.
const SKEW_WRONG_MILLIS: i64 = 60_000;
/// Beyond it times of this machine and of the cloud cannot be compared.
const SKEW_WARN_MILLIS: i64 = 3000;
/// Names that one line has room for.
const NAMES: usize = 5;

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

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Whether it would tell somebody.
    pub tells: bool,
    /// What to open, if its description says so.
    pub runbook: Option<String>,
}

fn few(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMES).cloned().collect();
    if names.len() > NAMES {
        shown.push(format!("and {} more", names.len() - NAMES));
    }
    shown.join(", ")
}

fn several(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Whether this machine's clock is the cloud's.
pub fn clock(skew_millis: i64) -> Finding {
    let apart = skew_millis.unsigned_abs();
    let said = format!("{}.{:01} s apart from the cloud's", apart / 1000, apart % 1000 / 100);
    let next = || vec!["set this machine's clock, or let NTP do so".to_owned()];
    match i64::try_from(apart).unwrap_or(i64::MAX) {
        apart if apart >= SKEW_WRONG_MILLIS => Finding::wrong("clock", said, next()),
        apart if apart >= SKEW_WARN_MILLIS => Finding::warn("clock", said, next()),
        _ => Finding::ok("clock", said),
    }
}

/// Whether all squads have published what there is of them.
pub fn squads(environment: &Environment) -> Finding {
    let known: BTreeSet<&str> = environment.functions.keys().map(|(squad, _)| squad.as_str()).collect();
    let missing: Vec<&str> =
        Domain::ALL.map(Domain::name).into_iter().filter(|name| !known.contains(name)).collect();
    let said = format!(
        "{} with {} and {} are published",
        several(known.len(), "squad"),
        several(environment.functions.len(), "function"),
        several(environment.queues.len(), "dead-letter queue")
    );
    if missing.is_empty() {
        return Finding::ok("squads", said);
    }
    let next = missing.iter().map(|squad| format!("apply squad-modules/{squad}")).collect();
    Finding::wrong("squads", format!("nothing of {} is published", missing.join(", ")), next)
}

/// Whether the contracts that are installed are those that this command line was built with: digests by name.
pub fn contracts(installed: &BTreeMap<String, String>, built: &BTreeMap<String, String>) -> Finding {
    let differ: Vec<String> = built
        .iter()
        .filter(|(name, digest)| installed.get(*name).is_some_and(|installed| installed != *digest))
        .map(|(name, _)| name.clone())
        .collect();
    let lacks: Vec<String> = built.keys().filter(|name| !installed.contains_key(*name)).cloned().collect();
    let strange: Vec<String> = installed.keys().filter(|name| !built.contains_key(*name)).cloned().collect();
    let of = |names: &[String], what: &str| (!names.is_empty()).then(|| format!("{what}: {}", few(names)));
    let said = [
        of(&differ, "of another version than this command line knows"),
        of(&lacks, "not installed"),
        of(&strange, "unknown to this command line"),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if said.is_empty() {
        return Finding::ok(
            "contracts",
            format!("{} are installed as this command line knows them", built.len()),
        );
    }
    let next =
        "build lakeside from the revision that is deployed, or apply platform-terraform/region of this one";
    // A contract only ever grows, so whoever knows a newer or an older one still reads it; what is not there is not said.
    let finding = if lacks.is_empty() { Finding::warn } else { Finding::wrong };
    finding("contracts", said.join("; "), vec![next.to_owned()])
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

/// Whether something was given up.
pub fn dead_letters(letters: &Letters) -> Finding {
    let full: Vec<String> = letters
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(queue, count)| format!("{count} of {queue}"))
        .collect();
    if full.is_empty() {
        return Finding::ok("dead letters", format!("{}, all empty", several(letters.len(), "queue")));
    }
    Finding::wrong("dead letters", few(&full), vec!["lakeside dlq list".to_owned()])
}

/// Whether all alarms are quiet and would tell somebody.
pub fn alarms(alarms: &[Alarm], works: bool) -> Finding {
    let named = |chosen: &dyn Fn(&&Alarm) -> bool| -> Vec<String> {
        alarms.iter().filter(chosen).map(|alarm| alarm.name.clone()).collect()
    };
    let ringing = named(&|alarm| alarm.state == "ALARM");
    // Where another Region works, some of them are to be silent.
    let silent = named(&|alarm| !alarm.tells && works);
    let blind = named(&|alarm| alarm.state == "INSUFFICIENT_DATA");
    let of = |names: &[String], what: &str| {
        (!names.is_empty()).then(|| format!("{} {what}: {}", names.len(), few(names)))
    };
    let said = [of(&ringing, "ring"), of(&silent, "tell nobody"), of(&blind, "have no data")];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if alarms.is_empty() {
        return Finding::wrong(
            "alarms",
            "there are none",
            vec!["apply the Terraform of platform and squads".to_owned()],
        );
    }
    if said.is_empty() {
        return Finding::ok("alarms", format!("{} are quiet", several(alarms.len(), "alarm")));
    }
    let runbooks: BTreeSet<&String> = alarms
        .iter()
        .filter(|alarm| alarm.state == "ALARM")
        .filter_map(|alarm| alarm.runbook.as_ref())
        .collect();
    let mut next: Vec<String> = runbooks.into_iter().map(|runbook| format!("see {runbook}")).collect();
    if !silent.is_empty() {
        next.push(format!("aws cloudwatch enable-alarm-actions --alarm-names {}", silent.join(" ")));
    }
    if ringing.is_empty() && silent.is_empty() {
        next.push(
            "nothing if it is new or nothing has happened yet; else see whether what it watches still runs"
                .to_owned(),
        );
        return Finding::warn("alarms", said.join("; "), next);
    }
    Finding::wrong("alarms", said.join("; "), next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::of_millis, doctor::findings::State, environment::tests::environment};

    fn digests(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
    }

    fn mapping(queue: &str, state: &str) -> Mapping {
        Mapping {
            id: "u-1".into(),
            source: format!("arn:aws:sqs:eu-central-1:111122223333:test-{queue}"),
            function: format!("test-{queue}"),
            state: state.into(),
        }
    }

    fn alarm(state: &str, tells: bool) -> Alarm {
        let runbook = Some("docs/runbooks/stock-difference.md".to_owned());
        Alarm { name: "test-stock-differs".into(), state: state.into(), tells, runbook }
    }

    #[test]
    fn a_clock_that_is_minutes_off_is_wrong_and_seconds_are_to_be_known() {
        assert_eq!(clock(400).state, State::Ok);
        assert_eq!(clock(-3100).state, State::Warn);
        assert_eq!(clock(61_000).state, State::Wrong);
        assert!(clock(61_250).said.starts_with("61.2 s"), "{:?}", clock(61_250));
    }

    #[test]
    fn a_squad_that_has_published_nothing_is_named() {
        let found = squads(&environment());
        assert_eq!(found.state, State::Wrong);
        assert_eq!(found.next.len(), 3, "{found:?}");
    }

    #[test]
    fn contracts_of_another_version_are_to_be_known_and_missing_ones_wrong() {
        let built = digests(&[("a", "1"), ("b", "2")]);
        assert_eq!(contracts(&built, &built).state, State::Ok);
        assert_eq!(contracts(&digests(&[("a", "1"), ("b", "3")]), &built).state, State::Warn);
        assert_eq!(contracts(&digests(&[("a", "1"), ("b", "2"), ("c", "3")]), &built).state, State::Warn);
        let missing = contracts(&digests(&[("a", "1")]), &built);
        assert_eq!((missing.state, missing.said.as_str()), (State::Wrong, "not installed: b"));
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

    #[test]
    fn dead_letters_are_counted_by_queue() {
        let letters = |count| [("order-ingest".to_owned(), count)].into();
        assert_eq!(dead_letters(&letters(0)).state, State::Ok);
        let some = dead_letters(&letters(3));
        assert_eq!((some.state, some.said.as_str()), (State::Wrong, "3 of order-ingest"));
    }

    #[test]
    fn an_alarm_that_rings_leads_to_its_runbook_and_one_that_tells_nobody_is_wrong() {
        assert_eq!(alarms(&[alarm("OK", true)], true).state, State::Ok);
        assert_eq!(alarms(&[], true).state, State::Wrong);
        assert_eq!(alarms(&[alarm("INSUFFICIENT_DATA", true)], true).state, State::Warn);
        let rings = alarms(&[alarm("ALARM", true)], true);
        assert_eq!(
            (rings.state, rings.next),
            (State::Wrong, vec!["see docs/runbooks/stock-difference.md".to_owned()])
        );
        let silent = alarms(&[alarm("OK", false)], true);
        assert!(
            silent.state == State::Wrong && silent.next[0].contains("enable-alarm-actions"),
            "{silent:?}"
        );
        assert_eq!(alarms(&[alarm("OK", false)], false).state, State::Ok, "it stands by");
    }

    #[test]
    fn a_line_has_room_for_a_few_names() {
        let names: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
        assert_eq!(few(&names), "1, 2, 3, 4, 5, and 2 more");
    }
}
