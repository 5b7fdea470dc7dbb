//! The committed files: a JSON Schema and an example for each event, command and body, the door's models, and events as
//! the schema registry takes them.

use lakeside_domain::{
    adjustment::{Kind, Units, UnitsError},
    events::EventId,
    ids::{
        AddressId, AdjustmentId, CustomerId, IdError, MarketplaceId, NodeId, OrderId, PaymentMethod,
        ReasonCode, ShipmentId, Sku, TrackingNumber,
    },
    loyalty::Points,
    money::{Currency, Money},
    notice::{self, What},
    order::Channel,
    order_status::Status,
    quantity::{Quantity, QuantityError},
    reservation,
    time::Timestamp,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    Domain, Event, EventData, Metadata, SCHEMA_VERSION, WireTime,
    announced::{Announced, AnnouncedError},
    api::{
        AcceptedName, CancellationAccepted, CancellationAcceptedName, ExpectedTotal, NodeUnits,
        OrderAccepted, OrderList, OrderStatusView, OrderSummary, PlaceOrder, PlaceOrderLine,
        PlacePartnerOrder, Problem, RecordSale, SaleAccepted, SkuUnits, StockOfSku, StockOfStore,
        TimelineEntry,
    },
    commands::{
        AdjustStock, AdjustStockName, CapturePayment, Command, CommandMetadata, CreateLabel, FulfilOrder,
        OrderCommand, PublishStock, PublishStockName, RefundPayment, ReserveStock, TerminalEventIds,
    },
    events::{
        AdjustedLine, CustomerNotified, FulfilmentCompleted, FulfilmentFailed, FulfilmentParked, Line,
        LoyaltyPointsAccrued, LoyaltyPointsReversed, MarketplaceStockPublished, NodeStockChanged,
        OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderCreated, OrderFulfilled,
        OrderRejected, PaymentCaptured, PaymentDeclined, PaymentRefunded, PricedLine, Shipment,
        ShipmentLabelled, Shortage, StockAdjusted, StockAdjustmentRefused, StockCommitted, StockLevelChanged,
        StockReleased, StockReservationFailed, StockReserved, WarehouseAllocated,
    },
    openapi, registry,
};

