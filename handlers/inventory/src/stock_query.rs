//! Answers `GET /stock/{sku}` and `GET /stores/{node}/stock`.
//!
//! Consumes: requests from API Gateway, whose authorizer has checked the token. Stock is the same for all customers.
//! Emits: nothing.
//! What it answers is what was told, a moment ago: whether an order gets its units is decided when it is reserved.

use std::collections::BTreeMap;

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use lakeside_contracts::api::{NodeUnits, SkuUnits, StockOfSku, StockOfStore};
use lakeside_domain::ids::{NodeId, Sku};
use lakeside_kit::{
    door::{answer, message},
    dynamo::StoreError,
};

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 100;

/// What there is of a SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkuStock {
    /// What may still be promised, once that is known.
    pub available: Option<u64>,
    /// What each node has.
    pub nodes: BTreeMap<NodeId, u64>,
}

/// A part of what a node has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// SKUs in their order, each with its units.
    pub stock: Vec<(Sku, u64)>,
    /// Whether there is more behind them.
    pub more: bool,
}

/// The view's table.
pub trait StockView {
    /// What is known of a SKU.
    async fn of_sku(&self, sku: &Sku) -> Result<SkuStock, StoreError>;
    /// The first `limit` SKUs behind `after` that are known at a node.
    async fn at_node(&self, node: &NodeId, after: Option<&Sku>, limit: usize) -> Result<Page, StoreError>;
}

/// Handles one request.
///
/// # Errors
/// [`StoreError`] if the view cannot be read; the client gets a 502 without details.
pub async fn handle(
    view: &impl StockView,
    request: ApiGatewayProxyRequest,
) -> Result<ApiGatewayProxyResponse, StoreError> {
    let path = |name: &str| request.path_parameters.get(name);
    if let Some(node) = path("node") {
        return match (NodeId::parse(node), page(&request)) {
            (Err(_), _) => Ok(not_found()),
            (_, Err(refusal)) => Ok(message(400, refusal)),
            (Ok(node), Ok((after, limit))) => of_store(view, node, after.as_ref(), limit).await,
        };
    }
    match path("sku").and_then(|sku| Sku::parse(sku).ok()) {
        Some(sku) => of_sku(view, sku).await,
        None => Ok(not_found()),
    }
}

/// Behind which SKU a page begins, and how many it has.
fn page(request: &ApiGatewayProxyRequest) -> Result<(Option<Sku>, usize), &'static str> {
    let asked = &request.query_string_parameters;
    let after = asked.first("after").map(Sku::parse).transpose().map_err(|_| "after must be a SKU")?;
    let limit = asked.first("limit").map_or(Ok(PAGE), str::parse);
    let limit = limit.ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
    Ok((after, limit.ok_or("limit must be from 1 to 100")?))
}

async fn of_sku(view: &impl StockView, sku: Sku) -> Result<ApiGatewayProxyResponse, StoreError> {
    let SkuStock { available, nodes } = view.of_sku(&sku).await?;
    let Some(available) = available else { return Ok(not_found()) };
    let nodes = nodes.into_iter().map(|(node, on_hand)| NodeUnits { node, on_hand }).collect();
    Ok(answer(200, &StockOfSku { sku, available, nodes }))
}

async fn of_store(
    view: &impl StockView,
    node: NodeId,
    after: Option<&Sku>,
    limit: usize,
) -> Result<ApiGatewayProxyResponse, StoreError> {
    let Page { stock, more } = view.at_node(&node, after, limit).await?;
    let next = stock.last().filter(|_| more).map(|(sku, _)| sku.clone());
    let stock = stock.into_iter().map(|(sku, on_hand)| SkuUnits { sku, on_hand }).collect();
    Ok(answer(200, &StockOfStore { node, stock, next }))
}

fn not_found() -> ApiGatewayProxyResponse {
    message(404, "stock not found")
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::encodings::Body;
    use lakeside_domain::level::Level;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        memory::store_stock::MemoryStoreStock,
        project_store_stock::{Recorded, StockCount},
    };

    fn stocked() -> MemoryStoreStock {
        let view = MemoryStoreStock::default();
        let counts = [
            ("A", None, 9),
            ("A", Some("wh-east"), 4),
            ("A", Some("store-1"), 5),
            ("B", Some("store-1"), 0),
            ("C", Some("store-1"), 7),
        ];
        for (sku, node, units) in counts {
            let sku = Sku::parse(sku).unwrap();
            let node = node.map(|node| NodeId::parse(node).unwrap());
            let count = StockCount { sku, node, level: Level { units, version: 1 } };
            assert_eq!(view.record(&count), Recorded::Yes);
        }
        view
    }

    async fn get(path: &Value, query: &Value) -> (i64, Value) {
        let multi: serde_json::Map<String, Value> =
            query.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        let request = json!({
            "httpMethod": "GET", "pathParameters": path, "queryStringParameters": query,
            "multiValueQueryStringParameters": multi, "requestContext": {"httpMethod": "GET"},
        });
        let response = handle(&stocked(), serde_json::from_value(request).unwrap()).await.unwrap();
        let Some(Body::Text(text)) = response.body else { panic!("a body") };
        (response.status_code, serde_json::from_str(&text).unwrap())
    }

    #[tokio::test]
    async fn a_sku_is_answered_with_what_is_available_and_what_each_node_has() {
        let nodes = json!([{"node": "store-1", "onHand": 5}, {"node": "wh-east", "onHand": 4}]);
        let body = json!({"sku": "A", "available": 9, "nodes": nodes});
        assert_eq!(get(&json!({"sku": "A"}), &json!({})).await, (200, body));
    }

    #[tokio::test]
    async fn a_sku_of_which_nothing_or_not_enough_is_known_is_not_found() {
        for sku in ["B", "D", "not a sku", ""] {
            let not_found = (404, json!({"message": "stock not found"}));
            assert_eq!(get(&json!({ "sku": sku }), &json!({})).await, not_found, "{sku}");
        }
    }

    #[tokio::test]
    async fn a_store_s_stock_comes_in_pages() {
        let path = json!({"node": "store-1"});
        let row = |sku: &str, units: u64| json!({"sku": sku, "onHand": units});
        let first = json!({"node": "store-1", "stock": [row("A", 5), row("B", 0)], "next": "B"});
        assert_eq!(get(&path, &json!({"limit": "2"})).await, (200, first));
        let second = json!({"node": "store-1", "stock": [row("C", 7)]});
        assert_eq!(get(&path, &json!({"limit": "2", "after": "B"})).await, (200, second));
        let all = json!({"node": "store-1", "stock": [row("A", 5), row("B", 0), row("C", 7)]});
        assert_eq!(get(&path, &json!({"limit": "3"})).await, (200, all.clone()));
        assert_eq!(get(&path, &json!({})).await, (200, all));
        let none = json!({"node": "store-2", "stock": []});
        assert_eq!(get(&json!({"node": "store-2"}), &json!({})).await, (200, none));
    }

    #[tokio::test]
    async fn a_page_that_makes_no_sense_is_refused() {
        let path = json!({"node": "store-1"});
        for limit in ["0", "101", "-1", "x", "", "99999999999999999999"] {
            let refusal = (400, json!({"message": "limit must be from 1 to 100"}));
            assert_eq!(get(&path, &json!({ "limit": limit })).await, refusal, "{limit}");
        }
        let refusal = (400, json!({"message": "after must be a SKU"}));
        assert_eq!(get(&path, &json!({"after": "not a sku"})).await, refusal);
        assert_eq!(get(&json!({"node": "NOT A NODE"}), &json!({})).await.0, 404);
    }
}
