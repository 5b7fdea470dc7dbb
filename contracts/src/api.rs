//! The bodies of the HTTP API.

use lakeside_domain::{
    ids::{AddressId, CustomerId, OrderId, PaymentMethod, ReasonCode, Sku},
    money::{Currency, Money},
    order::{Channel, MAX_LINES, Rejection, Submission},
    order_status::Status,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WireTime, bounds, schema};

/// The body of `PUT /orders/{orderId}`: references only, the order id is in the path and the customer in the token.
///
/// The fields are raw, so that a body that slipped past the door is refused with a reason rather than lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceOrder {
    /// Where the order comes from.
    #[schemars(schema_with = "schema::channel")]
    pub channel: String,
    /// What is ordered; each SKU once.
    #[schemars(length(min = 1, max = 20))]
    pub lines: Vec<PlaceOrderLine>,
    /// What the client believes it costs. Compared, never trusted.
    #[schemars(schema_with = "schema::money")]
    pub expected_total: ExpectedTotal,
    /// The processor's handle of the payment method.
    #[schemars(schema_with = "schema::payment_method")]
    pub payment_method: String,
    /// The directory's id of the address.
    #[schemars(schema_with = "schema::address_id")]
    pub shipping_address_id: String,
}

const _: () = assert!(MAX_LINES == 20, "the schema's bound on lines is the domain's");

/// One line of [`PlaceOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceOrderLine {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: String,
    /// How many.
    #[schemars(schema_with = "schema::quantity")]
    #[serde(deserialize_with = "bounds::whole")]
    pub quantity: i64,
}

/// An amount as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedTotal {
    /// Minor units.
    #[serde(deserialize_with = "bounds::whole")]
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
}

impl PlaceOrder {
    /// Checks every identifier of the body.
    ///
    /// # Errors
    /// [`Rejection::MalformedField`] with the first field that is not what it should be.
    pub fn into_submission(
        self,
        order_id: OrderId,
        customer_id: CustomerId,
    ) -> Result<Submission, Rejection> {
        let channel = match self.channel.as_str() {
            "web" => Channel::Web,
            "app" => Channel::App,
            _ => return Err(Rejection::MalformedField("channel")),
        };
        let lines = self
            .lines
            .into_iter()
            .map(|line| Ok((Sku::try_from(line.sku)?, line.quantity)))
            .collect::<Result<_, lakeside_domain::ids::IdError>>()
            .map_err(|_| Rejection::MalformedField("lines.sku"))?;
        let currency = Currency::from_code(&self.expected_total.currency)
            .ok_or(Rejection::MalformedField("expectedTotal.currency"))?;
        Ok(Submission {
            order_id,
            customer_id,
            channel,
            lines,
            expected_total: Money::new(self.expected_total.amount, currency),
            payment_method: PaymentMethod::try_from(self.payment_method)
                .map_err(|_| Rejection::MalformedField("paymentMethod"))?,
            shipping_address_id: AddressId::try_from(self.shipping_address_id)
                .map_err(|_| Rejection::MalformedField("shippingAddressId"))?,
        })
    }
}

/// The body of `GET /orders/{orderId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct OrderStatusView {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// Where it stands.
    #[schemars(schema_with = "status")]
    pub status: Status,
    /// Why, if it was rejected or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::reason")]
    pub reason: Option<ReasonCode>,
    /// What happened so far, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct TimelineEntry {
    /// The event's detail-type.
    #[schemars(schema_with = "schema::name")]
    pub event: String,
    /// When.
    pub occurred_at: WireTime,
}

/// The body of `GET /orders`: a part of the asker's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct OrderList {
    /// Newest first.
    #[schemars(length(max = 50))]
    pub orders: Vec<OrderSummary>,
    /// Where the next part begins, for the parameter `next`; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::cursor")]
    pub next: Option<String>,
}

/// One order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct OrderSummary {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// Where it stands.
    #[schemars(schema_with = "status")]
    pub status: Status,
    /// Why, if it was rejected or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::reason")]
    pub reason: Option<ReasonCode>,
    /// When it was placed.
    pub placed_at: WireTime,
}

fn status(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "enum": ["ACCEPTED", "CONFIRMED", "CANCELLED", "FULFILLED", "REJECTED"],
    })
}
