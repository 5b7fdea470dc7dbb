//! Breaking JSON: fields that are missing, doubled, unknown, of another type or out of range; numbers and texts that
//! readers disagree about; and text that is no JSON at all.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Map, Value, json};

/// Begins the name of a field that is to be written a second time; no example has such a name.
const AGAIN: &str = "\u{1}";
/// Stands around text that is to be written as it is, for numbers that [`Value`] cannot hold.
const RAW: &str = "\u{2}";

/// One change. What it applies to is picked among all values, fields or bytes of the document at hand.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// A field or an element is left out.
    Leave(Index),
    /// A value becomes another one.
    Become(Index, Value),
    /// A value changes places with another one.
    Swap(Index, Index),
    /// A number becomes its negative.
    Negate(Index),
    /// A text gets something added at its front or its end.
    Extend(Index, String, bool),
    /// A field is written a second time, with another value.
    Again(Index, Value),
    /// An object gets a field that nobody knows.
    Unknown(Index, String, Value),
    /// An array holds its first element so many times, each with a text of its own.
    Grow(Index, usize),
    /// A value is wrapped in arrays, so deep.
    Wrap(Index, usize),
    /// The document ends early.
    Cut(Index),
    /// Some bytes are something else.
    Splice(Index, Vec<u8>),
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "\r\n",
    "\u{7f}\u{85}\u{2028}",
    "\u{202e}\u{feff}\u{fffd}",
    "é😀e\u{301}",
    "\"",
    "\\",
    "\",\"orderId\":\"",
    "{\"$ref\":\"#\"}",
    "&MessageBody=x&Action=DeleteQueue",
    "%00%0a%27",
    "${jndi:ldap://x}",
    "' OR 1=1 --",
    "../../etc/passwd",
    "null",
    "NaN",
    "-1",
    "7e57d0042b974e7ab45f538736779101",
    "{7e57d004-2b97-4e7a-b45f-538736779101}",
    "urn:uuid:7e57d004-2b97-4e7a-b45f-538736779101",
    "7E57D004-2B97-4E7A-B45F-538736779101",
    "00000000-0000-0000-0000-000000000000",
    "9999-12-31T23:59:59.999999999+23:59",
    "-009999-01-01T00:00:00.000Z",
    "2026-02-30T00:00:60.000Z",
    "2026-11-27T10:01:00+01:00[Europe/Berlin]",
    "pm_",
    "addr_é",
    "ZZZ",
    "usd",
    "CAPTURED",
    "Allocate stock",
];

/// Just within and just outside of what contracts allow.
const BOUNDS: &[i64] = &[-1, 0, 1, 2, 999, 1000, 9_007_199_254_740_991, 9_007_199_254_740_992];

const NUMBERS: &[&str] = &[
    "-0",
    "1.0",
    "1e0",
    "0.1",
    "1E400",
    "-1e-400",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "123456789012345678901234567890",
    "01",
    "+1",
    "0x10",
    "NaN",
    "Infinity",
    "1_000",
];

/// Texts that are awkward somewhere, long ones among them.
pub fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(TEXTS).prop_map(str::to_owned),
        2 => any::<String>(),
        2 => "[A-Z0-9_-]{1,40}",
        1 => (prop::sample::select(TEXTS), 1..4096_usize).prop_map(|(text, n)| text.repeat(n)),
    ]
}

