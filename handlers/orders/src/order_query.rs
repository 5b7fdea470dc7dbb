//! Answers `GET /orders/{orderId}` and `GET /partner/orders/{orderId}`.
//!
//! Consumes: requests from API Gateway, whose authorizer has checked the token, or the partner's credential.
//! Emits: nothing.
//! An order that does not exist, is not known yet, or belongs to somebody else is not found: the three cannot be
//! told apart from outside.

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use lakeside_contracts::{
    WireTime,
    api::{OrderStatusView, TimelineEntry},
};
use lakeside_domain::{
    ids::{CustomerId, OrderId},
    order_status::{KnownFact, status},
};
use lakeside_kit::{
    correlation,
    door::{answer, message, principal},
    dynamo::StoreError,
};

/// What is known about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose it is, once that is known.
    pub customer_id: Option<CustomerId>,
    /// The facts, in no order.
    pub facts: Vec<KnownFact>,
}

/// The view's table.
pub trait StatusView {
    /// What is known about an order, if anything.
    async fn load(&self, order_id: OrderId) -> Result<Option<View>, StoreError>;
}

/// Handles one request.
///
/// # Errors
/// [`StoreError`] if the view cannot be read; the client gets a 502 without details.
pub async fn handle(
    view: &impl StatusView,
    request: ApiGatewayProxyRequest,
) -> Result<ApiGatewayProxyResponse, StoreError> {
    let order_id = request.path_parameters.get("orderId").and_then(|id| OrderId::parse(id).ok());
    let (Some(principal), Some(order_id)) = (principal(&request), order_id) else { return Ok(not_found()) };
    correlation::found(order_id);
    let found = view.load(order_id).await?;
    tracing::info!(known = found.is_some(), "order asked for");
    Ok(found
        .filter(|view| view.customer_id.as_ref().is_some_and(|owner| owner.as_str() == principal))
        .and_then(|view| body(order_id, view.facts))
        .map_or_else(not_found, |body| answer(200, &body)))
}

fn body(order_id: OrderId, mut facts: Vec<KnownFact>) -> Option<OrderStatusView> {
    let (status, reason) = status(&facts)?;
    facts.sort_by(|a, b| (a.occurred_at, &a.event).cmp(&(b.occurred_at, &b.event)));
    let timeline = facts
        .into_iter()
        .map(|fact| TimelineEntry { event: fact.event, occurred_at: WireTime(fact.occurred_at) })
        .collect();
    Some(OrderStatusView { order_id, status, reason, timeline })
}

fn not_found() -> ApiGatewayProxyResponse {
    message(404, "order not found")
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::encodings::Body;
    use lakeside_domain::time::Timestamp;
    use serde_json::json;

    use super::*;

    const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

    struct Known(Option<View>);

    impl StatusView for Known {
        async fn load(&self, _: OrderId) -> Result<Option<View>, StoreError> {
            Ok(self.0.clone())
        }
    }

    fn view(owner: Option<&str>, events: &[(&str, i64)]) -> Known {
        let facts = events.iter().map(|(event, at)| KnownFact {
            event: (*event).into(),
            occurred_at: Timestamp::from_millis(*at),
            reason: None,
        });
        Known(Some(View {
            customer_id: owner.map(|o| CustomerId::parse(o).unwrap()),
            facts: facts.collect(),
        }))
    }

    async fn get(view: &Known, order_id: &str, principal: Option<&str>) -> (i64, serde_json::Value) {
        ask(view, order_id, principal.map(|sub| json!({"claims": {"sub": sub}}))).await
    }

    async fn ask(
        view: &Known,
        order_id: &str,
        authorizer: Option<serde_json::Value>,
    ) -> (i64, serde_json::Value) {
        let request = json!({
            "httpMethod": "GET", "pathParameters": {"orderId": order_id},
            "requestContext": {"httpMethod": "GET", "authorizer": authorizer},
        });
        let response = handle(view, serde_json::from_value(request).unwrap()).await.unwrap();
        let Some(Body::Text(text)) = response.body else { panic!("a body") };
        (response.status_code, serde_json::from_str(&text).unwrap())
    }

    #[tokio::test]
    async fn an_owner_sees_status_and_timeline_oldest_first() {
        let view = view(Some("me"), &[("OrderFulfilled", 9), ("OrderCreated", 1), ("StockReserved", 2)]);
        let (status, body) = get(&view, ORDER, Some("me")).await;
        assert_eq!(status, 200);
        assert_eq!(body["status"], "FULFILLED");
        let events: Vec<_> =
            body["timeline"].as_array().unwrap().iter().map(|e| e["event"].clone()).collect();
        assert_eq!(events, ["OrderCreated", "StockReserved", "OrderFulfilled"]);
    }

    #[tokio::test]
    async fn missing_unknown_and_foreign_orders_look_the_same() {
        let mine = view(Some("me"), &[("OrderCreated", 1)]);
        let nobody_s_yet = view(None, &[("StockReserved", 1)]);
        let answers = [
            get(&Known(None), ORDER, Some("me")).await,
            get(&mine, ORDER, Some("you")).await,
            get(&nobody_s_yet, ORDER, Some("me")).await,
            get(&mine, "42", Some("me")).await,
            get(&mine, ORDER, None).await,
        ];
        for answer in answers {
            assert_eq!(answer, (404, json!({"message": "order not found"})));
        }
    }

    #[tokio::test]
    async fn a_partner_sees_its_own_orders_and_no_others() {
        let view = view(Some("partner-acme"), &[("OrderCreated", 1)]);
        let partner = |id: &str| Some(json!({"principalId": id, "channel": "marketplace"}));
        assert_eq!(ask(&view, ORDER, partner("partner-acme")).await.0, 200);
        let not_theirs = [
            partner("partner-bolt"),
            partner("acme"),
            Some(json!({"channel": "marketplace"})),
            // A customer's claims say who they are, whatever else is there.
            Some(json!({"claims": {"sub": "me"}, "principalId": "partner-acme"})),
            Some(json!({"claims": {}, "principalId": "partner-acme"})),
        ];
        for authorizer in not_theirs {
            let answer = ask(&view, ORDER, authorizer).await;
            assert_eq!(answer, (404, json!({"message": "order not found"})));
        }
    }
}
