//! The contracts as documents: examples fit their schemas, nothing personal or free can be said in them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lakeside_contracts::{
    generate::{documents, event_schema_path},
    registry,
};
use lakeside_domain::order::Channel;
use serde_json::{Value, json};

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

/// Every document for the schema registry: its name there, and itself.
fn registered() -> Vec<(String, Value)> {
    let prefix = format!("{}/", registry::FOLDER);
    documents()
        .unwrap()
        .into_iter()
        .filter_map(|d| {
            let name = d.path.strip_prefix(&prefix)?.strip_suffix(".json")?.to_owned();
            Some((name, serde_json::from_str(&d.text).unwrap()))
        })
        .collect()
}

/// An event of this name as EventBridge delivers it, with the contract's example.
fn delivered(name: &str) -> Value {
    let (source, detail_type) = name.split_once('@').unwrap();
    let domain = source.strip_prefix("lakeside.").unwrap();
    json!({
        "version": "0",
        "id": "7e57d004-2b97-4e7a-b45f-538736779102",
        "detail-type": detail_type,
        "source": source,
        "account": "111122223333",
        "time": "2026-11-27T09:01:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": example_of(&event_schema_path(domain, detail_type)),
    })
}

/// The envelope's schema with what it refers to. OpenAPI 3.0 has the keywords of draft 4.
fn validator_of(document: &Value) -> jsonschema::Validator {
    let schema = json!({ "$ref": "#/components/schemas/AWSEvent", "components": document["components"] });
    jsonschema::draft4::new(&schema).unwrap()
}

#[test]
fn every_event_is_in_the_schema_registry_as_it_arrives() {
    let registered = registered();
    let events = schemas().iter().filter(|(path, _)| path.starts_with("events/")).count();
    assert_eq!(registered.len(), events);
    for (name, document) in &registered {
        let validator = validator_of(document);
        let mut event = delivered(name);
        assert!(validator.is_valid(&event), "{name}: {:?}", validator.validate(&event).err());
        event["replay-name"] = "a-replay".into();
        assert!(validator.is_valid(&event), "{name}: a replay");
        for field in
            ["id", "source", "detail-type", "account", "time", "region", "resources", "version", "detail"]
        {
            let mut event = event.clone();
            event.as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&event), "{name} admits an event without {field}");
        }
        event["detail"]["data"]["email"] = "jane@example.com".into();
        assert!(!validator.is_valid(&event), "{name} admits what its contract does not");
    }
}

#[test]
fn the_schema_registry_finds_events_by_source_and_type() {
    for (name, document) in registered() {
        let envelope = &document["components"]["schemas"]["AWSEvent"];
        let source = envelope["x-amazon-events-source"].as_str().unwrap();
        let detail_type = envelope["x-amazon-events-detail-type"].as_str().unwrap();
        assert_eq!(name, format!("{source}@{detail_type}"));
        assert_eq!(document["info"]["title"], detail_type);
    }
}

/// What [AWS takes](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-schema-create.html) is OpenAPI 3.0, which
/// has one type to a schema and knows no constants.
#[test]
fn the_schema_registry_is_told_nothing_it_does_not_know() {
    fn schemas_within(schema: &Value, check: &impl Fn(&serde_json::Map<String, Value>)) {
        let Value::Object(map) = schema else { return };
        check(map);
        if let Some(Value::Object(properties)) = map.get("properties") {
            properties.values().for_each(|inner| schemas_within(inner, check));
        }
        for list in ["allOf", "anyOf", "oneOf"] {
            map.get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .for_each(|v| schemas_within(v, check));
        }
        map.get("items").into_iter().for_each(|inner| schemas_within(inner, check));
    }
    let known = [
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "type",
        "uniqueItems",
        "x-amazon-events-detail-type",
        "x-amazon-events-source",
    ];
    for (name, document) in registered() {
        assert!(document.to_string().len() <= 100_000, "{name} is longer than the registry takes");
        for schema in document["components"]["schemas"].as_object().unwrap().values() {
            schemas_within(schema, &|map| {
                for keyword in map.keys() {
                    assert!(known.contains(&keyword.as_str()), "{name}: {keyword}");
                }
                assert!(map.get("type").is_none_or(Value::is_string), "{name}: {:?}", map.get("type"));
            });
        }
    }
}
