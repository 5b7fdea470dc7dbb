//! The door in OpenAPI 3.1, whose schemas are those of JSON Schema 2020-12: the bodies are the contracts themselves.
//!
//! What the door does is Terraform's (`platform-terraform/region/api*.tf`); `ci/catalogue` holds the two together.

use lakeside_domain::ids::{NodeId, OrderId, Sku};
use serde_json::{Map, Value, json};

use crate::{
    generate::{Document, GenerateError},
    schema::CURSOR,
};

/// Where it is, relative to `contracts/`.
pub const PATH: &str = "api/openapi.json";

/// Who checks who asks: an authorizer of the door, and a security scheme here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A customer, by a token of the user pool.
    Customers,
    /// A marketplace or a store, by its credential.
    Partners,
}

impl Caller {
    /// The name of the authorizer and of the scheme.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Partners => "partners",
        }
    }
}

/// What a client may say beside path and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The parameter.
    pub name: &'static str,
    /// What it means.
    pub says: &'static str,
    /// What it may be.
    pub form: Form,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number from 1 to this.
    UpTo(u32),
    /// A text of this pattern.
    Text(&'static str),
}

/// One method of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `operationId`.
    pub name: &'static str,
    /// In capitals.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// What it is for.
    pub says: &'static str,
    /// Who may ask.
    pub caller: Caller,
    /// What may stand behind the question mark.
    pub query: &'static [Query],
    /// The title of the body's contract.
    pub body: Option<&'static str>,
    /// Status, and the title of the answer's contract.
    pub answers: &'static [(u16, &'static str)],
}

const PROBLEM: &str = "Problem";

/// Everything that can be asked for.
pub const ROUTES: [Route; 9] = [
    Route {
        name: "placeOrder",
        method: "PUT",
        path: "/orders/{orderId}",
        says: "Places an order under an id that the client chooses. The same order again is the same order.",
        caller: Caller::Customers,
        query: &[],
        body: Some("PlaceOrder"),
        answers: &[
            (202, "OrderAccepted"),
            (400, PROBLEM),
            (401, PROBLEM),
            (415, PROBLEM),
            (429, PROBLEM),
            (503, PROBLEM),
        ],
    },
    Route {
        name: "readOrder",
        method: "GET",
        path: "/orders/{orderId}",
        says: "Where an order of the asker's stands, and what happened to it.",
        caller: Caller::Customers,
        query: &[],
        body: None,
        answers: &[(200, "OrderStatusView"), (401, PROBLEM), (404, PROBLEM), (429, PROBLEM), (502, PROBLEM)],
    },
    Route {
        name: "cancelOrder",
        method: "PUT",
        path: "/orders/{orderId}/cancellation",
        says: "Asks for an order to be cancelled. Whether it still could be is read under the order's own URL.",
        caller: Caller::Customers,
        query: &[],
        body: None,
        answers: &[
            (202, "CancellationAccepted"),
            (401, PROBLEM),
            (415, PROBLEM),
            (429, PROBLEM),
            (503, PROBLEM),
        ],
    },
    Route {
        name: "listOrders",
        method: "GET",
        path: "/orders",
        says: "The asker's orders, newest first, page by page.",
        caller: Caller::Customers,
        query: &[
            Query { name: "limit", says: "How many at most.", form: Form::UpTo(50) },
            Query {
                name: "next",
                says: "Where to begin: what the page before said.",
                form: Form::Text(CURSOR),
            },
        ],
        body: None,
        answers: &[(200, "OrderList"), (400, PROBLEM), (401, PROBLEM), (429, PROBLEM), (502, PROBLEM)],
    },
    Route {
        name: "readStock",
        method: "GET",
        path: "/stock/{sku}",
        says: "How much of a SKU may be promised, and where it lies.",
        caller: Caller::Customers,
        query: &[],
        body: None,
        answers: &[(200, "StockOfSku"), (401, PROBLEM), (404, PROBLEM), (429, PROBLEM), (502, PROBLEM)],
    },
    Route {
        name: "readStockOfStore",
        method: "GET",
        path: "/stores/{node}/stock",
        says: "What lies at a store or a warehouse, by SKU, page by page.",
        caller: Caller::Customers,
        query: &[
            Query { name: "limit", says: "How many at most.", form: Form::UpTo(100) },
            Query {
                name: "after",
                says: "Where to begin: what the page before said.",
                form: Form::Text(Sku::PATTERN),
            },
        ],
        body: None,
        answers: &[
            (200, "StockOfStore"),
            (400, PROBLEM),
            (401, PROBLEM),
            (404, PROBLEM),
            (429, PROBLEM),
            (502, PROBLEM),
        ],
    },
    Route {
        name: "placePartnerOrder",
        method: "PUT",
        path: "/partner/orders/{orderId}",
        says: "Places an order of a partner's customer. Its channel comes with the partner's credential.",
        caller: Caller::Partners,
        query: &[],
        body: Some("PlacePartnerOrder"),
        answers: &[
            (202, "OrderAccepted"),
            (400, PROBLEM),
            (401, PROBLEM),
            (403, PROBLEM),
            (415, PROBLEM),
            (429, PROBLEM),
            (503, PROBLEM),
        ],
    },
    Route {
        name: "readPartnerOrder",
        method: "GET",
        path: "/partner/orders/{orderId}",
        says: "Where an order of the partner's stands, and what happened to it.",
        caller: Caller::Partners,
        query: &[],
        body: None,
        answers: &[
            (200, "OrderStatusView"),
            (401, PROBLEM),
            (403, PROBLEM),
            (404, PROBLEM),
            (429, PROBLEM),
            (502, PROBLEM),
            (503, PROBLEM),
        ],
    },
    Route {
        name: "recordSale",
        method: "PUT",
        path: "/partner/sales/{saleId}",
        says: "Says what a store sold over its counter. The store comes with the partner's credential.",
        caller: Caller::Partners,
        query: &[],
        body: Some("RecordSale"),
        answers: &[
            (202, "SaleAccepted"),
            (400, PROBLEM),
            (401, PROBLEM),
            (403, PROBLEM),
            (415, PROBLEM),
            (429, PROBLEM),
            (503, PROBLEM),
        ],
    },
];

