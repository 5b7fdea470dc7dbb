//! Whether the installation is whole, and of one version and one time with whoever looks.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_contracts::Domain;

use super::{few, several};
use crate::{doctor::findings::Finding, environment::Environment};

/// Beyond it signatures will soon be refused, which AWS does at five minutes.
const SKEW_WRONG_MILLIS: i64 = 60_000;
/// Beyond it times of this machine and of the cloud cannot be compared.
const SKEW_WARN_MILLIS: i64 = 3000;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::findings::State, environment::tests::environment};

    fn digests(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
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
}