/// One committed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Relative to the folder `contracts/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A contract of which a document could not be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// An identifier in an example is malformed.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A quantity in an example is out of range.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// A change of units in an example is out of range.
    #[error(transparent)]
    Units(#[from] UnitsError),
    /// A type has no JSON form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// What is announced does not fit the contracts.
    #[error(transparent)]
    Announced(#[from] AnnouncedError),
    /// The description of the API names a body that has no contract.
    #[error("`{0}` is in the description of the API and has no contract")]
    NoContract(String),
    /// A schema is not an object.
    #[error("the schema of {0} is not an object")]
    NotAnObject(String),
}

/// Every file that belongs under `contracts/`.
///
/// # Errors
/// [`GenerateError`] if a type or an example cannot be written as JSON.
pub fn documents() -> Result<Vec<Document>, GenerateError> {
    let mut documents = Vec::new();
    events(&mut documents)?;
    commands(&mut documents)?;
    api(&mut documents)?;
    Announced::committed()?.withhold(&mut documents)?;
    documents.extend(registered(&documents)?);
    let description = openapi::description(&documents)?;
    documents.push(document(openapi::PATH, &description)?);
    Ok(documents)
}

/// Where the schema of event type `T` is, relative to `contracts/`.
pub fn event_schema_path(domain: &str, detail_type: &str) -> String {
    format!("events/{domain}/{}/v1.schema.json", kebab(detail_type))
}

fn events(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let order_id = order_id();
    let reason = |code| ReasonCode::parse(code);
    event(
        out,
        &OrderCreated {
            order_id,
            customer_id: CustomerId::parse("1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10")?,
            channel: Channel::Web,
            lines: vec![
                PricedLine {
                    sku: Sku::parse("TENT-2P")?,
                    quantity: Quantity::new(1)?,
                    unit_price: usd(24_900),
                },
                PricedLine {
                    sku: Sku::parse("STOVE-GAS")?,
                    quantity: Quantity::new(2)?,
                    unit_price: usd(5_950),
                },
            ],
            total: usd(36_800),
            payment_method: PaymentMethod::parse("pm_1Q2w3E4r")?,
            shipping_address_id: AddressId::parse("addr_7x8y9z")?,
        },
    )?;
    event(
        out,
        &OrderRejected {
            order_id,
            customer_id: CustomerId::parse("1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10")?,
            reason: reason("PRICE_MISMATCH")?,
        },
    )?;
    event(out, &OrderConfirmed { order_id })?;
    event(out, &OrderFulfilled { order_id })?;
    event(out, &OrderCancelled { order_id, reason: reason("PAYMENT_DECLINED")? })?;
    event(out, &OrderCancellationRequested { order_id, total: usd(36_800) })?;
    event(out, &StockReserved { order_id, lines: lines()?, expires_at: at(10_800) })?;
    event(
        out,
        &StockReservationFailed {
            order_id,
            reason: reason(reservation::OUT_OF_STOCK)?,
            shortages: vec![Shortage { sku: Sku::parse("TENT-2P")?, requested: Quantity::new(1)? }],
        },
    )?;
    event(out, &StockReleased { order_id, lines: lines()? })?;
    event(out, &StockCommitted { order_id, lines: lines()? })?;
    event(out, &WarehouseAllocated { order_id, shipments: vec![shipment()?] })?;
    event(out, &PaymentCaptured { order_id, amount: usd(36_800) })?;
    event(out, &PaymentDeclined { order_id, reason: reason("CARD_DECLINED")? })?;
    event(out, &PaymentRefunded { order_id, amount: usd(36_800) })?;
    event(
        out,
        &ShipmentLabelled {
            order_id,
            shipment_id: shipment()?.shipment_id,
            tracking_number: TrackingNumber::parse("LS000000001")?,
        },
    )?;
    event(out, &FulfilmentCompleted { order_id })?;
    event(
        out,
        &FulfilmentFailed { order_id, step: "CapturePayment".into(), reason: reason("PAYMENT_DECLINED")? },
    )?;
    event(
        out,
        &FulfilmentParked { order_id, step: "RefundPayment".into(), reason: reason("LABEL_REFUSED")? },
    )?;
    stock_events(out)?;
    growth_events(out)
}

fn stock_events(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let (sku, node) = (Sku::parse("TENT-2P")?, NodeId::parse("wh-east")?);
    event(out, &StockLevelChanged { sku: sku.clone(), available: 96, version: 412 })?;
    event(out, &NodeStockChanged { sku, node: node.clone(), on_hand: 40, version: 31 })?;
    let (adjustment_id, kind) = (adjustment_id(), Kind::Count);
    event(out, &StockAdjusted { adjustment_id, kind, node: node.clone(), lines: adjusted_lines()? })?;
    let reason = ReasonCode::parse("STOCK_PROMISED")?;
    event(out, &StockAdjustmentRefused { adjustment_id, kind, node, reason })
}

fn growth_events(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let order_id = order_id();
    let customer_id = CustomerId::parse("1c9d6f0e-6e2f-4f39-9a43-0c2a4f6f6d10")?;
    let points = Points::new(368);
    event(out, &LoyaltyPointsAccrued { order_id, customer_id: customer_id.clone(), points })?;
    event(out, &LoyaltyPointsReversed { order_id, customer_id, points })?;
    event(out, &CustomerNotified { order_id, what: What::Confirmed, channel: notice::Channel::Email })?;
    let (marketplace, sku) = (MarketplaceId::parse("alpine-market")?, Sku::parse("TENT-2P")?);
    event(out, &MarketplaceStockPublished { marketplace, sku, available: 96, version: 412 })
}

fn commands(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let order_id = order_id();
    let metadata = CommandMetadata { correlation_id: order_id.as_uuid(), causation_id: example_uuid(2) };
    let task_token = "AQCEAAAAKgAAAAMAAAAA".to_owned();
    let of_order = || OrderCommand { order_id, metadata };
    command::<ReserveStock>(
        out,
        &Command::ReserveStock(ReserveStock {
            order_id,
            lines: lines()?,
            task_token: task_token.clone(),
            metadata,
        }),
    )?;
    command::<OrderCommand>(out, &Command::AllocateStock(of_order()))?;
    command::<OrderCommand>(out, &Command::ReleaseAllocation(of_order()))?;
    command::<OrderCommand>(out, &Command::ReleaseStock(of_order()))?;
    command::<CapturePayment>(
        out,
        &Command::CapturePayment(CapturePayment {
            order_id,
            amount: usd(36_800),
            payment_method: PaymentMethod::parse("pm_1Q2w3E4r")?,
            task_token: task_token.clone(),
            metadata,
        }),
    )?;
    command::<RefundPayment>(
        out,
        &Command::RefundPayment(RefundPayment { order_id, amount: usd(36_800), task_token, metadata }),
    )?;
    command::<CreateLabel>(
        out,
        &Command::CreateLabel(CreateLabel {
            order_id,
            shipment: shipment()?,
            shipping_address_id: AddressId::parse("addr_7x8y9z")?,
            metadata,
        }),
    )?;
    command::<OrderCommand>(out, &Command::VoidLabels(of_order()))?;
    let adjust = AdjustStock {
        command: AdjustStockName::AdjustStock,
        adjustment_id: adjustment_id(),
        kind: Kind::Count,
        node: NodeId::parse("wh-east")?,
        lines: adjusted_lines()?,
    };
    contract(out, "commands/adjust-stock", &schema_of::<AdjustStock>("AdjustStock")?, &adjust)?;
    let publish = PublishStock {
        command: PublishStockName::PublishStock,
        marketplace: MarketplaceId::parse("alpine-market")?,
        sku: Sku::parse("TENT-2P")?,
        available: 96,
        version: 412,
        metadata,
    };
    contract(out, "commands/publish-stock", &schema_of::<PublishStock>("PublishStock")?, &publish)?;
    let input = FulfilOrder {
        order_id,
        lines: lines()?,
        total: usd(36_800),
        payment_method: PaymentMethod::parse("pm_1Q2w3E4r")?,
        shipping_address_id: AddressId::parse("addr_7x8y9z")?,
        requires_approval: false,
        metadata,
        event_ids: TerminalEventIds {
            completed: example_uuid(3),
            failed: example_uuid(4),
            parked: example_uuid(5),
        },
        mode: None,
    };
    let schema = schema_of::<FulfilOrder>("FulfilOrder")?;
    contract(out, "commands/fulfil-order", &schema, &input)
}

fn api(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let body = PlaceOrder {
        channel: "web".into(),
        lines: vec![
            PlaceOrderLine { sku: "TENT-2P".into(), quantity: 1 },
            PlaceOrderLine { sku: "STOVE-GAS".into(), quantity: 2 },
        ],
        expected_total: ExpectedTotal { amount: 36_800, currency: "USD".into() },
        payment_method: "pm_1Q2w3E4r".into(),
        shipping_address_id: "addr_7x8y9z".into(),
    };
    body_of(out, "place-order", "PlaceOrder", &body)?;
    let PlaceOrder { lines, expected_total, payment_method, shipping_address_id, channel: _ } = body;
    let body = PlacePartnerOrder { lines, expected_total, payment_method, shipping_address_id };
    body_of(out, "place-partner-order", "PlacePartnerOrder", &body)?;
    let sale = RecordSale { lines: vec![PlaceOrderLine { sku: "TENT-2P".into(), quantity: 1 }] };
    body_of(out, "record-sale", "RecordSale", &sale)?;

    let view = OrderStatusView {
        order_id: order_id(),
        status: Status::Accepted,
        reason: None,
        timeline: vec![TimelineEntry { event: "OrderCreated".into(), occurred_at: at(0) }],
    };
    contract(out, "api/order-status", &schema_of::<OrderStatusView>("OrderStatusView")?, &view)?;
    let list = OrderList {
        orders: vec![OrderSummary {
            order_id: order_id(),
            status: Status::Cancelled,
            reason: Some(ReasonCode::parse("PAYMENT_DECLINED")?),
            placed_at: at(0),
        }],
        next: Some("7e57d0042b974e7ab45f5387367791010000001a21c4a0e0a1b2c3d4e5f60718".into()),
    };
    contract(out, "api/order-list", &schema_of::<OrderList>("OrderList")?, &list)?;
    stock_api(out)
}

fn stock_api(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let (sku, node) = (Sku::parse("TENT-2P")?, NodeId::parse("store-104")?);
    let nodes = vec![
        NodeUnits { node: node.clone(), on_hand: 4 },
        NodeUnits { node: NodeId::parse("wh-east")?, on_hand: 94 },
    ];
    let of_sku = StockOfSku { sku: sku.clone(), available: 96, nodes };
    contract(out, "api/stock-of-sku", &schema_of::<StockOfSku>("StockOfSku")?, &of_sku)?;
    let stock = vec![
        SkuUnits { sku: Sku::parse("STOVE-GAS")?, on_hand: 12 },
        SkuUnits { sku: sku.clone(), on_hand: 4 },
    ];
    let of_store = StockOfStore { node, stock, next: Some(sku) };
    contract(out, "api/stock-of-store", &schema_of::<StockOfStore>("StockOfStore")?, &of_store)?;
    door_answers(out)
}

/// What the door answers by itself, without any function behind it.
fn door_answers(out: &mut Vec<Document>) -> Result<(), GenerateError> {
    let id = order_id().to_string();
    let order = OrderAccepted { order_id: id.clone(), status: AcceptedName::Accepted };
    contract(out, "api/order-accepted", &schema_of::<OrderAccepted>("OrderAccepted")?, &order)?;
    let cancellation =
        CancellationAccepted { order_id: id, status: CancellationAcceptedName::CancellationRequested };
    let schema = schema_of::<CancellationAccepted>("CancellationAccepted")?;
    contract(out, "api/cancellation-accepted", &schema, &cancellation)?;
    let sale = SaleAccepted { sale_id: example_uuid(6).to_string(), status: AcceptedName::Accepted };
    contract(out, "api/sale-accepted", &schema_of::<SaleAccepted>("SaleAccepted")?, &sale)?;
    let problem = Problem {
        message: "Invalid request body".into(),
        detail: Some("[object has missing required properties ([\"lines\"])]".into()),
    };
    contract(out, "api/problem", &schema_of::<Problem>("Problem")?, &problem)
}

/// A body that the door checks: its contract, and the same as a model of API Gateway.
fn body_of<T: JsonSchema + Serialize>(
    out: &mut Vec<Document>,
    name: &str,
    title: &str,
    example: &T,
) -> Result<(), GenerateError> {
    let mut schema = schema_of::<T>(title)?;
    contract(out, &format!("api/{name}"), &schema, example)?;
    draft_04(&mut schema);
    schema.insert("$schema".into(), "http://json-schema.org/draft-04/schema#".into());
    out.push(document(&format!("api/{name}.model.json"), &Value::Object(schema))?);
    Ok(())
}

fn event<T: EventData>(out: &mut Vec<Document>, data: &T) -> Result<(), GenerateError> {
    let metadata = Metadata {
        event_id: EventId::derive(T::DOMAIN.source(), &order_id().to_string(), T::DETAIL_TYPE, 1),
        occurred_at: at(0),
        correlation_id: order_id().as_uuid(),
        causation_id: example_uuid(2),
        schema_version: SCHEMA_VERSION,
    };
    let mut schema = schema_of::<Event<T>>(T::DETAIL_TYPE)?;
    // Of the whole: what happened, and not that it is a `detail`.
    if let Some(says) = schema_of::<T>(T::DETAIL_TYPE)?.remove("description") {
        schema.insert("description".into(), says);
    }
    let folder = format!("events/{}/{}", T::DOMAIN, kebab(T::DETAIL_TYPE));
    contract(out, &folder, &schema, &Event { metadata, data })
}

/// Every event as the schema registry takes it, from its schema as it is after what is announced was taken out.
fn registered(documents: &[Document]) -> Result<Vec<Document>, GenerateError> {
    let mut registered = Vec::new();
    for domain in Domain::ALL {
        let folder = format!("events/{}/", domain.name());
        let schemas =
            documents.iter().filter(|d| d.path.starts_with(&folder) && d.path.ends_with(".schema.json"));
        for written in schemas {
            let mut schema: Map<String, Value> = serde_json::from_str(&written.text)?;
            let detail_type = schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
            draft_04(&mut schema);
            let path = format!("{}/{}.json", registry::FOLDER, registry::name(domain, &detail_type));
            registered.push(document(&path, &registry::document(domain, &detail_type, &schema))?);
        }
    }
    Ok(registered)
}

fn command<T: JsonSchema>(out: &mut Vec<Document>, example: &Command) -> Result<(), GenerateError> {
    let name = example.name();
    let mut schema = schema_of::<T>(name)?;
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("command".into(), json!({ "const": name }));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.insert(0, "command".into());
    }
    contract(out, &format!("commands/{}", kebab(name)), &schema, example)
}

