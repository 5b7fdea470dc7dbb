//! The part of JSON Schema that our contracts use. Anything else is refused, for what is ignored cannot be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What a JSON value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `null`.
    Null,
    /// `true` and `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// Fields.
    Object,
}

impl Type {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Null, Self::Boolean, Self::Integer, Self::Number, Self::String, Self::Array, Self::Object];

    /// As JSON Schema calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

/// From where to where, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: Option<i64>,
    /// The most.
    pub most: Option<i64>,
}

/// What may stand in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The types; all of them if nothing is said.
    pub types: BTreeSet<Type>,
    /// The only values, as JSON texts, if they are listed.
    pub values: Option<BTreeSet<String>>,
    /// Of a number.
    pub range: Bounds,
    /// Of a text, in characters.
    pub length: Bounds,
    /// Of a list, in items.
    pub count: Bounds,
    /// What a text looks like.
    pub pattern: Option<String>,
    /// What a text or a number is meant to be.
    pub format: Option<String>,
    /// Of an object; there are no others.
    pub fields: BTreeMap<String, Self>,
    /// Those that are always there.
    pub required: BTreeSet<String>,
    /// Each item of a list, if anything is said of it.
    pub items: Option<Box<Self>>,
    /// At least one of these holds too, if there are any.
    pub alternatives: Vec<Self>,
}

impl Default for Schema {
    /// Anything.
    fn default() -> Self {
        Self {
            types: Type::ALL.into(),
            values: None,
            range: Bounds::default(),
            length: Bounds::default(),
            count: Bounds::default(),
            pattern: None,
            format: None,
            fields: BTreeMap::new(),
            required: BTreeSet::new(),
            items: None,
            alternatives: Vec::new(),
        }
    }
}

/// A schema that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Somebody must teach the gate what this keyword means before a contract may use it.
    #[error("the keyword `{keyword}` at `{at}` is not known to the contracts gate")]
    UnknownKeyword {
        /// The keyword.
        keyword: String,
        /// The field.
        at: String,
    },
    /// A known keyword with a value that is not.
    #[error("`{keyword}` at `{at}` must be {expected}")]
    Malformed {
        /// The keyword.
        keyword: &'static str,
        /// The field.
        at: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// What tells people something and forbids nothing.
const REMARKS: [&str; 3] = ["$schema", "title", "description"];

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`SchemaError`] at the first thing that is not understood.
    pub fn read(value: &Value) -> Result<Self, SchemaError> {
        Self::read_at(value, "")
    }

    fn read_at(value: &Value, at: &str) -> Result<Self, SchemaError> {
        let object = object("schema", value, at)?;
        let mut schema = Self::default();
        let mut closed = false;
        for (keyword, value) in object {
            match keyword.as_str() {
                remark if REMARKS.contains(&remark) => {}
                "type" => schema.types = types(value, at)?,
                "const" => schema.values = Some([value.to_string()].into()),
                "enum" => {
                    let values = list("enum", value, at)?;
                    schema.values = Some(values.iter().map(Value::to_string).collect());
                }
                "oneOf" => schema.values = Some(constants(value, at)?),
                "minimum" => schema.range.least = Some(whole("minimum", value, at)?),
                "maximum" => schema.range.most = Some(whole("maximum", value, at)?),
                "minLength" => schema.length.least = Some(whole("minLength", value, at)?),
                "maxLength" => schema.length.most = Some(whole("maxLength", value, at)?),
                "minItems" => schema.count.least = Some(whole("minItems", value, at)?),
                "maxItems" => schema.count.most = Some(whole("maxItems", value, at)?),
                "pattern" => schema.pattern = Some(text("pattern", value, at)?.to_owned()),
                "format" => schema.format = Some(text("format", value, at)?.to_owned()),
                "properties" => {
                    for (name, field) in self::object("properties", value, at)? {
                        let inside = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                        schema.fields.insert(name.clone(), Self::read_at(field, &inside)?);
                    }
                }
                "required" => {
                    for name in list("required", value, at)? {
                        schema.required.insert(text("required", name, at)?.to_owned());
                    }
                }
                "additionalProperties" => closed = *value == Value::Bool(false),
                "items" => schema.items = Some(Box::new(Self::read_at(value, &format!("{at}[]"))?)),
                "anyOf" => {
                    for alternative in list("anyOf", value, at)? {
                        schema.alternatives.push(Self::read_at(alternative, at)?);
                    }
                }
                _ => {
                    return Err(SchemaError::UnknownKeyword { keyword: keyword.clone(), at: shown(at) });
                }
            }
        }
        if ["const", "enum", "oneOf"].iter().filter(|keyword| object.contains_key(**keyword)).count() > 1 {
            return malformed("enum", at, "the only list of values");
        }
        if let Some(values) = &schema.values
            && !object.contains_key("type")
        {
            schema.types = values
                .iter()
                .filter_map(|text| serde_json::from_str(text).ok())
                .map(|v| Type::of(&v))
                .collect();
        }
        if (object.contains_key("properties") || object.get("type").is_some_and(|kind| kind == "object"))
            && !closed
        {
            return malformed("additionalProperties", at, "false, for writers may not add fields");
        }
        if let Some(_unknown) = schema.required.iter().find(|name| !schema.fields.contains_key(*name)) {
            return malformed("required", at, "names of properties");
        }
        Ok(schema)
    }
}

