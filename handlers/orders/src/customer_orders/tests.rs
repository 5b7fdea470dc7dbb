use aws_lambda_events::encodings::Body;
use lakeside_domain::events::EventId;
use serde_json::{Value, json};

use super::*;
use crate::{
    memory::MemoryStatus,
    order_status::{Known, ViewFact},
};

fn order(n: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(n))
}

fn tell(view: &MemoryStatus, n: u128, customer: Option<&str>, event: &str, millis: i64) {
    view.record(&ViewFact {
        order_id: order(n),
        event_id: EventId::derive("test", &n.to_string(), event, 1),
        customer_id: customer.map(|id| CustomerId::parse(id).unwrap()),
        known: Known {
            event: event.into(),
            occurred_at: WireTime(Timestamp::from_millis(millis)),
            reason: None,
        },
    });
}

/// My orders 1 to `mine`, each placed later than the one before, and one of somebody else between each two.
fn view(mine: u128) -> MemoryStatus {
    let view = MemoryStatus::default();
    for n in 1..=mine {
        let millis = i64::try_from(n).unwrap() * 1_000;
        tell(&view, n, Some("me"), "OrderCreated", millis);
        tell(&view, 100 + n, Some("you"), "OrderCreated", millis + 500);
    }
    view
}

async fn get(view: &MemoryStatus, principal: Option<&str>, query: &Value) -> (i64, Value) {
    let request = json!({
        "httpMethod": "GET", "queryStringParameters": query,
        "requestContext": {"httpMethod": "GET", "authorizer": principal.map(|sub| json!({"claims": {"sub": sub}}))},
    });
    let response = handle(view, serde_json::from_value(request).unwrap()).await.unwrap();
    let Some(Body::Text(text)) = response.body else { panic!("a body") };
    (response.status_code, serde_json::from_str(&text).unwrap())
}

async fn mine(view: &MemoryStatus, query: Value) -> Value {
    let (status, body) = get(view, Some("me"), &query).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn ids(body: &Value) -> Vec<u128> {
    let orders = body["orders"].as_array().unwrap();
    orders
        .iter()
        .map(|order| Uuid::parse_str(order["orderId"].as_str().unwrap()).unwrap().as_u128())
        .collect()
}

#[tokio::test]
async fn a_customer_sees_all_of_their_orders_newest_first_page_by_page_and_no_others() {
    let view = view(5);
    let mut seen = Vec::new();
    let mut query = json!({"limit": "2"});
    loop {
        let body = mine(&view, query).await;
        seen.push(ids(&body));
        let Some(next) = body.get("next") else { break };
        query = json!({"limit": "2", "next": next});
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
    assert_eq!(ids(&mine(&view, Value::Null).await), [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_full_page_with_nothing_behind_it_is_the_last() {
    let body = mine(&view(2), json!({"limit": "2"})).await;
    assert_eq!((ids(&body), body.get("next")), (vec![2, 1], None));
    let body = mine(&MemoryStatus::default(), Value::Null).await;
    assert_eq!(body, json!({"orders": []}));
}

#[tokio::test]
async fn an_order_is_listed_with_its_status_once_its_customer_is_known() {
    let view = MemoryStatus::default();
    tell(&view, 1, None, "StockReserved", 2_000);
    tell(&view, 1, None, "OrderConfirmed", 3_000);
    assert_eq!(ids(&mine(&view, Value::Null).await), Vec::<u128>::new());
    tell(&view, 1, Some("me"), "OrderCreated", 1_000);
    let listed = json!({"orderId": order(1), "status": "CONFIRMED", "placedAt": "1970-01-01T00:00:01.000Z"});
    assert_eq!(mine(&view, Value::Null).await["orders"], json!([listed]));
}

#[tokio::test]
async fn an_order_was_placed_when_it_was_created_in_whatever_order_that_is_heard() {
    let facts = [("OrderCreated", 1_000), ("OrderRejected", 9_000)];
    for facts in [facts, [facts[1], facts[0]]] {
        let view = MemoryStatus::default();
        for (event, millis) in facts {
            tell(&view, 1, Some("me"), event, millis);
        }
        assert_eq!(mine(&view, Value::Null).await["orders"][0]["placedAt"], "1970-01-01T00:00:01.000Z");
    }
}

#[tokio::test]
async fn a_cursor_of_somebody_else_and_one_that_nobody_gave_are_refused() {
    let view = view(5);
    let next = mine(&view, json!({"limit": "1"})).await["next"].as_str().unwrap().to_owned();
    let theirs = get(&view, Some("you"), &json!({"limit": "1"})).await.1["next"].clone();
    let mut forged = next.clone();
    forged.replace_range(0..1, if next.starts_with('0') { "1" } else { "0" });
    for cursor in
        [theirs, json!(forged), json!(next.to_uppercase() + "A"), json!(""), json!("x"), json!(next + "00")]
    {
        let refused = json!({"message": "next must be what an earlier page said"});
        assert_eq!(get(&view, Some("me"), &json!({"next": cursor})).await, (400, refused), "{cursor}");
    }
}

#[tokio::test]
async fn a_page_has_one_to_fifty_orders() {
    let view = view(60);
    for (limit, orders) in [("1", 1), ("50", 50)] {
        assert_eq!(ids(&mine(&view, json!({"limit": limit})).await).len(), orders);
    }
    assert_eq!(ids(&mine(&view, Value::Null).await).len(), DEFAULT_LIMIT);
    for limit in ["0", "51", "-1", "1.5", "", "many", "99999999999999999999"] {
        let refused = json!({"message": "limit must be from 1 to 50"});
        assert_eq!(get(&view, Some("me"), &json!({"limit": limit})).await, (400, refused), "{limit}");
    }
}

#[tokio::test]
async fn nobody_has_no_orders() {
    for nobody in [None, Some("not a customer")] {
        assert_eq!(get(&view(1), nobody, &Value::Null).await.0, 400);
    }
}