fn contract(
    out: &mut Vec<Document>,
    folder: &str,
    schema: &Map<String, Value>,
    example: &impl Serialize,
) -> Result<(), GenerateError> {
    out.push(document(&format!("{folder}/v1.schema.json"), schema)?);
    out.push(document(&format!("{folder}/examples/v1.json"), example)?);
    Ok(())
}

fn document(path: &str, value: &impl Serialize) -> Result<Document, GenerateError> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(Document { path: path.into(), text })
}

fn schema_of<T: JsonSchema>(title: &str) -> Result<Map<String, Value>, GenerateError> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let Value::Object(mut object) = schema.to_value() else {
        return Err(GenerateError::NotAnObject(title.into()));
    };
    object.insert("title".into(), title.into());
    Ok(object)
}

/// API Gateway models are draft 04, and OpenAPI 3.0 is not much more: no `format` for numbers, nothing newer. What is left
/// means the same.
fn draft_04(schema: &mut Map<String, Value>) {
    schema.remove("format");
    for value in schema.values_mut() {
        match value {
            Value::Object(object) => draft_04(object),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(draft_04),
            _ => {}
        }
    }
}

/// `OrderCreated` to `order-created`.
fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len().saturating_add(4));
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn order_id() -> OrderId {
    OrderId::from_uuid(example_uuid(1))
}