fn malformed<T>(keyword: &'static str, at: &str, expected: &'static str) -> Result<T, SchemaError> {
    Err(SchemaError::Malformed { keyword, at: shown(at), expected })
}

/// The whole document is no field.
fn shown(at: &str) -> String {
    if at.is_empty() { "the top".to_owned() } else { at.to_owned() }
}

fn object<'a>(
    keyword: &'static str,
    value: &'a Value,
    at: &str,
) -> Result<&'a Map<String, Value>, SchemaError> {
    value.as_object().map_or_else(|| malformed(keyword, at, "an object"), Ok)
}

fn list<'a>(keyword: &'static str, value: &'a Value, at: &str) -> Result<&'a Vec<Value>, SchemaError> {
    value.as_array().filter(|list| !list.is_empty()).map_or_else(|| malformed(keyword, at, "a list"), Ok)
}

fn text<'a>(keyword: &'static str, value: &'a Value, at: &str) -> Result<&'a str, SchemaError> {
    value.as_str().map_or_else(|| malformed(keyword, at, "a text"), Ok)
}

fn whole(keyword: &'static str, value: &Value, at: &str) -> Result<i64, SchemaError> {
    value.as_i64().map_or_else(|| malformed(keyword, at, "a whole number"), Ok)
}

fn types(value: &Value, at: &str) -> Result<BTreeSet<Type>, SchemaError> {
    let names = match value {
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        name => vec![name.as_str()],
    };
    let types: Option<BTreeSet<Type>> = names.into_iter().map(|name| Type::named(name?)).collect();
    types.filter(|types| !types.is_empty()).map_or_else(|| malformed("type", at, "a type or several"), Ok)
}

/// A list of values, each with a remark: how an enumeration is written whose variants have one.
fn constants(value: &Value, at: &str) -> Result<BTreeSet<String>, SchemaError> {
    let mut values = BTreeSet::new();
    for alternative in list("oneOf", value, at)? {
        let alternative = object("oneOf", alternative, at)?;
        let plain = |keyword: &String| {
            REMARKS.contains(&keyword.as_str()) || *keyword == "type" || *keyword == "const"
        };
        let Some(constant) = alternative.get("const").filter(|_| alternative.keys().all(plain)) else {
            return malformed("oneOf", at, "a list of constants");
        };
        if alternative.get("type").is_some_and(|kind| kind != Type::of(constant).name()) {
            return malformed("oneOf", at, "a list of constants of their own types");
        }
        values.insert(constant.to_string());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_gate_does_not_understand_it_refuses() {
        for (schema, keyword, at) in [
            (json!({"type": "integer", "multipleOf": 2}), "multipleOf", "the top"),
            (
                json!({"type": "object", "additionalProperties": false, "properties": {"a": {"not": {}}}}),
                "not",
                "a",
            ),
            (json!({"type": "array", "items": {"$ref": "#/$defs/a"}}), "$ref", "[]"),
            (json!({"anyOf": [{"if": {}}]}), "if", "the top"),
        ] {
            let error = SchemaError::UnknownKeyword { keyword: keyword.into(), at: at.into() };
            assert_eq!(Schema::read(&schema), Err(error));
        }
        for schema in [
            json!(true),
            json!({"type": "text"}),
            json!({"type": []}),
            json!({"minimum": 1.5}),
            json!({"type": "object"}),
            json!({"properties": {}, "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "additionalProperties": false, "required": ["a"]}),
            json!({"oneOf": [{"const": "a"}, {"type": "string"}]}),
            json!({"oneOf": [{"const": "a", "type": "integer"}]}),
            json!({"enum": ["a"], "const": "a"}),
            json!({"enum": []}),
        ] {
            assert!(matches!(Schema::read(&schema), Err(SchemaError::Malformed { .. })), "{schema}");
        }
    }

    #[test]
    fn an_enumeration_is_the_same_however_it_is_written() {
        let listed = Schema::read(&json!({"type": "string", "enum": ["A", "B"]})).unwrap();
        let remarked = json!({"oneOf": [
            {"const": "B", "type": "string", "description": "The second."}, {"const": "A"},
        ]});
        assert_eq!(Schema::read(&remarked).unwrap(), listed);
        let one = Schema::read(&json!({"type": "string", "enum": ["A"]})).unwrap();
        assert_eq!(Schema::read(&json!({"const": "A"})).unwrap(), one);
    }
}
