//! The tables that both makes write to: DynamoDB in this process, with the keys that Terraform gives them.

#![expect(
    clippy::indexing_slicing,
    reason = "what is indexed is JSON, which answers null for what is not there"
)]

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use anyhow::Context;
use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use dynoxide::Database;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::Mutex, task::AbortHandle};

use crate::makes::Function;

/// What differs between two runs of the same: when it was.
const TIMES: [&str; 6] = ["receivedAt", "placedAt", "expiresAt", "occurredAt", "ttl", "at"];
/// Price of every SKU, in cents.
pub const PRICE: i64 = 4_900;
/// SKUs in the catalogue: `SKU-0` and so on.
pub const SKUS: u64 = 12;
/// Units of each of a SKU's two pools.
pub const UNITS: u64 = 1_000_000;
/// The SKU of which there is nothing.
pub const SOLD_OUT: &str = "SOLD-OUT";

/// DynamoDB and Step Functions, until this is dropped.
pub struct Tables {
    database: Database,
    answers: Answers,
    /// Where DynamoDB is.
    pub endpoint: String,
    /// Where Step Functions is: it takes answers from tasks and remembers them.
    pub saga: String,
    servers: [AbortHandle; 2],
}

type Answers = Arc<Mutex<Vec<Value>>>;

impl Drop for Tables {
    fn drop(&mut self) {
        self.servers.iter().for_each(AbortHandle::abort);
    }
}

impl Tables {
    /// Empty tables but for a catalogue and stock.
    pub async fn serve() -> anyhow::Result<Self> {
        let database = Database::memory().context("there is no memory for tables")?;
        for function in Function::ALL {
            database
                .create_table(serde_json::from_value(definition(function))?)
                .context("cannot make a table")?;
        }
        for number in 0..SKUS {
            let sku = format!("SKU-{number}");
            put(&database, Function::OrderIngest, &price(&sku))?;
            for pool in 0..2 {
                put(&database, Function::ReserveStock, &stock(&sku, pool, UNITS))?;
            }
        }
        put(&database, Function::OrderIngest, &price(SOLD_OUT))?;
        put(&database, Function::ReserveStock, &stock(SOLD_OUT, 0, 1))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let dynamo = tokio::spawn(dynoxide::server::serve_on(listener, database.clone())).abort_handle();
        let answers = Answers::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let saga = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(take_answer)).with_state(Arc::clone(&answers));
        let step_functions = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { database, answers, endpoint, saga, servers: [dynamo, step_functions] })
    }

    /// Everything in a function's table by its key, and everything that the saga was told, without times.
    pub async fn contents(&self, function: Function) -> anyhow::Result<BTreeMap<String, Value>> {
        let mut contents = BTreeMap::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({ "TableName": table(function) });
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = serde_json::to_value(self.database.scan(serde_json::from_value(request)?)?)?;
            for item in page["Items"].as_array().into_iter().flatten() {
                let key = format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
                contents.insert(key, timeless(item.clone()));
            }
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        let answers = self.answers.lock().await.iter().cloned().map(timeless).collect();
        contents.insert("what the saga was told".to_owned(), Value::Array(answers));
        Ok(contents)
    }
}

async fn take_answer(
    State(answers): State<Answers>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Json<Value> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    answers
        .lock()
        .await
        .push(json!({ "target": target, "token": body["taskToken"], "output": body["output"] }));
    Json(json!({}))
}

/// What a function's table is called.
const fn table(function: Function) -> &'static str {
    match function {
        Function::OrderIngest => "lakeside-orders",
        Function::ReserveStock => "lakeside-inventory",
    }
}

fn definition(function: Function) -> Value {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let mut definition = json!({
        "TableName": table(function),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "AttributeDefinitions": [attribute("pk", "S"), attribute("sk", "S")],
    });
    if function == Function::ReserveStock {
        definition["AttributeDefinitions"] = json!([
            attribute("pk", "S"),
            attribute("sk", "S"),
            attribute("heldShard", "S"),
            attribute("expiresAt", "N")
        ]);
        definition["GlobalSecondaryIndexes"] = json!([{
            "IndexName": "held-by-end",
            "KeySchema": [key("heldShard", "HASH"), key("expiresAt", "RANGE")],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        }]);
    }
    definition
}

fn price(sku: &str) -> Value {
    json!({
        "pk": { "S": format!("SKU#{sku}") },
        "sk": { "S": "PRICE" },
        "price": { "M": { "amount": { "N": PRICE.to_string() }, "currency": { "S": "USD" } } },
    })
}

fn stock(sku: &str, pool: u8, available: u64) -> Value {
    json!({
        "pk": { "S": format!("SKU#{sku}") },
        "sk": { "S": format!("POOL#{pool}") },
        "available": { "N": available.to_string() },
        "held": { "N": "0" },
        "sold": { "N": "0" },
        "received": { "N": available.to_string() },
        "version": { "N": "1" },
    })
}

fn put(database: &Database, function: Function, item: &Value) -> anyhow::Result<()> {
    let request = json!({ "TableName": table(function), "Item": item });
    database.put_item(serde_json::from_value(request)?).context("cannot fill a table")?;
    Ok(())
}

/// A value without times, and texts that are JSON as what they say.
fn timeless(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let value = if TIMES.contains(&&*name) { Value::Null } else { timeless(value) };
                (name, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(values) => values.into_iter().map(timeless).collect(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(&text).map_or(Value::String(text), timeless)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_left_out_wherever_they_are_and_nothing_else_is() {
        let detail = json!({ "metadata": { "occurredAt": "2026-11-27T09:01:00.000Z", "schemaVersion": 1 } })
            .to_string();
        let item = json!({ "expiresAt": { "N": "1" }, "outbox": { "L": [{ "detail": { "S": detail } }] } });
        let expected = json!({
            "expiresAt": null,
            "outbox": { "L": [{ "detail": { "S": { "metadata": { "occurredAt": null, "schemaVersion": 1 } } } }] },
        });
        assert_eq!(timeless(item), expected);
    }
}
