//! The carrier as a port. A shipment's id is the reference of its label and the idempotency key of its purchase.

use std::time::Duration;

use lakeside_contracts::events::Shipment;
use lakeside_domain::{
    ids::{AddressId, OrderId, ShipmentId},
    label::Purchase,
};

use crate::{
    address::Address,
    outside::{OutsideError, Reply},
};

/// The reason code of a parcel the carrier does not take and says no more.
pub const LABEL_REFUSED: &str = "LABEL_REFUSED";
/// The reason code of an address the carrier does not deliver to.
pub const UNDELIVERABLE: &str = "UNDELIVERABLE";

/// The purchase of a label. The same one for every attempt at a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequest {
    /// The order.
    pub order_id: OrderId,
    /// The parcel.
    pub shipment: Shipment,
    /// The directory's id of the address.
    pub ship_to: AddressId,
    /// The address itself.
    pub address: Address,
}

impl LabelRequest {
    /// The idempotency key.
    pub fn idempotency_key(&self) -> String {
        self.shipment.shipment_id.to_string()
    }
}

/// The idempotency key of a label's voiding.
pub fn void_key(shipment_id: ShipmentId) -> String {
    format!("{shipment_id}:void")
}

/// Where a label stands in the carrier's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It never heard of it.
    Absent,
    /// It is at it.
    Processing,
    /// Bought, or closed for good.
    Decided(Purchase),
}

/// The carrier. Each call is told how long it may take.
pub trait Carrier {
    /// Buys a label, once per idempotency key.
    async fn buy(&self, request: &LabelRequest, patience: Duration) -> Result<Reply<Purchase>, OutsideError>;

    /// Gives a label back, or sees to it that it is never bought. Either way the reference is closed.
    async fn void(&self, shipment_id: ShipmentId, patience: Duration) -> Result<(), OutsideError>;

    /// Looks a label up. Changes nothing.
    async fn look_up(&self, shipment_id: ShipmentId, patience: Duration) -> Result<Standing, OutsideError>;
}
