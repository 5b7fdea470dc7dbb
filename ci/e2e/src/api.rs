//! The public door, as the clients of customers and partners see it.

use anyhow::Context;
use lakeside_cli::door::{Door, encoded};
use lakeside_contracts::api::{
    ExpectedTotal, OrderStatusView, PlaceOrder, PlaceOrderLine, PlacePartnerOrder,
};
use reqwest::{Client, Method, StatusCode, header::AUTHORIZATION};
use serde_json::Value;
use uuid::Uuid;

use crate::{customer::Customer, stock::Goods};

pub use lakeside_cli::door::Reply;

/// The REST API at one address.
#[derive(Debug, Clone)]
pub struct Api(Door);

impl Api {
    /// The API at `url`.
    pub const fn new(http: Client, url: String) -> Self {
        Self(Door::new(http, url))
    }

    /// `PUT /orders/{order_id}` with `body` as it is. The id may be any text: it is encoded as one path segment.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn put(&self, token: Option<&str>, order_id: &str, body: String) -> anyhow::Result<Reply> {
        self.send(Method::PUT, &["orders", order_id], &authorization(token), Some(body)).await
    }

    /// `GET /orders` with these parameters.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn list(&self, token: Option<&str>, parameters: &[(&str, &str)]) -> anyhow::Result<Reply> {
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        self.send_to(Method::GET, &format!("orders{query}"), &authorization(token), None).await
    }

    /// `PUT /orders/{order_id}/cancellation` with `body`, of which nothing is read, or without one.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn cancel(
        &self,
        token: Option<&str>,
        order_id: &str,
        body: Option<&str>,
    ) -> anyhow::Result<Reply> {
        let path = ["orders", order_id, "cancellation"];
        self.send(Method::PUT, &path, &authorization(token), body.map(str::to_owned)).await
    }

    /// `GET /orders/{order_id}`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, token: Option<&str>, order_id: &str) -> anyhow::Result<Reply> {
        self.send(Method::GET, &["orders", order_id], &authorization(token), None).await
    }

    /// `GET /stock/{sku}`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn stock(&self, token: Option<&str>, sku: &str) -> anyhow::Result<Reply> {
        self.send(Method::GET, &["stock", sku], &authorization(token), None).await
    }

    /// `GET /stores/{node}/stock`, with what asks for a page.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn store_stock(&self, token: Option<&str>, node: &str, page: &str) -> anyhow::Result<Reply> {
        self.send_to(
            Method::GET,
            &format!("stores/{}/stock{page}", encoded(node)),
            &authorization(token),
            None,
        )
        .await
    }

    /// `/partner/{what}/{id}`, with these headers as they are.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn partner(
        &self,
        method: Method,
        headers: &[(&str, &str)],
        (what, id): (&str, &str),
        body: Option<String>,
    ) -> anyhow::Result<Reply> {
        self.send(method, &["partner", what, id], headers, body).await
    }

    /// Submits `order` as `customer` and expects it to be accepted.
    ///
    /// # Errors
    /// If it is not.
    pub async fn submit(&self, customer: &Customer, order: &NewOrder) -> anyhow::Result<()> {
        let reply = self.put(Some(&customer.token), &order.id(), order.body()).await?;
        anyhow::ensure!(
            reply.status == StatusCode::ACCEPTED,
            "order {} was answered {}: {}",
            order.order_id,
            reply.status,
            reply.body
        );
        Ok(())
    }

    /// The order as its owner sees it; `None` as long as nothing is known of it.
    ///
    /// # Errors
    /// If the answer is neither an order nor 404.
    pub async fn view(&self, customer: &Customer, order_id: Uuid) -> anyhow::Result<Option<OrderStatusView>> {
        let reply = self.get(Some(&customer.token), &order_id.to_string()).await?;
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => serde_json::from_str(&reply.body)
                .map(Some)
                .with_context(|| format!("`{}` is no view of an order", reply.body)),
            other => anyhow::bail!("the view of order {order_id} was answered {other}: {}", reply.body),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Reply> {
        let path: Vec<String> = path.iter().map(|segment| encoded(segment)).collect();
        self.send_to(method, &path.join("/"), headers, body).await
    }

    async fn send_to(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Reply> {
        Ok(self.0.send(method, path, headers, body).await?)
    }
}

fn authorization(token: Option<&str>) -> Vec<(&'static str, &str)> {
    token.into_iter().map(|token| (AUTHORIZATION.as_str(), token)).collect()
}

/// An order that is about to be submitted.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Chosen by the client, at random.
    pub order_id: Uuid,
    /// The body.
    pub request: PlaceOrder,
}

impl NewOrder {
    /// An order of these units at the price we know, paid without trouble and shipped without trouble.
    pub fn of(lines: &[(&Goods, i64)]) -> Self {
        let amount = lines.iter().map(|(goods, units)| goods.price_minor.saturating_mul(*units)).sum();
        Self {
            order_id: Uuid::new_v4(),
            request: PlaceOrder {
                channel: "web".into(),
                lines: lines
                    .iter()
                    .map(|(goods, units)| PlaceOrderLine { sku: goods.sku.to_string(), quantity: *units })
                    .collect(),
                expected_total: ExpectedTotal { amount, currency: "USD".into() },
                payment_method: "pm_card_on_file".into(),
                shipping_address_id: "addr_home".into(),
            },
        }
    }

    /// The same, paid with the method of this handle.
    #[must_use]
    pub fn paid_with(mut self, payment_method: &str) -> Self {
        self.request.payment_method = payment_method.into();
        self
    }

    /// The same, shipped to the address of this handle.
    #[must_use]
    pub fn shipped_to(mut self, address_id: &str) -> Self {
        self.request.shipping_address_id = address_id.into();
        self
    }

    /// The order id as text.
    pub fn id(&self) -> String {
        self.order_id.to_string()
    }

    /// The total in minor units.
    pub const fn total_minor(&self) -> i64 {
        self.request.expected_total.amount
    }

    /// The body as JSON text.
    pub fn body(&self) -> String {
        serde_json::json!(self.request).to_string()
    }

    /// The body as a partner sends it.
    pub fn partner_body(&self) -> Value {
        let PlaceOrder { lines, expected_total, payment_method, shipping_address_id, channel: _ } =
            self.request.clone();
        serde_json::json!(PlacePartnerOrder { lines, expected_total, payment_method, shipping_address_id })
    }
}
