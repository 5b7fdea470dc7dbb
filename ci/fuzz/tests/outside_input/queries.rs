//! Requests for an order's status, for a customer's orders, and for stock.

use aws_lambda_events::{apigw::ApiGatewayProxyRequest, encodings::Body};
use futures::executor::block_on;
use lakeside_contracts::WireTime;
use lakeside_domain::events::EventId;
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
use lakeside_orders::{
    customer_orders,
    memory::MemoryStatus,
    order_query::{StatusView, View, handle},
    order_status::{Known, ViewFact},
};
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
const STRANGER: &str = "2c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10";

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

/// What begins the ids of the owner's orders.
const MINE: &str = "4";

/// Three orders of each of two customers.
fn two_customers() -> MemoryStatus {
    let view = MemoryStatus::default();
    for n in 0..3 {
        for (customer, kind) in [(OWNER, MINE), (STRANGER, "5")] {
            let order_id = OrderId::parse(&format!("{kind}0000000-0000-4000-8000-{n:012}")).unwrap();
            let occurred_at = WireTime(Timestamp::from_millis(1_795_770_060_000 + n));
            view.record(&ViewFact {
                order_id,
                event_id: EventId::derive("fuzz", &order_id.to_string(), "OrderCreated", 1),
                customer_id: CustomerId::parse(customer).ok(),
                known: Known { event: "OrderCreated".into(), occurred_at, reason: None },
            });
        }
    }
    view
}

fn list(view: &MemoryStatus, principal: &str, query: &Value) -> Option<(i64, Value)> {
    let request = json!({
        "resource": "/orders", "path": "/orders", "httpMethod": "GET", "queryStringParameters": query,
        "requestContext": {"httpMethod": "GET", "authorizer": {"claims": {"sub": principal}}},
    });
    let request = serde_json::from_value::<ApiGatewayProxyRequest>(request).ok()?;
    let response = block_on(customer_orders::handle(view, request)).unwrap();
    let Some(Body::Text(body)) = response.body else { panic!("an answer without a body") };
    Some((response.status_code, serde_json::from_str(&body).unwrap()))
}

#[test]
fn a_request_for_a_list_is_answered_with_its_owner_s_orders_or_refused() {
    let view = two_customers();
    let cursor = |principal| {
        let (_, page) = list(&view, principal, &json!({"limit": "1"})).unwrap();
        page["next"].as_str().unwrap().to_owned()
    };
    let (mine, theirs) = (cursor(OWNER), cursor(STRANGER));
    let next = prop_oneof![
        2 => Just(Some(mine.clone())),
        1 => Just(Some(theirs)),
        2 => (0..mine.len(), any::<char>()).prop_map(move |(at, new)| {
            Some(mine.char_indices().map(|(i, old)| if i == at { new } else { old }).collect())
        }),
        1 => texts().prop_map(Some),
        1 => Just(None),
    ];
    let limit = prop_oneof![2 => (0..60_u8).prop_map(|n| Some(n.to_string())), 1 => texts().prop_map(Some), 1 => Just(None)];
    let own = cursor(OWNER);
    explore(15_000, &(next, limit, option::of(texts())), |(next, limit, principal)| {
        let principal = principal.as_deref().unwrap_or(OWNER);
        let query = json!({"limit": limit, "next": next});
        let query: Value =
            query.as_object().unwrap().clone().into_iter().filter(|(_, v)| !v.is_null()).collect();
        let Some((status, body)) = list(&view, principal, &query) else { return Ok(()) };
        let sound = limit.as_deref().is_none_or(|n| n.parse().is_ok_and(|n: u8| (1..=50).contains(&n)));
        let known = next.as_deref().is_none_or(|next| next == own);
        if principal == OWNER {
            prop_assert_eq!(status, if sound && known { 200 } else { 400 });
        }
        if status == 200 {
            fits("OrderList", &body)?;
            for order in body["orders"].as_array().unwrap() {
                prop_assert_eq!(principal, OWNER);
                prop_assert!(order["orderId"].as_str().unwrap().starts_with(MINE));
            }
        } else {
            prop_assert!(body["message"].is_string() && body.as_object().unwrap().len() == 1);
        }
        Ok(())
    });
}
