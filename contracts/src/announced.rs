//! What is said before it is done: values that every reader knows before anybody writes them, and contracts that nobody
//! reads any more.
//!
//! A reader refuses a value that its enumeration does not have. So a new value comes in two steps, each of them a change
//! of its own: first the type gets it and `announced.json` names it, which lets every reader take it while the schema
//! still forbids writers to say it; once those readers are everywhere, the announcement goes and the schema has the value.

use serde::Deserialize;
use serde_json::Value;

use crate::generate::Document;

/// `compatibility/announced.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// Values that may be read and not yet written.
    pub values: Vec<AnnouncedValue>,
    /// Contracts that will go.
    pub retirements: Vec<Retirement>,
}

/// A value that is added to an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedValue {
    /// Which contract: `events/orders/order-created/v1`.
    pub contract: String,
    /// Which of its fields: `data.lines[].kind`.
    pub field: String,
    /// The value.
    pub value: String,
    /// Why there is one more.
    pub reason: String,
    /// The release from which on readers know it.
    pub readers: String,
}

/// A contract that nobody says or reads any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// Which contract: `events/orders/order-created/v1`.
    pub contract: String,
    /// What came in its place, or why nothing did.
    pub reason: String,
    /// The release from which on nobody reads it.
    pub readers: String,
}

/// An announcement of something that is not there.
#[derive(Debug, thiserror::Error)]
pub enum AnnouncedError {
    /// It is not of the form above.
    #[error("compatibility/announced.json is malformed")]
    Malformed(#[from] serde_json::Error),
    /// No such contract.
    #[error("`{0}` is announced and is no contract of an event or an answer")]
    NoContract(String),
    /// The type that reads it does not take the value, so no reader knows it yet.
    #[error(
        "`{value}` is announced for `{field}` of `{contract}`, whose type does not take it: add it there too"
    )]
    Unknown {
        /// The contract.
        contract: String,
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
}

impl Announced {
    /// What is announced in this version.
    ///
    /// # Errors
    /// [`AnnouncedError::Malformed`].
    pub fn committed() -> Result<Self, AnnouncedError> {
        Self::parse(include_str!("../compatibility/announced.json"))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// [`AnnouncedError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, AnnouncedError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Takes out of the schemas what is announced: the types read it, and nobody may write it.
    pub(crate) fn withhold(&self, documents: &mut [Document]) -> Result<(), AnnouncedError> {
        for retirement in &self.retirements {
            schema_of(&retirement.contract, documents)?;
        }
        for announced in &self.values {
            let AnnouncedValue { contract, field, value, .. } = announced;
            let document = schema_of(contract, documents)?;
            let mut schema: Value = serde_json::from_str(&document.text)?;
            if !take_out(&mut schema, field, value) {
                let [contract, field, value] = [contract, field, value].map(Clone::clone);
                return Err(AnnouncedError::Unknown { contract, field, value });
            }
            document.text = serde_json::to_string_pretty(&schema)?;
            document.text.push('\n');
        }
        Ok(())
    }
}

/// Only what somebody reads who is older than its writer can be waited for.
fn schema_of<'a>(contract: &str, documents: &'a mut [Document]) -> Result<&'a mut Document, AnnouncedError> {
    let path = format!("{contract}.schema.json");
    let folder = contract.rsplit_once('/').map_or(contract, |(folder, _)| folder);
    let model = format!("{folder}.model.json");
    let read_by_the_door = folder.starts_with("commands/") || documents.iter().any(|d| d.path == model);
    let found = documents.iter_mut().find(|document| document.path == path && !read_by_the_door);
    found.ok_or_else(|| AnnouncedError::NoContract(contract.to_owned()))
}

/// Whether the value was there.
fn take_out(schema: &mut Value, field: &str, value: &str) -> bool {
    let pointer = field.split('.').fold(String::new(), |pointer, name| {
        let plain = name.trim_end_matches("[]");
        let depth = name.len().saturating_sub(plain.len()) / 2;
        format!("{pointer}/properties/{plain}{}", "/items".repeat(depth))
    });
    let Some(Value::Array(values)) = schema.pointer_mut(&format!("{pointer}/enum")) else { return false };
    let before = values.len();
    values.retain(|known| known != value);
    values.len() < before
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::generate::documents;

    fn announce(contract: &str, field: &str, value: &str) -> Announced {
        let announced = json!({
            "values": [{
                "contract": contract, "field": field, "value": value,
                "reason": "stores have terminals of their own now", "readers": "0.2.0",
            }],
            "retirements": [],
        });
        Announced::parse(&announced.to_string()).unwrap()
    }

    #[test]
    fn an_announced_value_is_read_and_not_written() {
        let mut documents = documents().unwrap();
        announce("events/orders/order-created/v1", "data.channel", "store").withhold(&mut documents).unwrap();
        let path = "events/orders/order-created/v1.schema.json";
        let text = &documents.iter().find(|d| d.path == path).unwrap().text;
        let schema: Value = serde_json::from_str(text).unwrap();
        let channel = &schema["properties"]["data"]["properties"]["channel"];
        assert_eq!(channel["enum"], json!(["web", "app", "marketplace"]));
        assert!(serde_json::from_value::<lakeside_domain::order::Channel>(json!("store")).is_ok());
    }

    #[test]
    fn a_value_inside_a_list_is_found() {
        let mut schema =
            json!({"properties": {"lines": {"items": {"properties": {"kind": {"enum": ["A", "B"]}}}}}});
        assert!(take_out(&mut schema, "lines[].kind", "B"));
        assert_eq!(schema.pointer("/properties/lines/items/properties/kind/enum").unwrap(), &json!(["A"]));
    }

    #[test]
    fn what_readers_do_not_know_cannot_be_announced() {
        for (contract, field, value) in [
            ("events/orders/order-created/v1", "data.channel", "fax"),
            ("events/orders/order-created/v1", "data.canal", "web"),
            ("events/orders/order-created/v2", "data.channel", "web"),
            // The receiver of these is there before the sender: nobody has to wait.
            ("commands/adjust-stock/v1", "kind", "COUNT"),
            ("api/place-order/v1", "channel", "web"),
        ] {
            let announced = announce(contract, field, value);
            assert!(announced.withhold(&mut documents().unwrap()).is_err(), "{contract} {field} {value}");
        }
    }
}
