//! Events as the schema registry of EventBridge takes them: an OpenAPI 3 document that describes the whole event as it
//! arrives, in the form of the schemas that AWS infers and generates code from.

use serde_json::{Map, Value, json};

use crate::envelope::Domain;

/// The folder of these documents, below `contracts/`.
pub const FOLDER: &str = "registry";

/// Keywords of JSON Schema that OpenAPI 3.0 does not know, or means otherwise.
const UNKNOWN: [&str; 2] = ["$schema", "title"];

/// What a schema is called in the registry: as those that AWS infers.
pub fn name(domain: Domain, detail_type: &str) -> String {
    format!("{}@{detail_type}", domain.source())
}

/// The document of one type of event, whose detail has the given schema.
pub fn document(domain: Domain, detail_type: &str, detail: &Map<String, Value>) -> Value {
    let mut detail = detail.clone();
    detail.retain(|keyword, _| !UNKNOWN.contains(&keyword.as_str()));
    json!({
        "openapi": "3.0.0",
        "info": { "title": detail_type, "version": "1.0.0" },
        "paths": {},
        "components": { "schemas": {
            "AWSEvent": envelope(domain, detail_type),
            detail_type: detail,
        } },
    })
}

/// What EventBridge puts around the detail. A replayed event has a name more.
fn envelope(domain: Domain, detail_type: &str) -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": [
            "account", "detail", "detail-type", "id", "region", "resources", "source", "time", "version",
        ],
        "x-amazon-events-detail-type": detail_type,
        "x-amazon-events-source": domain.source(),
        "properties": {
            "account": text,
            "detail": { "$ref": format!("#/components/schemas/{detail_type}") },
            "detail-type": text,
            "id": text,
            "region": text,
            "replay-name": text,
            "resources": { "type": "array", "items": text },
            "source": text,
            "time": { "type": "string", "format": "date-time" },
            "version": text,
        },
    })
}
