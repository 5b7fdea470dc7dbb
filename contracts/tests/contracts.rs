//! The contracts as documents: examples fit their schemas, nothing personal or free can be said in them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lakeside_contracts::generate::documents;
use lakeside_domain::order::Channel;
use serde_json::Value;

fn schemas() -> Vec<(String, Value)> {
    documents()
        .unwrap()
        .into_iter()
        .filter(|d| d.path.ends_with("v1.schema.json"))
        .map(|d| (d.path.clone(), serde_json::from_str(&d.text).unwrap()))
        .collect()
}

fn example_of(schema_path: &str) -> Value {
    let path = schema_path.replace("v1.schema.json", "examples/v1.json");
    let document = documents().unwrap().into_iter().find(|d| d.path == path).unwrap();
    serde_json::from_str(&document.text).unwrap()
}

#[test]
fn every_example_fits_its_schema() {
    for (path, schema) in schemas() {
        let validator = jsonschema::validator_for(&schema).unwrap();
        if let Err(error) = validator.validate(&example_of(&path)) {
            panic!("{path}: {error}");
        }
    }
}

#[test]
fn an_unknown_field_is_refused_at_every_level() {
    fn add_to_each_object(value: &Value, at: &mut Vec<Value>, rebuild: &dyn Fn(Value) -> Value) {
        if let Value::Object(map) = value {
            let mut extended = map.clone();
            extended.insert("email".into(), "jane@example.com".into());
            at.push(rebuild(Value::Object(extended)));
            for (key, inner) in map {
                let outer = |replaced: Value| {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), replaced);
                    rebuild(Value::Object(copy))
                };
                add_to_each_object(inner, at, &outer);
            }
        } else if let Value::Array(items) = value
            && let Some(first) = items.first()
        {
            add_to_each_object(first, at, &|replaced| rebuild(Value::Array(vec![replaced])));
        }
    }
    for (path, schema) in schemas() {
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut extended = Vec::new();
        add_to_each_object(&example_of(&path), &mut extended, &|v| v);
        assert!(!extended.is_empty());
        for value in extended {
            assert!(!validator.is_valid(&value), "{path} admits {value}");
        }
    }
}

#[test]
fn no_event_has_room_for_free_text() {
    fn strings<'a>(schema: &'a Value, found: &mut Vec<&'a Value>) {
        if schema.get("type").is_some_and(|t| t == "string") {
            found.push(schema);
        }
        match schema {
            Value::Object(map) => map.values().for_each(|v| strings(v, found)),
            Value::Array(items) => items.iter().for_each(|v| strings(v, found)),
            _ => {}
        }
    }
    for (path, schema) in schemas().iter().filter(|(path, _)| path.starts_with("events/")) {
        let mut found = Vec::new();
        strings(schema, &mut found);
        for string in found {
            assert!(string.get("pattern").is_some() || string.get("enum").is_some(), "{path}: {string}");
            let validator = jsonschema::validator_for(string).unwrap();
            for personal in
                ["Jane Doe", "jane@example.com", "12 Main Street", "+1 555 0100", "4111 1111 1111 1111"]
            {
                assert!(!validator.is_valid(&personal.into()), "{path} admits {personal}: {string}");
            }
        }
    }
}

#[test]
fn a_channel_is_written_as_its_contract_calls_it() {
    for channel in Channel::ALL {
        assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
    }
}

#[test]
fn task_tokens_never_travel_on_a_bus() {
    for (path, schema) in schemas().iter().filter(|(path, _)| path.starts_with("events/")) {
        assert!(!schema.to_string().contains("taskToken"), "{path}");
    }
}

#[test]
fn the_door_s_models_refuse_what_the_contracts_refuse() {
    for (name, refused_channels) in [
        ("place-order", &["fax", "marketplace", "store"][..]),
        ("place-partner-order", &["fax", "marketplace", "store", "web", "app"]),
    ] {
        let path = format!("api/{name}.model.json");
        let model = documents().unwrap().into_iter().find(|d| d.path == path).unwrap();
        let model: Value = serde_json::from_str(&model.text).unwrap();
        assert_eq!(model["$schema"], "http://json-schema.org/draft-04/schema#");
        let validator = jsonschema::draft4::new(&model).unwrap();
        let good = example_of(&format!("api/{name}/v1.schema.json"));
        assert!(validator.is_valid(&good));
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        let bad = [
            Value::Null,
            with("/lines", Value::Array(vec![])),
            with("/lines/0/quantity", 0.into()),
            with("/lines/0/quantity", 1.5.into()),
            with("/lines/0/quantity", 1000.into()),
            with("/lines/0/sku", "TENT 2P".into()),
            with("/paymentMethod", "4111111111111111".into()),
            with("/shippingAddressId", "12 Main Street".into()),
            with("/expectedTotal/amount", (-1).into()),
        ];
        // A customer's client names a channel of ours, a partner none.
        let channels = refused_channels.iter().map(|text| {
            let mut body = good.clone();
            body["channel"] = (*text).into();
            body
        });
        for bad in bad.into_iter().chain(channels) {
            assert!(!validator.is_valid(&bad), "{name}: {bad}");
        }
    }
}