/// Any value, awkward ones more often.
pub fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => prop_oneof![prop::sample::select(BOUNDS), -2..1002_i64, any::<i64>()].prop_map(Value::from),
        1 => any::<f64>().prop_map(|n| json!(n)),
        2 => prop::sample::select(NUMBERS).prop_map(|n| Value::from(format!("{RAW}{n}{RAW}"))),
        4 => texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((texts(), inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A name that no contract has.
fn unknown_names() -> impl Strategy<Value = String> {
    prop_oneof![
        texts().prop_map(|text| format!("x-{text}")),
        prop::sample::select(vec!["email", "note", "__proto__", "$schema", "schema_version"])
            .prop_map(str::to_owned),
    ]
}

/// Fields that nobody knows, and nothing else.
pub fn unknown_fields() -> impl Strategy<Value = Vec<Mutation>> {
    let field = (any::<Index>(), unknown_names(), values());
    vec(field.prop_map(|(at, name, value)| Mutation::Unknown(at, name, value)), 1..4)
}

/// A few changes; one, mostly, so that what is left makes as much sense as possible. None at times.
pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<Index>;
    let one = prop_oneof![
        3 => at().prop_map(Mutation::Leave),
        8 => (at(), values()).prop_map(|(at, value)| Mutation::Become(at, value)),
        2 => (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        1 => at().prop_map(Mutation::Negate),
        3 => (at(), texts(), any::<bool>()).prop_map(|(at, text, front)| Mutation::Extend(at, text, front)),
        2 => (at(), values()).prop_map(|(at, value)| Mutation::Again(at, value)),
        2 => (at(), unknown_names(), values()).prop_map(|(at, name, v)| Mutation::Unknown(at, name, v)),
        2 => (at(), prop_oneof![Just(0_usize), 1..25_usize, 90..130_usize])
            .prop_map(|(at, n)| Mutation::Grow(at, n)),
        1 => (at(), prop_oneof![1..4_usize, 100..5000_usize]).prop_map(|(at, n)| Mutation::Wrap(at, n)),
        1 => at().prop_map(Mutation::Cut),
        2 => (at(), vec(any::<u8>(), 0..4)).prop_map(|(at, bytes)| Mutation::Splice(at, bytes)),
    ];
    prop_oneof![1 => Just(Vec::new()), 20 => vec(one.clone(), 1), 10 => vec(one, 2..4)]
}

/// `document` after all `mutations`, as text. Bytes that are no UTF-8 are replaced, as they are on the way in.
pub fn mutated(document: &Value, mutations: &[Mutation]) -> String {
    let mut value = document.clone();
    for mutation in mutations {
        change(&mut value, mutation);
    }
    let text = value.to_string();
    let text = text.replace("\"\\u0001", "\"").replace("\"\\u0002", "").replace("\\u0002\"", "");
    let mut bytes = text.into_bytes();
    for mutation in mutations {
        match mutation {
            Mutation::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Mutation::Splice(at, with) => {
                let from = at.index(bytes.len() + 1);
                let to = bytes.len().min(from + 1);
                bytes.splice(from..to, with.iter().copied());
            }
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(document: &mut Value, mutation: &Mutation) {
    match mutation {
        Mutation::Leave(at) => {
            let path = picked(document, *at, |_| true);
            if let Some((last, parent)) = path.split_last() {
                match (at_path(document, parent), last) {
                    (Value::Object(map), Step::Field(name)) => drop(map.remove(name)),
                    (Value::Array(items), Step::Element(i)) => drop(items.remove(*i)),
                    _ => {}
                }
            }
        }
        Mutation::Become(at, value) => {
            let path = picked(document, *at, |_| true);
            *at_path(document, &path) = value.clone();
        }
        Mutation::Swap(a, b) => {
            let a = picked(document, *a, |_| true);
            let b = picked(document, *b, |_| true);
            let (first, second) = (at_path(document, &a).clone(), at_path(document, &b).clone());
            if !a.starts_with(&b) && !b.starts_with(&a) {
                *at_path(document, &a) = second;
                *at_path(document, &b) = first;
            }
        }
        Mutation::Negate(at) => {
            let path = picked(document, *at, Value::is_i64);
            if let Some(n) = at_path(document, &path).as_i64() {
                *at_path(document, &path) = Value::from(n.wrapping_neg());
            }
        }
        Mutation::Extend(at, with, front) => {
            let path = picked(document, *at, Value::is_string);
            if let Value::String(text) = at_path(document, &path) {
                let at = if *front { 0 } else { text.len() };
                text.insert_str(at, with);
            }
        }
        Mutation::Again(at, value) => {
            let path = picked(document, *at, |v| v.as_object().is_some_and(|map| !map.is_empty()));
            if let Value::Object(map) = at_path(document, &path) {
                let names: Vec<String> = map.keys().cloned().collect();
                let name = if names.is_empty() { "" } else { at.get(&names) };
                map.insert(format!("{AGAIN}{name}"), value.clone());
            }
        }
        Mutation::Unknown(at, name, value) => {
            let path = picked(document, *at, Value::is_object);
            if let Value::Object(map) = at_path(document, &path) {
                map.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Mutation::Grow(at, count) => {
            let path = picked(document, *at, Value::is_array);
            if let Value::Array(items) = at_path(document, &path) {
                let first = items.first().cloned().unwrap_or_default();
                *items = (0..*count).map(|n| numbered(&first, n)).collect();
            }
        }
        Mutation::Wrap(at, depth) => {
            // As text, because nothing this deep can be built up and dropped again without recursion.
            let path = picked(document, *at, |_| true);
            let value = at_path(document, &path);
            *value = if *depth < 100 {
                (0..*depth).fold(value.take(), |inner, _| Value::Array(vec![inner]))
            } else {
                Value::from(format!("{RAW}{}{}{RAW}", "[".repeat(*depth), "]".repeat(*depth)))
            };
        }
        Mutation::Cut(_) | Mutation::Splice(..) => {}
    }
}

/// `value` with its SKU made another one.
fn numbered(value: &Value, n: usize) -> Value {
    let mut value = value.clone();
    if let Some(Value::String(sku)) = value.get_mut("sku") {
        *sku = format!("{sku}-{n}");
    }
    value
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    Element(usize),
}

/// The path to one of the values that `suits`, or to the document itself.
fn picked(document: &Value, at: Index, suits: impl Fn(&Value) -> bool) -> Vec<Step> {
    let mut paths = Vec::new();
    collect(document, &mut Vec::new(), &suits, &mut paths);
    if paths.is_empty() { Vec::new() } else { at.get(&paths).clone() }
}

fn collect(value: &Value, path: &mut Vec<Step>, suits: &impl Fn(&Value) -> bool, paths: &mut Vec<Vec<Step>>) {
    if suits(value) {
        paths.push(path.clone());
    }
    let children: Vec<(Step, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, v)| (Step::Field(name.clone()), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (Step::Element(i), v)).collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        path.push(step);
        collect(child, path, suits, paths);
        path.pop();
    }
}

fn at_path<'a>(document: &'a mut Value, path: &[Step]) -> &'a mut Value {
    path.iter().fold(document, |value, step| match step {
        Step::Field(name) => value.as_object_mut().and_then(|map: &mut Map<_, _>| map.get_mut(name)).unwrap(),
        Step::Element(i) => value.as_array_mut().and_then(|items| items.get_mut(*i)).unwrap(),
    })
}
