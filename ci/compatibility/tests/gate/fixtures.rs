//! Every rule has a pair of fixtures in `contracts/compatibility/`, and stands alone between them and a green gate.

use std::{collections::BTreeSet, fs, path::PathBuf};

use lakeside_compatibility::{
    changes::{self, Change},
    gate,
    repository::Files,
    rules::{Kind, Rule},
    schema::Schema,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::documents::{documents, reads};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    change: String,
    breaks: BTreeSet<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../contracts/compatibility")
}

fn schema(rule: Rule, name: &str) -> Option<Value> {
    let text = fs::read_to_string(folder().join(rule.name()).join(format!("{name}.schema.json"))).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn expected(rule: Rule) -> Expected {
    let text = fs::read_to_string(folder().join(rule.name()).join("verdict.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Rules about schemas, with what their pair shows.
fn pairs() -> impl Iterator<Item = (Rule, Value, Value)> {
    let rules = Rule::ALL.into_iter().filter(|rule| *rule != Rule::ContractRemoved);
    rules.map(|rule| (rule, schema(rule, "previous").unwrap(), schema(rule, "current").unwrap()))
}

fn between(previous: &Value, current: &Value) -> Vec<Change> {
    changes::between(&Schema::read(previous).unwrap(), &Schema::read(current).unwrap())
}

/// The files of a contract of this kind.
fn files(kind: Kind, schema: &Value) -> Files {
    let folder = match kind {
        Kind::Event => "events/shop",
        Kind::Command => "commands",
        Kind::Request | Kind::Answer => "api",
    };
    let mut files = Files::from([(format!("{folder}/parcel-packed/v1.schema.json"), schema.to_string())]);
    if kind == Kind::Request {
        files.insert(format!("{folder}/parcel-packed.model.json"), "{}".into());
    }
    files
}

#[test]
fn every_rule_has_a_pair_and_every_pair_a_rule() {
    let rules: BTreeSet<String> = Rule::ALL.iter().map(|rule| rule.name().to_owned()).collect();
    let folders = fs::read_dir(folder()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir());
    assert_eq!(folders.map(|entry| entry.file_name().into_string().unwrap()).collect::<BTreeSet<_>>(), rules);
    assert!(schema(Rule::ContractRemoved, "previous").is_some());
    assert!(schema(Rule::ContractRemoved, "current").is_none());
}

#[test]
fn the_gate_says_of_each_pair_what_is_expected() {
    for (rule, previous, current) in pairs() {
        let expected = expected(rule);
        for kind in Kind::ALL {
            let verdict = gate::judge(&files(kind, &previous), &files(kind, &current)).unwrap();
            let breaks = expected.breaks.contains(kind.name());
            assert_eq!(
                !verdict.faults.is_empty(),
                breaks,
                "{} {}: {:?}",
                rule.name(),
                kind.name(),
                verdict.faults
            );
            if breaks {
                let said = verdict.faults.iter().any(|fault| fault.contains(&expected.change));
                assert!(said, "{}: {:?}", rule.name(), verdict.faults);
            }
        }
        let all: Vec<String> = between(&previous, &current).iter().map(ToString::to_string).collect();
        assert!(all.contains(&expected.change), "{}: {all:?}", rule.name());
    }
}

#[test]
fn a_contract_that_goes_breaks_every_kind() {
    let previous = schema(Rule::ContractRemoved, "previous").unwrap();
    let expected = expected(Rule::ContractRemoved);
    for kind in Kind::ALL {
        assert!(expected.breaks.contains(kind.name()));
        let verdict = gate::judge(&files(kind, &previous), &Files::new()).unwrap();
        assert_eq!(verdict.faults.len(), 1, "{}", kind.name());
        if kind == Kind::Event {
            assert_eq!(verdict.faults, std::slice::from_ref(&expected.change));
        }
    }
}

#[test]
fn without_its_rule_a_breaking_pair_would_pass() {
    for (rule, previous, current) in pairs() {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_broken_by(rule)) {
            let others: Vec<Change> = between(&previous, &current)
                .into_iter()
                .filter(|change| change.rule != rule && kind.is_broken_by(change.rule))
                .collect();
            assert_eq!(others, [], "another rule refuses the pair of {} too", rule.name());
        }
    }
}

#[test]
fn whom_a_pair_breaks_there_is_a_document_that_shows() {
    for (rule, previous, current) in pairs() {
        let is_seen = |written: &Value, read: &Value, by_a_function: bool| {
            documents(written, 64).iter().any(|document| !reads(read, document, by_a_function))
        };
        let breaks = rule.breaks();
        // What a format means is between writer and reader, and a schema does not check it.
        let is_a_promise = rule == Rule::FormatChanged;
        assert_eq!(is_seen(&current, &previous, true), breaks.readers && !is_a_promise, "{}", rule.name());
        assert_eq!(is_seen(&previous, &current, false), breaks.writers && !is_a_promise, "{}", rule.name());
    }
}

#[test]
fn a_schema_that_is_not_understood_goes_nowhere() {
    let good = schema(Rule::OptionalFieldAdded, "previous").unwrap();
    let mut odd = good.clone();
    odd["properties"]["orderId"]["not"] = json!({"const": ""});
    for (previous, current) in [(&good, &odd), (&odd, &good)] {
        let verdict = gate::judge(&files(Kind::Event, previous), &files(Kind::Event, current)).unwrap();
        assert_eq!(verdict.faults.len(), 1);
        assert!(
            verdict.faults[0].contains("the keyword `not` at `orderId` is not known"),
            "{:?}",
            verdict.faults
        );
    }
    // A new contract too: later ones will be compared with it.
    let verdict = gate::judge(&Files::new(), &files(Kind::Event, &odd)).unwrap();
    assert_eq!(verdict.faults.len(), 1);
}

#[test]
fn a_contract_may_not_move_and_a_second_version_may_come_beside_it() {
    let schema = schema(Rule::ContractRemoved, "previous").unwrap();
    let first = files(Kind::Event, &schema);
    let elsewhere = Files::from([("events/parcels/parcel-packed/v1.schema.json".into(), schema.to_string())]);
    assert_eq!(
        gate::judge(&first, &elsewhere).unwrap().faults,
        [
            "events/shop/parcel-packed/v1 is gone, or is events/parcels/parcel-packed/v1 now (contract-removed)"
        ]
    );
    let mut both = first.clone();
    both.insert("events/shop/parcel-packed/v2.schema.json".into(), schema.to_string());
    let verdict = gate::judge(&first, &both).unwrap();
    assert_eq!((verdict.contracts, verdict.faults.len()), (2, 0));
    assert_eq!(
        verdict.notes,
        [
            "events/shop/parcel-packed/v2 is new beside events/shop/parcel-packed/v1: say both until nobody reads the old one"
        ]
    );
}

#[test]
fn what_was_announced_before_goes_through_and_nothing_else_does() {
    let [previous, current] = ["previous", "current"].map(|name| schema(Rule::ValueAdded, name).unwrap());
    let announcement = |field: &str, value: &str| {
        let contract = "events/shop/parcel-packed/v1";
        json!({
            "values": [{"contract": contract, "field": field, "value": value, "reason": "parcels fly", "readers": "0.2.0"}],
            "retirements": [{"contract": contract, "reason": "pallets took over", "readers": "0.3.0"}],
        })
        .to_string()
    };
    let announced = |schema: &Value, text: String| {
        let mut files = files(Kind::Event, schema);
        files.insert("compatibility/announced.json".into(), text);
        files
    };
    let before = announced(&previous, announcement("carrier", "AIR"));
    let verdict = gate::judge(&before, &files(Kind::Event, &current)).unwrap();
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(
        verdict.notes,
        ["events/shop/parcel-packed/v1: carrier may be `AIR` (value-added), as was announced"]
    );
    for (field, value) in [("carrier", "SEA"), ("courier", "AIR")] {
        let before = announced(&previous, announcement(field, value));
        assert_eq!(gate::judge(&before, &files(Kind::Event, &current)).unwrap().faults.len(), 1);
    }
    // Announcing it in the very change that writes it gives nobody time.
    let at_once = announced(&current, announcement("carrier", "AIR"));
    assert_eq!(gate::judge(&files(Kind::Event, &previous), &at_once).unwrap().faults.len(), 1);
    // A contract that was announced to go may go.
    assert_eq!(gate::judge(&before, &Files::new()).unwrap().faults, Vec::<String>::new());
    let nameless = announcement("carrier", "AIR").replace("0.2.0", " ");
    let verdict = gate::judge(&before, &announced(&previous, nameless)).unwrap();
    assert!(verdict.faults[0].contains("must say its reason"), "{:?}", verdict.faults);
}
