//! What the gate lets through is compatible: documents of one schema are read under the other, both of them generated.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use lakeside_compatibility::{changes, rules::Kind, schema::Schema};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::documents::{documents, reads};

/// Each includes some of the others, or is of the same length.
const PATTERNS: [&str; 6] =
    ["^[A-Z]{1,3}$", "^[A-Z0-9]{1,3}$", "^[A-Z]{1,4}$", "^[A-Z][0-9]?$", r"^[A-Z]\d{0,1}$", "^[a-z]{2}$"];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 4] = ["ONE", "TWO", "THREE", "FOUR"];
/// Documents that each schema of a pair has to show itself by.
const DOCUMENTS: usize = 24;

/// A bound that is there in two cases of three.
fn bound(name: &'static str, range: std::ops::Range<i64>) -> BoxedStrategy<Option<(String, Value)>> {
    proptest::option::weighted(0.66, range)
        .prop_map(move |bound| Some((name.to_owned(), bound?.into())))
        .boxed()
}

fn with_bounds(
    schema: Value,
    least: BoxedStrategy<Option<(String, Value)>>,
    most: BoxedStrategy<Option<(String, Value)>>,
) -> BoxedStrategy<Value> {
    (least, most)
        .prop_map(move |bounds| {
            let mut schema = schema.clone();
            for (name, bound) in [bounds.0, bounds.1].into_iter().flatten() {
                schema[name] = bound;
            }
            schema
        })
        .boxed()
}

fn leaf() -> BoxedStrategy<Value> {
    let values = || proptest::sample::subsequence(VALUES.to_vec(), 1..=3);
    prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "string", "format": "date-time"})),
        values().prop_map(|values| json!({"type": "string", "enum": values})),
        values().prop_map(|values| {
            let each: Vec<Value> =
                values.iter().map(|value| json!({"const": value, "type": "string"})).collect();
            json!({"oneOf": each})
        }),
        proptest::sample::select(PATTERNS.to_vec())
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        with_bounds(json!({"type": "string"}), bound("minLength", 0..3), bound("maxLength", 3..6)),
        with_bounds(json!({"type": "integer"}), bound("minimum", -2..2), bound("maximum", 2..5)),
        with_bounds(json!({"type": ["integer", "null"]}), bound("minimum", -2..2), bound("maximum", 2..5)),
        with_bounds(json!({"type": "number"}), bound("minimum", -2..2), bound("maximum", 2..5)),
        (1..4_i64, -3..0_i64).prop_map(|(most, least)| json!({"type": "integer", "anyOf": [
            {"minimum": 1, "maximum": most}, {"minimum": least, "maximum": -1},
        ]})),
        (1..4_i64).prop_map(|most| json!({"type": "integer", "anyOf": [{"minimum": 1, "maximum": most}]})),
    ]
    .boxed()
}

fn schema() -> BoxedStrategy<Value> {
    let tree = leaf().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (inner.clone(), bound("minItems", 0..2), bound("maxItems", 2..4)).prop_map(
                |(items, least, most)| {
                    let mut schema = json!({"type": "array", "items": items});
                    for (name, bound) in [least, most].into_iter().flatten() {
                        schema[name] = bound;
                    }
                    schema
                }
            ),
            object(inner),
        ]
    });
    object(tree)
}

fn object(field: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
    let fields =
        NAMES.map(|name| (Just(name), proptest::option::weighted(0.7, (field.clone(), any::<bool>()))));
    fields
        .to_vec()
        .prop_map(|fields| {
            let there: Vec<(&str, Value, bool)> = fields
                .into_iter()
                .filter_map(|(name, field)| field.map(|(schema, always)| (name, schema, always)))
                .collect();
            let required: Vec<&str> =
                there.iter().filter(|(_, _, always)| *always).map(|(name, ..)| *name).collect();
            let mut schema = json!({"type": "object", "additionalProperties": false});
            schema["properties"] = there
                .iter()
                .map(|(name, field, _)| ((*name).to_owned(), field.clone()))
                .collect::<Map<_, _>>()
                .into();
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            schema
        })
        .boxed()
}

/// The same schema after one or two changes, each of which takes a place in it and what stands there in another one.
fn pair() -> BoxedStrategy<(Value, Value)> {
    (schema(), proptest::collection::vec((any::<proptest::sample::Index>(), leaf(), 0..5_u8), 0..3))
        .prop_map(|(previous, changes)| {
            let mut current = previous.clone();
            for (place, other, how) in changes {
                let mut places = Vec::new();
                objects(&current, String::new(), &mut places);
                let place: &String = place.get(&places);
                change(current.pointer_mut(place).unwrap(), &other, how);
            }
            (previous, current)
        })
        .boxed()
}

