//! The bodies of the HTTP API.

use lakeside_domain::{
    ids::{AddressId, CustomerId, NodeId, OrderId, PaymentMethod, ReasonCode, Sku},
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
    #[schemars(schema_with = "schema::own_channel")]
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
        let Self { channel, lines, expected_total, payment_method, shipping_address_id } = self;
        let channel = Channel::OWN
            .into_iter()
            .find(|own| own.name() == channel)
            .ok_or(Rejection::MalformedField("channel"))?;
        PlacePartnerOrder { lines, expected_total, payment_method, shipping_address_id }.into_submission(
            order_id,
            customer_id,
            channel,
        )
    }
}

/// The body of `PUT /partner/orders/{orderId}`: as [`PlaceOrder`], but for the channel, which comes with the partner's
/// credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlacePartnerOrder {
    /// What is ordered; each SKU once.
    #[schemars(length(min = 1, max = 20))]
    pub lines: Vec<PlaceOrderLine>,
    /// What the partner believes it costs. Compared, never trusted.
    #[schemars(schema_with = "schema::money")]
    pub expected_total: ExpectedTotal,
    /// The processor's handle of the payment method.
    #[schemars(schema_with = "schema::payment_method")]
    pub payment_method: String,
    /// The directory's id of the address.
    #[schemars(schema_with = "schema::address_id")]
    pub shipping_address_id: String,
}

impl PlacePartnerOrder {
    /// Checks every identifier of the body.
    ///
    /// # Errors
    /// [`Rejection::MalformedField`] with the first field that is not what it should be.
    pub fn into_submission(
        self,
        order_id: OrderId,
        customer_id: CustomerId,
        channel: Channel,
    ) -> Result<Submission, Rejection> {
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

/// The body of `PUT /partner/sales/{saleId}`: what a store sold over its counter. The id of the sale is in the path, the
/// store comes from the partner's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordSale {
    /// What was sold; each SKU once.
    #[schemars(length(min = 1, max = 20))]
    pub lines: Vec<PlaceOrderLine>,
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

/// The body of `GET /stock/{sku}`: what was told of a SKU last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct StockOfSku {
    /// The SKU.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// Units that may still be promised.
    #[schemars(schema_with = "schema::stock")]
    pub available: u64,
    /// What each warehouse and store has that ever had any.
    pub nodes: Vec<NodeUnits>,
}

/// What a node has of the SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct NodeUnits {
    /// Where.
    #[schemars(schema_with = "schema::node")]
    pub node: NodeId,
    /// Units that are there and not set aside.
    #[schemars(schema_with = "schema::stock")]
    pub on_hand: u64,
}

/// The body of `GET /stores/{node}/stock`: a page of what a node has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct StockOfStore {
    /// Where.
    #[schemars(schema_with = "schema::node")]
    pub node: NodeId,
    /// What is there, by SKU.
    pub stock: Vec<SkuUnits>,
    /// What to ask for as `after` to get the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::sku")]
    pub next: Option<Sku>,
}

/// What the node has of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct SkuUnits {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// Units that are there and not set aside.
    #[schemars(schema_with = "schema::stock")]
    pub on_hand: u64,
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

/// Its own name, in the field `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AcceptedName {
    /// It waits to be looked at.
    Accepted,
}

/// The answer to an order that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct OrderAccepted {
    /// As it stands in the URL.
    #[schemars(schema_with = "schema::url_encoded")]
    pub order_id: String,
    /// `ACCEPTED`: what becomes of it is read under the same URL.
    pub status: AcceptedName,
}

/// The answer to a sale that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct SaleAccepted {
    /// As it stands in the URL.
    #[schemars(schema_with = "schema::url_encoded")]
    pub sale_id: String,
    /// `ACCEPTED`.
    pub status: AcceptedName,
}

/// Its own name, in the field `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancellationAcceptedName {
    /// It is wanted; whether it still can be is not decided yet.
    CancellationRequested,
}

/// The answer to a wish to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct CancellationAccepted {
    /// As it stands in the URL.
    #[schemars(schema_with = "schema::url_encoded")]
    pub order_id: String,
    /// `CANCELLATION_REQUESTED`: whether it could be done is read under the order's URL.
    pub status: CancellationAcceptedName,
}

/// The answer to what could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Problem {
    /// Why, in one sentence.
    #[schemars(length(min = 1))]
    pub message: String,
    /// What is wrong with the body, where that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub detail: Option<String>,
}

fn status(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "enum": ["ACCEPTED", "CONFIRMED", "CANCELLED", "FULFILLED", "REJECTED"],
    })
}
