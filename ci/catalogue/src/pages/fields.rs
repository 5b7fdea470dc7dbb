//! The fields of an event as a table.

use serde_json::Value;

use super::{cell, says};
use crate::events::Event;

/// The fields of one half of a `detail`, with those inside of them.
pub fn table(events: &[Event], half: &str) -> String {
    let mut table = String::from("| field | is | looks like | meaning |\n|---|---|---|---|\n");
    if let Some(schema) =
        events.first().and_then(|event| event.schema.pointer(&format!("/properties/{half}")))
    {
        rows(schema, "", &mut table);
    }
    table
}

fn rows(schema: &Value, inside: &str, table: &mut String) {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    // As they are written in the type: what is required is listed in that order, the rest by name.
    let properties = schema.get("properties").and_then(Value::as_object);
    let names =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let others =
        properties.into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !required(name));
    for name in names.chain(others) {
        let Some(field) = properties.and_then(|properties| properties.get(name)) else { continue };
        let path = if inside.is_empty() { name.to_owned() } else { format!("{inside}.{name}") };
        let missing = if required(name) { "" } else { ", or missing" };
        let line = format!(
            "| `{path}` | {}{missing} | {} | {} |\n",
            is(field),
            looks_like(field),
            cell(says(field))
        );
        table.push_str(&line);
        rows(field, &path, table);
        if let Some(items) = field.get("items") {
            rows(items, &format!("{path}[]"), table);
        }
    }
}

fn is(field: &Value) -> String {
    let number = |keyword: &str| field.get(keyword).and_then(Value::as_i64);
    if field.get("enum").is_some() || field.get("const").is_some() || field.get("oneOf").is_some() {
        return "one of".to_owned();
    }
    match field.get("type").and_then(Value::as_str) {
        Some("string") if field.get("format").is_some_and(|format| format == "date-time") => {
            "time".to_owned()
        }
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "yes or no".to_owned(),
        Some("array") => match (number("minItems"), number("maxItems")) {
            (Some(least), Some(most)) => format!("list of {least} to {most}"),
            (Some(least), None) => format!("list of {least} or more"),
            (None, Some(most)) => format!("list of at most {most}"),
            (None, None) => "list".to_owned(),
        },
        Some("object") => "object".to_owned(),
        other => other.unwrap_or("anything").to_owned(),
    }
}

fn looks_like(field: &Value) -> String {
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    let values = |values: &Vec<Value>| -> String {
        values.iter().filter_map(Value::as_str).map(code).collect::<Vec<_>>().join(", ")
    };
    if let Some(list) = field.get("enum").and_then(Value::as_array) {
        return values(list);
    }
    if let Some(pattern) = field.get("pattern").and_then(Value::as_str) {
        return code(pattern);
    }
    if let Some(ranges) = field.get("anyOf").and_then(Value::as_array) {
        return ranges.iter().map(range).collect::<Vec<_>>().join(", or ");
    }
    range(field)
}

fn range(field: &Value) -> String {
    let number = |keyword: &str| field.get(keyword).and_then(Value::as_i64);
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) if least == most => format!("{least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("{most} or less"),
        (None, None) => String::new(),
    }
}
