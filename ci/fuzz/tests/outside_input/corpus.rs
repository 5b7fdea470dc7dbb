//! What the mutations start from: the committed examples, and the schemas they fit.

use std::{fmt, sync::LazyLock};

use jsonschema::Validator;
use lakeside_contracts::generate::documents;
use serde_json::{Value, json};

/// The order of every example.
pub const ORDER: &str = "7e57d004-2b97-4e7a-b45f-538736779101";
/// Another order, of the message beside the mutated one.
pub const OTHER_ORDER: &str = "0a57d004-2b97-4e7a-b45f-5387367791ff";

/// One contract.
pub struct Contract {
    /// Its folder, such as `events/orders/order-created`.
    pub folder: String,
    /// Its committed example.
    pub example: Value,
    /// Its committed schema.
    pub schema: Validator,
    /// The schema's title: an event's detail-type, a command's name.
    pub title: String,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.folder)
    }
}

static CONTRACTS: LazyLock<Vec<Contract>> = LazyLock::new(|| {
    let documents = documents().unwrap();
    let read = |path: String| -> Value {
        serde_json::from_str(&documents.iter().find(|d| d.path == path).unwrap().text).unwrap()
    };
    let folders = documents.iter().filter_map(|d| d.path.strip_suffix("/v1.schema.json"));
    folders
        .map(|folder| {
            let schema = read(format!("{folder}/v1.schema.json"));
            Contract {
                folder: folder.to_owned(),
                example: read(format!("{folder}/examples/v1.json")),
                title: schema["title"].as_str().unwrap().to_owned(),
                schema: jsonschema::validator_for(&schema).unwrap(),
            }
        })
        .collect()
});

/// What API Gateway checks a submission against.
pub static DOOR: LazyLock<Validator> = LazyLock::new(|| model("place-order"));
/// What API Gateway checks a partner's submission against.
pub static PARTNERS_DOOR: LazyLock<Validator> = LazyLock::new(|| model("place-partner-order"));

fn model(body: &str) -> Validator {
    let path = format!("api/{body}.model.json");
    let model = documents().unwrap().into_iter().find(|d| d.path == path).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&model.text).unwrap()).unwrap()
}

/// The contracts in the folders that begin with `prefix`.
pub fn contracts(prefix: &str) -> impl Iterator<Item = &'static Contract> {
    CONTRACTS.iter().filter(move |c| c.folder.starts_with(prefix))
}

/// The contract of the event, command or input called `title`.
pub fn contract(title: &str) -> &'static Contract {
    CONTRACTS.iter().find(|c| c.title == title).unwrap_or_else(|| panic!("no contract `{title}`"))
}

impl Contract {
    /// The example as a queue delivers it: a command as it is, an event as EventBridge wraps it.
    pub fn message(&self) -> Value {
        match self.folder.strip_prefix("events/").and_then(|folder| folder.split_once('/')) {
            None => self.example.clone(),
            Some((domain, _)) => json!({
                "version": "0", "id": "6b0c1b0e-2b97-4e7a-b45f-538736779101",
                "source": format!("lakeside.{domain}"), "detail-type": self.title, "account": "111111111111",
                "time": "2026-11-27T09:01:00Z", "region": "eu-central-1", "resources": [],
                "detail": self.example,
            }),
        }
    }
}

/// `value` about [`OTHER_ORDER`].
pub fn about_another_order(value: &Value) -> Value {
    serde_json::from_str(&value.to_string().replace(ORDER, OTHER_ORDER)).unwrap()
}
