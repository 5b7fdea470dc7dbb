//! Documents that a schema admits, and whether a reader takes a document.

use proptest::{
    collection::vec,
    prelude::*,
    string::string_regex,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value};

/// What is tried beyond a bound that is not there.
const FAR: i64 = 40;

/// So many documents that the schema admits, always the same ones.
pub fn documents(schema: &Value, count: usize) -> Vec<Value> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = of(schema);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Whether a reader with this schema takes the document. A function ignores fields that it does not know; the door, and
/// whoever checks documents against their contracts, does not.
pub fn reads(schema: &Value, document: &Value, as_function: bool) -> bool {
    let mut schema = schema.clone();
    if as_function {
        open(&mut schema);
    }
    jsonschema::validator_for(&schema).unwrap().is_valid(document)
}

fn open(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
                fields.remove("additionalProperties");
            }
            fields.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}

/// Every document that a schema of our subset admits, as far as bounds go.
pub fn of(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return proptest::sample::select(values.clone()).boxed();
    }
    if let Some(value) = schema.get("const") {
        return Just(value.clone()).boxed();
    }
    if let Some(alternatives) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
    {
        let merged = alternatives.iter().map(|alternative| {
            let mut whole = schema.as_object().unwrap().clone();
            whole.remove("oneOf");
            whole.remove("anyOf");
            whole.extend(alternative.as_object().unwrap().clone());
            of(&Value::Object(whole))
        });
        return proptest::strategy::Union::new(merged).boxed();
    }
    match &schema["type"] {
        Value::Array(types) => {
            let each = types.iter().map(|kind| {
                let mut one = schema.clone();
                one["type"] = kind.clone();
                of(&one)
            });
            proptest::strategy::Union::new(each).boxed()
        }
        kind => of_type(kind.as_str().unwrap(), schema),
    }
}

fn of_type(kind: &str, schema: &Value) -> BoxedStrategy<Value> {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    match kind {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => numbers(bound("minimum"), bound("maximum")).prop_map(Value::from).boxed(),
        #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
        "number" => {
            let (least, most) = (bound("minimum"), bound("maximum"));
            numbers(least, most)
                .prop_map(move |n| {
                    let half = n as f64 + 0.5;
                    let fits = most.is_none_or(|most| half <= most as f64);
                    if fits { Value::from(half) } else { Value::from(n) }
                })
                .boxed()
        }
        "string" => text(schema).prop_map(Value::from).boxed(),
        "array" => {
            let (least, most) = counts(bound("minItems"), bound("maxItems"));
            vec(of(&schema["items"]), least..=most).prop_map(Value::from).boxed()
        }
        "object" => fields(schema),
        other => panic!("no documents of type {other}"),
    }
}

fn text(schema: &Value) -> BoxedStrategy<String> {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        // proptest has no anchors, and generates the whole text anyway.
        let inner = pattern.trim_start_matches('^').trim_end_matches('$').replace(r"\d", "[0-9]");
        return string_regex(&inner).unwrap().boxed();
    }
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    let (least, most) = counts(bound("minLength"), bound("maxLength"));
    string_regex(&format!("[a-zA-Z0-9]{{{least},{most}}}")).unwrap().boxed()
}

/// Bounds are where it shows, so they come often.
fn numbers(least: Option<i64>, most: Option<i64>) -> BoxedStrategy<i64> {
    let from = least.unwrap_or_else(|| most.unwrap_or_default() - FAR);
    let to = most.unwrap_or(from + 2 * FAR);
    prop_oneof![Just(from), Just(to), from..=to].boxed()
}

fn counts(least: Option<i64>, most: Option<i64>) -> (usize, usize) {
    let least = usize::try_from(least.unwrap_or_default()).unwrap();
    (least, most.map_or(least + 3, |most| usize::try_from(most).unwrap()))
}

fn fields(schema: &Value) -> BoxedStrategy<Value> {
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    let each: Vec<BoxedStrategy<Option<(String, Value)>>> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| {
            let (name, always) = (name.clone(), required(name));
            (of(field), any::<bool>())
                .prop_map(move |(value, there)| (always || there).then(|| (name.clone(), value)))
                .boxed()
        })
        .collect();
    each.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}
