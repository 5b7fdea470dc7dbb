//! The commands of the saga and their results, the command that changes stock, and the one that tells marketplaces of it.
//! Commands go to one receiver and may carry a task token; they never travel on a bus.

use lakeside_domain::{
    adjustment::Kind,
    ids::{
        AddressId, AdjustmentId, MarketplaceId, NodeId, OrderId, PaymentMethod, ReasonCode, ShipmentId, Sku,
        TrackingNumber,
    },
    money::Money,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    WireTime, bounds,
    events::{AdjustedLine, Line, Shipment},
    schema,
};

/// Where a command comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct CommandMetadata {
    /// The order's id.
    #[schemars(schema_with = "schema::uuid")]
    pub correlation_id: Uuid,
    /// The event that started the saga.
    #[schemars(schema_with = "schema::uuid")]
    pub causation_id: Uuid,
}

/// A command of the saga, told apart by its `command` field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command")]
pub enum Command {
    /// Hold all lines.
    ReserveStock(ReserveStock),
    /// Choose the nodes and sell what is held.
    AllocateStock(OrderCommand),
    /// Undo [`Command::AllocateStock`].
    ReleaseAllocation(OrderCommand),
    /// Undo [`Command::ReserveStock`].
    ReleaseStock(OrderCommand),
    /// Take the money.
    CapturePayment(CapturePayment),
    /// Undo [`Command::CapturePayment`].
    RefundPayment(RefundPayment),
    /// Buy the label of one parcel.
    CreateLabel(CreateLabel),
    /// Undo every [`Command::CreateLabel`] of the order.
    VoidLabels(OrderCommand),
}

impl Command {
    /// The `command` field.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReserveStock(_) => "ReserveStock",
            Self::AllocateStock(_) => "AllocateStock",
            Self::ReleaseAllocation(_) => "ReleaseAllocation",
            Self::ReleaseStock(_) => "ReleaseStock",
            Self::CapturePayment(_) => "CapturePayment",
            Self::RefundPayment(_) => "RefundPayment",
            Self::CreateLabel(_) => "CreateLabel",
            Self::VoidLabels(_) => "VoidLabels",
        }
    }

    /// About which order it is, and where it comes from.
    pub const fn origin(&self) -> (OrderId, CommandMetadata) {
        match self {
            Self::ReserveStock(command) => (command.order_id, command.metadata),
            Self::CapturePayment(command) => (command.order_id, command.metadata),
            Self::RefundPayment(command) => (command.order_id, command.metadata),
            Self::CreateLabel(command) => (command.order_id, command.metadata),
            Self::AllocateStock(command)
            | Self::ReleaseAllocation(command)
            | Self::ReleaseStock(command)
            | Self::VoidLabels(command) => (command.order_id, command.metadata),
        }
    }
}

/// Hold all lines of an order, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct ReserveStock {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// What to hold; each SKU once.
    #[schemars(length(min = 1, max = 20))]
    #[serde(deserialize_with = "bounds::lines")]
    pub lines: Vec<Line>,
    /// Answered with [`ReserveStockResult`].
    #[schemars(schema_with = "schema::task_token")]
    #[serde(deserialize_with = "bounds::task_token")]
    pub task_token: String,
    /// Where it comes from.
    pub metadata: CommandMetadata,
}

/// A command that needs nothing but the order's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct OrderCommand {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// Where it comes from.
    pub metadata: CommandMetadata,
}

/// Capture the order's total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct CapturePayment {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// How much.
    #[schemars(schema_with = "schema::money")]
    #[serde(deserialize_with = "bounds::amount")]
    pub amount: Money,
    /// The processor's handle of the payment method.
    #[schemars(schema_with = "schema::payment_method")]
    pub payment_method: PaymentMethod,
    /// Answered with [`CapturePaymentResult`].
    #[schemars(schema_with = "schema::task_token")]
    #[serde(deserialize_with = "bounds::task_token")]
    pub task_token: String,
    /// Where it comes from.
    pub metadata: CommandMetadata,
}

/// Give back whatever was captured, and see that nothing can be captured any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct RefundPayment {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// The order's total.
    #[schemars(schema_with = "schema::money")]
    #[serde(deserialize_with = "bounds::amount")]
    pub amount: Money,
    /// Answered with [`RefundPaymentResult`].
    #[schemars(schema_with = "schema::task_token")]
    #[serde(deserialize_with = "bounds::task_token")]
    pub task_token: String,
    /// Where it comes from.
    pub metadata: CommandMetadata,
}

/// Buy the label of one parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct CreateLabel {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// The parcel.
    pub shipment: Shipment,
    /// The directory's id of the address.
    #[schemars(schema_with = "schema::address_id")]
    pub shipping_address_id: AddressId,
    /// Where it comes from.
    pub metadata: CommandMetadata,
}