/// Where the objects of a schema are.
fn objects(schema: &Value, pointer: String, found: &mut Vec<String>) {
    if schema["type"] == "object" {
        for (name, field) in schema["properties"].as_object().unwrap() {
            objects(field, format!("{pointer}/properties/{name}"), found);
        }
        found.push(pointer);
    } else if schema["type"] == "array" {
        objects(&schema["items"], format!("{pointer}/items"), found);
    }
}

fn change(object: &mut Value, other: &Value, how: u8) {
    let names: Vec<String> = object["properties"].as_object().unwrap().keys().cloned().collect();
    let name = names.first().cloned().unwrap_or_else(|| "e".to_owned());
    let required = |object: &Value, name: &str| {
        object["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let require = |object: &mut Value, name: &str, always: bool| {
        let mut names: Vec<Value> = object["required"].as_array().cloned().unwrap_or_default();
        names.retain(|known| known != name);
        if always {
            names.push(name.into());
        }
        if names.is_empty() {
            object.as_object_mut().unwrap().remove("required");
        } else {
            object["required"] = names.into();
        }
    };
    match how {
        0 => object["properties"]["e"] = other.clone(),
        1 => {
            object["properties"]["e"] = other.clone();
            require(object, "e", true);
        }
        2 => {
            object["properties"].as_object_mut().unwrap().remove(&name);
            require(object, &name, false);
        }
        3 if !names.is_empty() => {
            let always = required(object, &name);
            require(object, &name, !always);
        }
        _ => object["properties"][&name] = other.clone(),
    }
}

/// What is asked of a pair: for nobody whose documents and readers meet is there one that is not read.
fn is_sound(previous: &Value, current: &Value, kind: Kind) -> Result<(), TestCaseError> {
    if kind.has_older_readers() {
        for document in documents(current, DOCUMENTS) {
            prop_assert!(reads(previous, &document, true), "{}: {document} is not read before", kind.name());
        }
    }
    if kind.has_older_documents() {
        for document in documents(previous, DOCUMENTS) {
            prop_assert!(reads(current, &document, false), "{}: {document} is not read now", kind.name());
        }
    }
    Ok(())
}

#[test]
fn what_goes_through_the_gate_is_read_on_the_other_side() {
    let seen: RefCell<BTreeMap<(Kind, bool), u32>> = RefCell::default();
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&pair(), |(previous, current)| {
            let [before, after] = [&previous, &current].map(|schema| Schema::read(schema).unwrap());
            for kind in Kind::ALL {
                let goes_through = changes::breaking(&before, &after, kind).is_empty();
                if previous != current {
                    *seen.borrow_mut().entry((kind, goes_through)).or_default() += 1;
                }
                if goes_through {
                    is_sound(&previous, &current, kind)?;
                }
            }
            Ok(())
        })
        .unwrap();
    // Neither a gate that lets nothing through nor one that lets everything would be found out by the above.
    let seen = seen.into_inner();
    for kind in Kind::ALL {
        assert!(seen[&(kind, true)] > 80 && seen[&(kind, false)] > 80, "{seen:?}");
    }
}

#[test]
fn most_of_what_is_stopped_could_be_shown_to_break() {
    let (mut shown, mut stopped) = (0_u32, 0_u32);
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for _ in 0..600 {
        let (previous, current) = pair().new_tree(&mut runner).unwrap().current();
        let [before, after] = [&previous, &current].map(|schema| Schema::read(schema).unwrap());
        for kind in Kind::ALL {
            if !changes::breaking(&before, &after, kind).is_empty() {
                stopped += 1;
                shown += u32::from(is_sound(&previous, &current, kind).is_err());
            }
        }
    }
    // The others are fields that went and were optional, formats, and what the few documents do not happen to show.
    assert!(shown * 10 > stopped * 7, "{shown} of {stopped}");
}

#[test]
fn documents_of_a_committed_contract_fit_it() {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts");
    let files = lakeside_compatibility::repository::working_tree(&contracts.join("..")).unwrap();
    let schemas: Vec<&String> = files.keys().filter(|path| path.ends_with(".schema.json")).collect();
    assert!(schemas.len() > 40, "{}", schemas.len());
    for path in schemas {
        let schema: Value = serde_json::from_str(&fs::read_to_string(contracts.join(path)).unwrap()).unwrap();
        let understood = Schema::read(&schema).unwrap();
        assert_eq!(changes::between(&understood, &understood), []);
        for document in documents(&schema, 8) {
            assert!(reads(&schema, &document, false), "{path}: {document}");
        }
    }
}
