//! Every event on this platform's buses, by domain.

use lakeside_domain::{
    adjustment::{Kind, Units},
    ids::{
        AddressId, AdjustmentId, CustomerId, MarketplaceId, NodeId, OrderId, PaymentMethod, ReasonCode,
        ShipmentId, Sku, TrackingNumber,
    },
    loyalty::Points,
    money::Money,
    notice::{self, What},
    order::Channel,
    quantity::Quantity,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    WireTime, bounds,
    envelope::{Domain, EventData},
    schema,
};

macro_rules! event {
    (
        $domain:ident, $(#[$doc:meta])* $name:ident {
            $($(#[$field_attribute:meta])* $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        #[schemars(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type),+
        }

        impl EventData for $name {
            const DOMAIN: Domain = Domain::$domain;
            const DETAIL_TYPE: &'static str = stringify!($name);
        }
    };
}

/// A line with its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct PricedLine {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// How many.
    #[schemars(schema_with = "schema::quantity")]
    pub quantity: Quantity,
    /// The price of one unit.
    #[schemars(schema_with = "schema::money")]
    #[serde(deserialize_with = "bounds::amount")]
    pub unit_price: Money,
}

/// A line without its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Line {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// How many.
    #[schemars(schema_with = "schema::quantity")]
    pub quantity: Quantity,
}

/// A line there was not enough of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Shortage {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// How many were asked for.
    #[schemars(schema_with = "schema::quantity")]
    pub requested: Quantity,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Shipment {
    /// Its id.
    #[schemars(schema_with = "schema::uuid")]
    pub shipment_id: ShipmentId,
    /// Where it leaves from.
    #[schemars(schema_with = "schema::node")]
    pub node: NodeId,
    /// What is in it.
    #[schemars(length(min = 1))]
    #[serde(deserialize_with = "bounds::some")]
    pub lines: Vec<Line>,
}

/// What changed of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AdjustedLine {
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// By how much: units received, found (negative: missing), or sold.
    #[schemars(schema_with = "schema::units")]
    pub units: Units,
}

event! { Orders,
    /// An order was accepted and priced.
    OrderCreated {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Whose it is.
        #[schemars(schema_with = "schema::customer_id")]
        customer_id: CustomerId,
        /// Where it came from.
        #[schemars(schema_with = "schema::channel")]
        channel: Channel,
        /// What was ordered; each SKU once.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        lines: Vec<PricedLine>,
        /// The sum of the lines.
        #[schemars(schema_with = "schema::money")]
        #[serde(deserialize_with = "bounds::amount")]
        total: Money,
        /// The processor's handle of the payment method.
        #[schemars(schema_with = "schema::payment_method")]
        payment_method: PaymentMethod,
        /// The directory's id of the address.
        #[schemars(schema_with = "schema::address_id")]
        shipping_address_id: AddressId,
    }
}