fn adjustment_id() -> AdjustmentId {
    AdjustmentId::from_uuid(example_uuid(6))
}

fn adjusted_lines() -> Result<Vec<AdjustedLine>, GenerateError> {
    Ok(vec![
        AdjustedLine { sku: Sku::parse("TENT-2P")?, units: Units::new(-2)? },
        AdjustedLine { sku: Sku::parse("STOVE-GAS")?, units: Units::new(5)? },
    ])
}

const fn example_uuid(n: u8) -> Uuid {
    Uuid::from_u128(0x7e57_d004_2b97_4e7a_b45f_5387_3677_9100 + n as u128)
}

const fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

const fn at(seconds: u32) -> WireTime {
    WireTime(Timestamp::from_millis(1_795_770_060_000).plus_seconds(seconds))
}

fn lines() -> Result<Vec<Line>, GenerateError> {
    Ok(vec![
        Line { sku: Sku::parse("TENT-2P")?, quantity: Quantity::new(1)? },
        Line { sku: Sku::parse("STOVE-GAS")?, quantity: Quantity::new(2)? },
    ])
}

fn shipment() -> Result<Shipment, GenerateError> {
    let node = NodeId::parse("wh-east")?;
    Ok(Shipment { shipment_id: ShipmentId::derive(order_id(), &node), node, lines: lines()? })
}
