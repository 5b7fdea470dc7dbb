//! Schemas of the domain's value types, from the domain's own patterns and bounds.

use lakeside_domain::{
    adjustment::{Kind, Units},
    ids::{
        AddressId, CustomerId, MarketplaceId, NodeId, OrderId, PaymentMethod, ReasonCode, Sku, TrackingNumber,
    },
    notice::What,
    order::Channel,
    quantity::Quantity,
};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::bounds::{MAX_AMOUNT, MAX_STOCK, MAX_TOKEN};

/// A place in a list.
pub const CURSOR: &str = "^[0-9a-f]{64}$";

fn text(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern })
}

macro_rules! text_schemas {
    ($($function:ident => $id:ty),+ $(,)?) => {
        $(pub fn $function(_: &mut SchemaGenerator) -> Schema {
            text(<$id>::PATTERN)
        })+
    };
}

text_schemas! {
    address_id => AddressId,
    customer_id => CustomerId,
    marketplace => MarketplaceId,
    node => NodeId,
    order_id => OrderId,
    payment_method => PaymentMethod,
    reason => ReasonCode,
    sku => Sku,
    tracking_number => TrackingNumber,
}

pub fn uuid(_: &mut SchemaGenerator) -> Schema {
    text("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
}

pub fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": Quantity::MAX })
}

/// How many units there are.
pub fn stock(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": MAX_STOCK })
}

/// How often an item of stock was written: what is known under a higher number is newer.
pub fn stock_version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_AMOUNT })
}

/// A change of units. JSON Schema says `not 0` as two ranges.
pub fn units(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "anyOf": [
        { "minimum": 1, "maximum": Units::MAX },
        { "minimum": -Units::MAX, "maximum": -1 },
    ] })
}

/// Why stock changes.
pub fn adjustment_kind(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Kind::ALL.map(Kind::name) })
}

/// Minor units.
pub fn money(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": false,
        "required": ["amount", "currency"],
        "properties": {
            "amount": {
                "description": "Minor units.", "type": "integer", "minimum": 0, "maximum": MAX_AMOUNT,
            },
            "currency": { "description": "ISO 4217 code.", "type": "string", "pattern": "^[A-Z]{3}$" },
        },
    })
}

/// Loyalty points.
pub fn points(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_AMOUNT })
}

/// What a customer is told.
pub fn what(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": What::ALL.map(What::name) })
}

/// How a customer is told.
pub fn notice_channel(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["EMAIL", "SMS"] })
}

/// Where an order came from.
pub fn channel(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Channel::ALL.map(Channel::name) })
}

/// Where a client says that it is.
pub fn own_channel(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Channel::OWN.map(Channel::name) })
}

/// A name from the source code: an event's detail-type, a state of the saga.
pub fn name(_: &mut SchemaGenerator) -> Schema {
    text("^[A-Z][A-Za-z]{0,63}$")
}

/// What a client put into a URL, as a URL writes it.
pub fn url_encoded(_: &mut SchemaGenerator) -> Schema {
    text("^[A-Za-z0-9%.*_+-]+$")
}

/// A place in a list, which means nothing to whoever carries it.
pub fn cursor(_: &mut SchemaGenerator) -> Schema {
    text(CURSOR)
}

/// A task token as Step Functions issues it.
pub fn task_token(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_TOKEN })
}