event! { Orders,
    /// An order was refused, by a rule or for want of stock.
    OrderRejected {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Who asked.
        #[schemars(schema_with = "schema::customer_id")]
        customer_id: CustomerId,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Orders,
    /// An order was paid.
    OrderConfirmed {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
    }
}

event! { Orders,
    /// Every parcel of an order is labelled.
    OrderFulfilled {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
    }
}

event! { Orders,
    /// An accepted order was given up and undone.
    OrderCancelled {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Orders,
    /// The customer wants an accepted order cancelled. Whether it still can be is not decided yet.
    OrderCancellationRequested {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// What was to be paid.
        #[schemars(schema_with = "schema::money")]
        #[serde(deserialize_with = "bounds::amount")]
        total: Money,
    }
}

event! { Inventory,
    /// All lines of an order are held.
    StockReserved {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// What is held.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        lines: Vec<Line>,
        /// Until when.
        expires_at: WireTime,
    }
}

event! { Inventory,
    /// Nothing of an order is held, because not all of it was there.
    StockReservationFailed {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
        /// The lines there was not enough of.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        shortages: Vec<Shortage>,
    }
}

event! { Inventory,
    /// What was held for an order can be promised again.
    StockReleased {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// What went back.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        lines: Vec<Line>,
    }
}

event! { Inventory,
    /// What was held for an order is sold.
    StockCommitted {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// What is sold.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        lines: Vec<Line>,
    }
}

event! { Inventory,
    /// The nodes that an order leaves from are chosen.
    WarehouseAllocated {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// The parcels.
        #[schemars(length(min = 1))]
        #[serde(deserialize_with = "bounds::some")]
        shipments: Vec<Shipment>,
    }
}

event! { Inventory,
    /// What may still be promised of a SKU has changed. Said once for several changes that come close together; the one
    /// with the highest version is the newest, whatever comes last.
    StockLevelChanged {
        /// What.
        #[schemars(schema_with = "schema::sku")]
        sku: Sku,
        /// Units that may still be promised, over all pools.
        #[schemars(schema_with = "schema::stock")]
        #[serde(deserialize_with = "bounds::stock")]
        available: u64,
        /// Higher than that of every level before.
        #[schemars(schema_with = "schema::stock_version")]
        #[serde(deserialize_with = "bounds::stock_version")]
        version: u64,
    }
}

event! { Inventory,
    /// What lies at a node has changed. Newest as of [`StockLevelChanged`].
    NodeStockChanged {
        /// What.
        #[schemars(schema_with = "schema::sku")]
        sku: Sku,
        /// Where.
        #[schemars(schema_with = "schema::node")]
        node: NodeId,
        /// Units that are there and not set aside.
        #[schemars(schema_with = "schema::stock")]
        #[serde(deserialize_with = "bounds::stock")]
        on_hand: u64,
        /// Higher than that of every count of this SKU at this node before.
        #[schemars(schema_with = "schema::stock_version")]
        #[serde(deserialize_with = "bounds::stock_version")]
        version: u64,
    }
}

event! { Inventory,
    /// Stock changed, and no order was the reason.
    StockAdjusted {
        /// The change.
        #[schemars(schema_with = "schema::uuid")]
        adjustment_id: AdjustmentId,
        /// Why.
        #[schemars(schema_with = "schema::adjustment_kind")]
        kind: Kind,
        /// Where.
        #[schemars(schema_with = "schema::node")]
        node: NodeId,
        /// What; each SKU once.
        #[schemars(length(min = 1, max = 20))]
        #[serde(deserialize_with = "bounds::lines")]
        lines: Vec<AdjustedLine>,
    }
}

event! { Inventory,
    /// Nothing of a change was made.
    StockAdjustmentRefused {
        /// The change.
        #[schemars(schema_with = "schema::uuid")]
        adjustment_id: AdjustmentId,
        /// Why it was asked for.
        #[schemars(schema_with = "schema::adjustment_kind")]
        kind: Kind,
        /// Where.
        #[schemars(schema_with = "schema::node")]
        node: NodeId,
        /// Why it was refused.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Fulfilment,
    /// The order's total was captured.
    PaymentCaptured {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// How much.
        #[schemars(schema_with = "schema::money")]
        #[serde(deserialize_with = "bounds::amount")]
        amount: Money,
    }
}

event! { Fulfilment,
    /// The processor refused the payment.
    PaymentDeclined {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Fulfilment,
    /// The order's total was given back.
    PaymentRefunded {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// How much.
        #[schemars(schema_with = "schema::money")]
        #[serde(deserialize_with = "bounds::amount")]
        amount: Money,
    }
}

event! { Fulfilment,
    /// A parcel has its label.
    ShipmentLabelled {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// The parcel.
        #[schemars(schema_with = "schema::uuid")]
        shipment_id: ShipmentId,
        /// The carrier's number.
        #[schemars(schema_with = "schema::tracking_number")]
        tracking_number: TrackingNumber,
    }
}

event! { Fulfilment,
    /// The saga reached its end.
    FulfilmentCompleted {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
    }
}

event! { Fulfilment,
    /// The saga gave up and undid what it had done.
    FulfilmentFailed {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// The step that failed.
        #[schemars(schema_with = "schema::name")]
        #[serde(deserialize_with = "bounds::name")]
        step: String,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Fulfilment,
    /// The saga could not undo what it had done; a person must look.
    FulfilmentParked {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// The step that failed.
        #[schemars(schema_with = "schema::name")]
        #[serde(deserialize_with = "bounds::name")]
        step: String,
        /// Why.
        #[schemars(schema_with = "schema::reason")]
        reason: ReasonCode,
    }
}

event! { Growth,
    /// An account got the points of an order.
    LoyaltyPointsAccrued {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Whose account.
        #[schemars(schema_with = "schema::customer_id")]
        customer_id: CustomerId,
        /// How many.
        #[schemars(schema_with = "schema::points")]
        #[serde(deserialize_with = "bounds::points")]
        points: Points,
    }
}

event! { Growth,
    /// An account lost the points of an order again.
    LoyaltyPointsReversed {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// Whose account.
        #[schemars(schema_with = "schema::customer_id")]
        customer_id: CustomerId,
        /// How many.
        #[schemars(schema_with = "schema::points")]
        #[serde(deserialize_with = "bounds::points")]
        points: Points,
    }
}

event! { Growth,
    /// The customer was told what became of an order.
    CustomerNotified {
        /// The order.
        #[schemars(schema_with = "schema::order_id")]
        order_id: OrderId,
        /// What they were told.
        #[schemars(schema_with = "schema::what")]
        what: What,
        /// How they were told.
        #[schemars(schema_with = "schema::notice_channel")]
        channel: notice::Channel,
    }
}

event! { Growth,
    /// A marketplace shows how much may be promised of a SKU. Newest as of [`StockLevelChanged`].
    MarketplaceStockPublished {
        /// Which one.
        #[schemars(schema_with = "schema::marketplace")]
        marketplace: MarketplaceId,
        /// What.
        #[schemars(schema_with = "schema::sku")]
        sku: Sku,
        /// Units that may still be promised.
        #[schemars(schema_with = "schema::stock")]
        #[serde(deserialize_with = "bounds::stock")]
        available: u64,
        /// The level's.
        #[schemars(schema_with = "schema::stock_version")]
        #[serde(deserialize_with = "bounds::stock_version")]
        version: u64,
    }
}
