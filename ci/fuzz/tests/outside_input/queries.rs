//! Requests for an order's status, and for stock.

use aws_lambda_events::{apigw::ApiGatewayProxyRequest, encodings::Body};
use futures::executor::block_on;
use lakeside_domain::{
    ids::{CustomerId, NodeId, OrderId, Sku},
    level::Level,
    order_status::KnownFact,
    time::Timestamp,
};
use lakeside_inventory::{
    memory::store_stock::MemoryStoreStock, project_store_stock::StockCount, stock_query,
};
use lakeside_kit::dynamo::StoreError;
use lakeside_orders::order_query::{StatusView, View, handle};
use proptest::{option, prelude::*};
use serde_json::{Value, json};

use crate::{
    batch::fits,
    corpus::ORDER,
    explore::explore,
    mutation::{mutated, mutations, texts},
};

/// A customer and a partner, of whom one has placed the order.
const OWNERS: [&str; 2] = [OWNER, "partner-acme"];
const OWNER: &str = "1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10";

/// One order is known, and whose it is.
struct OneOrder(&'static str);

impl StatusView for OneOrder {
    async fn load(&self, order_id: OrderId) -> Result<Option<View>, StoreError> {
        let facts = ["OrderCreated", "StockReserved"].map(|event| KnownFact {
            event: event.into(),
            occurred_at: Timestamp::from_millis(1_795_770_060_000),
            reason: None,
        });
        let view = View { customer_id: CustomerId::parse(self.0).ok(), facts: facts.into() };
        Ok((order_id == OrderId::parse(ORDER).unwrap()).then_some(view))
    }
}

#[test]
fn a_request_is_answered_with_its_owner_s_order_or_not_found() {
    let owner = prop::sample::select(&OWNERS[..]);
    let inputs = (option::of(texts()), option::of(texts()), mutations(), owner, any::<bool>());
    explore(15_000, &inputs, |(order_id, principal, mutations, owner, partner)| {
        let order_id = order_id.as_deref().unwrap_or(ORDER);
        let principal = principal.as_deref().unwrap_or(owner);
        let authorizer = if partner {
            json!({"principalId": principal, "channel": "store", "node": "store-07", "integrationLatency": 3})
        } else {
            json!({"claims": {"sub": principal, "scope": "orders"}})
        };
        let request = json!({
            "resource": "/orders/{orderId}", "path": format!("/orders/{order_id}"), "httpMethod": "GET",
            "headers": {"Accept": "application/json"}, "multiValueHeaders": {"Accept": ["application/json"]},
            "queryStringParameters": {"a": "b"}, "multiValueQueryStringParameters": {"a": ["b"]},
            "pathParameters": {"orderId": order_id}, "stageVariables": null, "body": null,
            "isBase64Encoded": false,
            "requestContext": {
                "accountId": "1", "resourceId": "r", "stage": "s", "requestId": "q", "httpMethod": "GET",
                "identity": {"sourceIp": "192.0.2.1"}, "apiId": "a",
                "authorizer": authorizer,
            },
        });
        // What API Gateway would never send fails the invocation.
        let text = mutated(&request, &mutations);
        let Ok(request) = serde_json::from_str::<ApiGatewayProxyRequest>(&text) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let authorizer = request.request_context.authorizer.fields.clone();
        let asked = request.path_parameters.get("orderId").cloned();
        let response = block_on(handle(&OneOrder(owner), request)).unwrap();
        let Some(Body::Text(body)) = response.body else {
            return Err(TestCaseError::fail("an answer without a body"));
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        let asks = match authorizer.get("claims") {
            Some(claims) => claims["sub"].as_str(),
            None => authorizer.get("principalId").and_then(Value::as_str),
        };
        let mine = asks == Some(owner) && asked.is_some_and(|id| id.eq_ignore_ascii_case(ORDER));
        if mine {
            prop_assert_eq!(response.status_code, 200);
            fits("OrderStatusView", &body)?;
        } else {
            prop_assert_eq!(response.status_code, 404);
            prop_assert_eq!(body, json!({"message": "order not found"}));
        }
        Ok(())
    });
}

/// Two SKUs, of one of which a store has some.
fn stock() -> MemoryStoreStock {
    let view = MemoryStoreStock::default();
    for (sku, node) in [("TENT-2P", None), ("TENT-2P", Some("store-104")), ("STOVE-GAS", None)] {
        let (sku, node) = (Sku::parse(sku).unwrap(), node.map(|node| NodeId::parse(node).unwrap()));
        view.record(&StockCount { sku, node, level: Level { units: 7, version: 1 } });
    }
    view
}

#[test]
fn a_request_is_answered_with_the_stock_asked_for_or_refused() {
    let inputs = (option::of(texts()), option::of(texts()), option::of(texts()), any::<bool>(), mutations());
    explore(15_000, &inputs, |(name, after, limit, store, mutations)| {
        let (parameter, known) = if store { ("node", "store-104") } else { ("sku", "TENT-2P") };
        let mut query = serde_json::Map::new();
        for (parameter, value) in [("after", &after), ("limit", &limit)] {
            if let Some(value) = value {
                query.insert(parameter.into(), json!(value));
            }
        }
        let request = json!({
            "resource": "/stock/{sku}", "path": "/stock/x", "httpMethod": "GET", "headers": {},
            "queryStringParameters": query, "pathParameters": {parameter: name.as_deref().unwrap_or(known)},
            "stageVariables": null, "body": null, "isBase64Encoded": false,
            "requestContext": {"accountId": "1", "httpMethod": "GET", "authorizer": {"claims": {"sub": OWNER}}},
        });
        // What API Gateway would never send fails the invocation.
        let text = mutated(&request, &mutations);
        let Ok(request) = serde_json::from_str::<ApiGatewayProxyRequest>(&text) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let paths = request.path_parameters.clone();
        let response = block_on(stock_query::handle(&stock(), request)).unwrap();
        let Some(Body::Text(body)) = response.body else {
            return Err(TestCaseError::fail("an answer without a body"));
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        match response.status_code {
            200 if paths.contains_key("node") => {
                fits("StockOfStore", &body)?;
                prop_assert_eq!(body["node"].as_str(), paths.get("node").map(String::as_str));
            }
            200 => {
                fits("StockOfSku", &body)?;
                prop_assert_eq!(body["sku"].as_str(), paths.get("sku").map(String::as_str));
            }
            400 => prop_assert!(paths.contains_key("node") && body["message"].is_string()),
            404 => prop_assert_eq!(body, json!({"message": "stock not found"})),
            other => prop_assert!(false, "{}", other),
        }
        prop_assert!(!(mutations.is_empty() && name.is_none() && !store) || response.status_code == 200);
        Ok(())
    });
}
