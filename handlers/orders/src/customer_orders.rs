//! Answers `GET /orders`: the orders of whoever asks, newest first, page by page.
//!
//! Consumes: requests from API Gateway, whose authorizer has checked the token.
//! Emits: nothing.
//! A page begins behind the order that its cursor names. The list is always the asker's own, so a cursor can only choose
//! where in it to begin; one that was given to somebody else is refused all the same. An order of which the orders
//! domain has not spoken yet is in nobody's list.

use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use lakeside_contracts::{
    WireTime,
    api::{OrderList, OrderSummary},
};
use lakeside_domain::{
    ids::{CustomerId, OrderId},
    order_status::{KnownFact, status},
    time::Timestamp,
};
use lakeside_kit::{
    door::{answer, message, principal},
    dynamo::StoreError,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Orders of one page at most.
pub const MAX_LIMIT: usize = 50;
const DEFAULT_LIMIT: usize = 20;
/// The bytes of a cursor's digest.
const SEAL: usize = 8;

/// A place in a customer's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When the order there was placed.
    pub placed_at: Timestamp,
    /// The order there.
    pub order_id: OrderId,
}

/// An order of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where in the list.
    pub position: Position,
    /// What is known of it, in no order.
    pub facts: Vec<KnownFact>,
}

/// A part of a customer's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub orders: Vec<Listed>,
    /// Behind which order there are more.
    pub next: Option<Position>,
}

/// The view's table.
pub trait CustomerView {
    /// The customer's orders behind `after`, or from the newest one, `limit` at most. A moment behind at times.
    async fn page(
        &self,
        customer_id: &CustomerId,
        limit: usize,
        after: Option<Position>,
    ) -> Result<Page, StoreError>;
}

/// Handles one request.
///
/// # Errors
/// [`StoreError`] if the view cannot be read; the client gets a 502 without details.
pub async fn handle(
    view: &impl CustomerView,
    request: ApiGatewayProxyRequest,
) -> Result<ApiGatewayProxyResponse, StoreError> {
    let Some(customer_id) = principal(&request).and_then(|sub| CustomerId::parse(sub).ok()) else {
        return Ok(message(400, "the token names no customer"));
    };
    let asked = |name| request.query_string_parameters.first(name);
    let Some(limit) = asked("limit").map_or(Some(DEFAULT_LIMIT), limit) else {
        return Ok(message(400, "limit must be from 1 to 50"));
    };
    let after = asked("next").map(|cursor| unsealed(&customer_id, cursor));
    if after == Some(None) {
        return Ok(message(400, "next must be what an earlier page said"));
    }
    let page = view.page(&customer_id, limit, after.flatten()).await?;
    let next = page.next.map(|position| sealed(&customer_id, position));
    Ok(answer(200, &OrderList { orders: page.orders.iter().filter_map(summary).collect(), next }))
}

fn limit(text: &str) -> Option<usize> {
    text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

fn summary(listed: &Listed) -> Option<OrderSummary> {
    let Position { placed_at, order_id } = listed.position;
    let (status, reason) = status(&listed.facts)?;
    Some(OrderSummary { order_id, status, reason, placed_at: WireTime(placed_at) })
}

/// A position as its customer gets it: in hex, with a digest of it and the customer.
fn sealed(customer_id: &CustomerId, position: Position) -> String {
    let place = place(position);
    let digest = Sha256::new().chain_update(&place).chain_update(customer_id.as_str()).finalize();
    hex::encode(place.into_iter().chain(digest.into_iter().take(SEAL)).collect::<Vec<u8>>())
}

/// The position that a cursor of the customer stands for.
fn unsealed(customer_id: &CustomerId, cursor: &str) -> Option<Position> {
    let bytes = hex::decode(cursor).ok()?;
    let (order_id, rest) = bytes.split_first_chunk()?;
    let (placed_at, _) = rest.split_first_chunk()?;
    let placed_at = Timestamp::from_millis(i64::from_be_bytes(*placed_at));
    let position = Position { placed_at, order_id: OrderId::from_uuid(Uuid::from_bytes(*order_id)) };
    (sealed(customer_id, position) == cursor).then_some(position)
}

fn place(position: Position) -> Vec<u8> {
    let Position { placed_at, order_id } = position;
    [&order_id.as_uuid().into_bytes()[..], &placed_at.as_millis().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