macro_rules! result {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $({ $($(#[$field_attribute:meta])* $field:ident: $type:ty),+ $(,)? })?),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
        pub enum $name {
            $($(#[$variant_doc])* $variant $({ $($(#[$field_attribute])* $field: $type),+ })?),+
        }
    };
}

result! {
    /// What came of [`ReserveStock`].
    ReserveStockResult {
        /// All lines are held.
        Reserved {
            /// Until when.
            expires_at: WireTime
        },
        /// Nothing is held.
        Refused {
            /// Why.
            reason: ReasonCode
        },
    }
}

result! {
    /// What came of [`Command::AllocateStock`].
    AllocateStockResult {
        /// The parcels.
        Allocated {
            /// One per node.
            shipments: Vec<Shipment>
        },
        /// Nothing is allocated.
        Refused {
            /// Why.
            reason: ReasonCode
        },
    }
}

result! {
    /// What came of [`Command::ReleaseAllocation`] and [`Command::ReleaseStock`].
    ReleaseResult {
        /// There is nothing left to release.
        Released,
    }
}

/// What came of the saga's request for an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApprovalResult {
    /// Somebody said yes.
    Approved,
    /// Somebody said no.
    Denied,
    /// The customer cancelled the order before anybody decided.
    Cancelled,
}

result! {
    /// What came of [`CapturePayment`].
    CapturePaymentResult {
        /// The money is ours.
        Captured,
        /// The processor said no.
        Declined {
            /// Why.
            reason: ReasonCode
        },
        /// The customer cancelled the order before anything was charged.
        Cancelled,
    }
}

result! {
    /// What came of [`RefundPayment`].
    RefundPaymentResult {
        /// The money went back.
        Refunded,
        /// No money had moved, and none can.
        NothingToRefund,
    }
}

result! {
    /// What came of [`CreateLabel`].
    CreateLabelResult {
        /// Bought.
        Labelled {
            /// The parcel.
            shipment_id: ShipmentId,
            /// The carrier's number.
            tracking_number: TrackingNumber,
        },
        /// The carrier does not take it.
        Refused {
            /// Why.
            reason: ReasonCode
        },
        /// The customer cancelled the order before it was bought.
        Cancelled,
    }
}

result! {
    /// What came of [`Command::VoidLabels`].
    VoidLabelsResult {
        /// No label of the order is left.
        Voided,
    }
}

/// Ids of the events that end a saga, derived before it starts so that they are the same however often it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct TerminalEventIds {
    /// Of `FulfilmentCompleted`.
    #[schemars(schema_with = "schema::uuid")]
    pub completed: Uuid,
    /// Of `FulfilmentFailed`.
    #[schemars(schema_with = "schema::uuid")]
    pub failed: Uuid,
    /// Of `FulfilmentParked`.
    #[schemars(schema_with = "schema::uuid")]
    pub parked: Uuid,
}

/// How an execution of the saga begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SagaMode {
    /// Undo whatever another execution left behind.
    Compensate,
}

/// The input of the saga's execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct FulfilOrder {
    /// The order.
    #[schemars(schema_with = "schema::order_id")]
    pub order_id: OrderId,
    /// What was ordered.
    #[schemars(length(min = 1, max = 20))]
    #[serde(deserialize_with = "bounds::lines")]
    pub lines: Vec<Line>,
    /// The sum of the lines.
    #[schemars(schema_with = "schema::money")]
    #[serde(deserialize_with = "bounds::amount")]
    pub total: Money,
    /// The processor's handle of the payment method.
    #[schemars(schema_with = "schema::payment_method")]
    pub payment_method: PaymentMethod,
    /// The directory's id of the address.
    #[schemars(schema_with = "schema::address_id")]
    pub shipping_address_id: AddressId,
    /// Whether a person must approve it before it is paid.
    pub requires_approval: bool,
    /// Where it comes from.
    pub metadata: CommandMetadata,
    /// Of the events that end it.
    pub event_ids: TerminalEventIds,
    /// Absent when the order is to be fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SagaMode")]
    pub mode: Option<SagaMode>,
}

/// Its own name, in the field `command`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdjustStockName {
    /// The one there is.
    #[default]
    AdjustStock,
}

/// Change what lies at a node, and with it what may be promised: all lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AdjustStock {
    /// `AdjustStock`.
    pub command: AdjustStockName,
    /// Chosen by whoever asks; the same id again is the same change.
    #[schemars(schema_with = "schema::order_id")]
    pub adjustment_id: AdjustmentId,
    /// Why.
    #[schemars(schema_with = "schema::adjustment_kind")]
    pub kind: Kind,
    /// Where.
    #[schemars(schema_with = "schema::node")]
    pub node: NodeId,
    /// What; each SKU once.
    #[schemars(length(min = 1, max = 20))]
    #[serde(deserialize_with = "bounds::lines")]
    pub lines: Vec<AdjustedLine>,
}

/// Its own name, in the field `command`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublishStockName {
    /// The one there is.
    #[default]
    PublishStock,
}

/// Tell a marketplace how much may be promised of a SKU. The level with the highest version is the newest, whatever comes
/// last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct PublishStock {
    /// `PublishStock`.
    pub command: PublishStockName,
    /// Whom.
    #[schemars(schema_with = "schema::marketplace")]
    pub marketplace: MarketplaceId,
    /// What.
    #[schemars(schema_with = "schema::sku")]
    pub sku: Sku,
    /// Units that may still be promised.
    #[schemars(schema_with = "schema::stock")]
    #[serde(deserialize_with = "bounds::stock")]
    pub available: u64,
    /// The level's.
    #[schemars(schema_with = "schema::stock_version")]
    #[serde(deserialize_with = "bounds::stock_version")]
    pub version: u64,
    /// Where it comes from: the event that said so.
    pub metadata: CommandMetadata,
}