/// The document, with the schemas of the contracts that it names.
pub(crate) fn description(contracts: &[Document]) -> Result<Value, GenerateError> {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas: Map<String, Value> = Map::new();
    for route in &ROUTES {
        for title in route.body.iter().chain(route.answers.iter().map(|(_, title)| title)) {
            if !schemas.contains_key(*title) {
                schemas.insert((*title).to_owned(), schema(contracts, title)?);
            }
        }
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_lowercase(), operation(route));
        }
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lakeside",
            "version": "1",
            "description": "Orders of customers and partners, and what there is to order.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{
            "url": "https://{api}.execute-api.{region}.amazonaws.com/live",
            "description": "The platform's contract has the whole URL of an installation, as `api.url`.",
            "variables": { "api": { "default": "api" }, "region": { "default": "us-east-1" } },
        }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                Caller::Customers.name(): {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "The token that a customer gets who signs in to the user pool.",
                },
                Caller::Partners.name(): {
                    "type": "http", "scheme": "bearer",
                    "description": "A partner's credential: `<partner>.<43 characters of base64url>`.",
                },
            },
        },
    }))
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let pattern = match name {
                "sku" => Sku::PATTERN,
                "node" => NodeId::PATTERN,
                _ => OrderId::PATTERN,
            };
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "pattern": pattern } })
        })
        .collect();
    parameters.extend(route.query.iter().map(|query| {
        let schema = match query.form {
            Form::UpTo(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
            Form::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        };
        json!({ "name": query.name, "in": "query", "description": query.says, "schema": schema })
    }));
    let responses: Map<String, Value> = route
        .answers
        .iter()
        .map(|(status, title)| {
            (status.to_string(), json!({ "description": meaning(*status), "content": content(title) }))
        })
        .collect();
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.says,
        "security": [{ route.caller.name(): [] }],
        "parameters": parameters,
        "responses": responses,
    });
    if let (Some(title), Some(operation)) = (route.body, operation.as_object_mut()) {
        operation.insert("requestBody".into(), json!({ "required": true, "content": content(title) }));
    }
    operation
}

fn content(title: &str) -> Value {
    json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{title}") } } })
}

const fn meaning(status: u16) -> &'static str {
    match status {
        200 => "As it is known now.",
        202 => "It waits in a queue, and what becomes of it is read elsewhere.",
        400 => "It is not what it should be.",
        401 => "Nobody is signed in.",
        403 => "The credential does not allow that.",
        404 => "There is none, or none that the asker may see.",
        415 => "The body is no JSON.",
        429 => "Too many requests at once, or on this day.",
        502 => "What should answer failed: ask again.",
        _ => "Not now: ask again.",
    }
}

/// The schema of the body with this title.
fn schema(contracts: &[Document], title: &str) -> Result<Value, GenerateError> {
    for document in
        contracts.iter().filter(|d| d.path.starts_with("api/") && d.path.ends_with("v1.schema.json"))
    {
        let mut schema: Value = serde_json::from_str(&document.text)?;
        if schema.get("title").is_some_and(|known| known == title)
            && let Some(object) = schema.as_object_mut()
        {
            object.remove("$schema");
            return Ok(schema);
        }
    }
    Err(GenerateError::NoContract(title.to_owned()))
}
