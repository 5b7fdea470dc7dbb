//! The functions on an order's path. That all of a batch was handled is asserted, so that a refusal, which is cheap, is never
//! what was counted.

#![allow(
    clippy::missing_panics_doc,
    reason = "each panics if its batch was not handled, and counts nothing then"
)]

use std::{cell::RefCell, collections::HashMap, time::Duration};

use aws_lambda_events::event::dynamodb::EventRecord;
use lakeside_contracts::commands::{AllocateStockResult, Command, FulfilOrder};
use lakeside_domain::{
    ids::{NodeId, OrderId, Sku},
    money::{Currency, Money},
    payment::{Charge, Reversal},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_fulfilment::{
    capture_payment,
    executions::{Execution, ExecutionStatus, Executions, ExecutionsError, Started},
    memory::MemoryFulfilment,
    processor::{ChargeRequest, Processor, Standing},
    start_fulfilment,
};
use lakeside_inventory::{
    allocate,
    memory::{Counts, MemoryInventory},
    reserve_stock,
};
use lakeside_kit::{
    bus::{Bus, BusError},
    memory::{Answers, ManualClock, MemoryMetrics},
    outbox::Entry,
    outside::{OutsideError, Reply},
    publish_outbox::{self, Input, Output},
    runtime::Invocation,
    sqs::{Failures, Message},
};
use lakeside_orders::{
    advance_order,
    memory::{MemoryOrders, MemoryStatus},
    order_ingest, order_status,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    BATCH,
    deliveries::{commands, events, submissions},
    ready,
};

/// The tables and services of an order's path, and what waits in the queue of the function that is next.
#[derive(Default)]
pub struct Path {
    orders: MemoryOrders,
    status: MemoryStatus,
    inventory: MemoryInventory,
    fulfilment: MemoryFulfilment,
    clock: ManualClock,
    metrics: MemoryMetrics,
    saga: Saga,
    answers: Answers,
    waiting: Vec<Message>,
}

/// A state machine that starts everything.
#[derive(Default)]
struct Saga(RefCell<HashMap<String, String>>);

impl Executions for Saga {
    async fn start(&self, name: &str, input: &FulfilOrder) -> Result<Started, ExecutionsError> {
        let input = serde_json::to_string(input).unwrap_or_default();
        self.0.borrow_mut().insert(name.to_owned(), input);
        Ok(Started::Yes)
    }

    async fn describe(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        Ok(self.0.borrow().get(name).map(|input| Execution {
            input: input.clone(),
            status: ExecutionStatus::Running { redriven: false },
            error: None,
        }))
    }

    async fn entered(&self, _: &str, _: &str) -> Result<bool, ExecutionsError> {
        Ok(false)
    }
}

/// A processor that takes every payment.
struct Generous;

impl Processor for Generous {
    async fn charge(&self, _: &ChargeRequest, _: Duration) -> Result<Reply<Charge>, OutsideError> {
        Ok(Reply::Final(Charge::Captured))
    }

    async fn reverse(&self, _: OrderId, _: Duration) -> Result<Reply<Reversal>, OutsideError> {
        Ok(Reply::Underway)
    }

    async fn look_up(&self, _: OrderId, _: Duration) -> Result<Standing, OutsideError> {
        Ok(Standing::Absent)
    }
}

/// A bus that takes everything.
#[derive(Default)]
struct OpenBus(RefCell<usize>);

impl Bus for OpenBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<usize>, BusError> {
        *self.0.borrow_mut() += entries.len();
        Ok(Vec::new())
    }
}

fn all_handled(failures: &Failures) {
    assert!(failures.ids().is_empty(), "{:?} failed", failures.ids());
}

impl Path {
    /// Ten orders before `order-ingest`.
    pub fn to_order_ingest() -> Self {
        let path = Self { waiting: submissions(), ..Self::default() };
        for (sku, price) in [("TENT", 19_900), ("STOVE", 4_900)] {
            let Ok(sku) = Sku::parse(sku) else { continue };
            path.orders.prices.borrow_mut().insert(sku.clone(), Money::new(price, Currency::USD));
            path.inventory.put_pool(
                &sku,
                PoolId(0),
                Counts { available: 1000, held: 0, sold: 0, received: 1000 },
            );
            for node in ["wh-one", "wh-two", "store-one"] {
                let Ok(node) = NodeId::parse(node) else { continue };
                path.inventory.put_node(&sku, &node, 500);
            }
        }
        path
    }

    /// One invocation of `order-ingest`.
    #[must_use]
    pub fn order_ingest(self) -> Self {
        all_handled(&ready(order_ingest::handle(&self.orders, &self.clock, &self.metrics, &self.waiting)));
        self
    }

    fn ordered() -> Self {
        Self::to_order_ingest().order_ingest()
    }

    fn waiting_for(self, waiting: Vec<Message>) -> Self {
        assert_eq!(waiting.len(), usize::try_from(BATCH).unwrap_or_default(), "not what a batch has");
        Self { waiting, ..self }
    }

    fn created(&self) -> Vec<Message> {
        events(&self.orders.outboxes.entries(), "OrderCreated")
    }

    /// The events of ten orders before `reserve-stock`.
    pub fn to_reserve_stock() -> Self {
        let path = Self::ordered();
        let created = path.created();
        path.waiting_for(created)
    }

    /// One invocation of `reserve-stock`.
    #[must_use]
    pub fn reserve_stock(self) -> Self {
        let settings = reserve_stock::Settings { hold_seconds: 900 };
        let handled = reserve_stock::handle(
            &self.inventory,
            &self.answers,
            &self.clock,
            &self.metrics,
            settings,
            &self.waiting,
        );
        all_handled(&ready(handled));
        assert_eq!(self.inventory.outboxes.published(), vec!["StockReserved"; BATCH as usize]);
        self
    }

    /// The same events before `start-fulfilment`.
    pub fn to_start_fulfilment() -> Self {
        Self::to_reserve_stock()
    }

    /// One invocation of `start-fulfilment`.
    #[must_use]
    pub fn start_fulfilment(self) -> Self {
        let settings = start_fulfilment::Settings { approval_threshold: 100_000 };
        all_handled(&ready(start_fulfilment::handle(&self.saga, &self.fulfilment, settings, &self.waiting)));
        self
    }

    /// The same events before `order-status`.
    pub fn to_order_status() -> Self {
        Self::to_reserve_stock()
    }

    /// One invocation of `order-status`.
    #[must_use]
    pub fn order_status(self) -> Self {
        all_handled(&ready(order_status::handle(&self.status, &self.waiting)));
        self
    }

    /// What the saga asks of `capture-payment` for ten orders.
    pub fn to_capture_payment() -> Self {
        let path = Self::ordered();
        let asked = order_ids().map(|order_id| {
            json!({
                "command": "CapturePayment", "orderId": order_id, "taskToken": "AQCEAAAAKgAAAAMAAAAA",
                "amount": {"amount": 29_700, "currency": "USD"}, "paymentMethod": "pm_1",
                "metadata": {"correlationId": order_id, "causationId": order_id},
            })
        });
        path.waiting_for(commands(asked))
    }

    /// One invocation of `capture-payment`.
    #[must_use]
    pub fn capture_payment(self) -> Self {
        let invocation =
            Invocation { request_id: "request".into(), deadline: Timestamp::from_millis(20_000) };
        let handled = capture_payment::handle(
            &self.fulfilment,
            &Generous,
            &self.answers,
            &self.clock,
            &self.metrics,
            &invocation,
            &self.waiting,
        );
        all_handled(&ready(handled));
        assert_eq!(self.answers.given.borrow().len(), BATCH as usize);
        self
    }

    /// Ten orders with stock, before the saga calls `allocate`.
    pub fn to_allocate() -> Self {
        Self::to_reserve_stock().reserve_stock()
    }

    /// Ten calls of `allocate`.
    #[must_use]
    pub fn allocate(self) -> Self {
        for order_id in order_ids() {
            let command = json!({
                "command": "AllocateStock", "orderId": order_id,
                "metadata": {"correlationId": order_id, "causationId": order_id},
            });
            let answer = serde_json::from_value::<Command>(command)
                .ok()
                .and_then(|command| ready(allocate::handle(&self.inventory, &self.clock, command)).ok());
            assert!(matches!(answer, Some(AllocateStockResult::Allocated { .. })), "{answer:?}");
        }
        self
    }

    /// The payments of ten orders before `advance-order`.
    pub fn to_advance_order() -> Self {
        let path = Self::to_capture_payment().capture_payment();
        let captured = events(&path.fulfilment.outboxes.entries(), "PaymentCaptured");
        path.waiting_for(captured)
    }

    /// One invocation of `advance-order`.
    #[must_use]
    pub fn advance_order(self) -> Self {
        all_handled(&ready(advance_order::handle(&self.orders, &self.clock, &self.metrics, &self.waiting)));
        self
    }
}

/// A table's stream, and the bus that its events go to.
#[derive(Default)]
pub struct Stream {
    records: Vec<EventRecord>,
    bus: OpenBus,
    clock: ManualClock,
    metrics: MemoryMetrics,
    answer: Option<Output>,
}

impl Stream {
    /// Ten new orders before `publish-outbox`.
    pub fn to_publish_outbox() -> Self {
        let entries = Path::ordered().orders.outboxes.entries();
        Self { records: entries.iter().filter_map(record).collect(), ..Self::default() }
    }

    /// One invocation of `publish-outbox`.
    #[must_use]
    pub fn publish_outbox(mut self) -> Self {
        let input = Input::Stream { records: std::mem::take(&mut self.records) };
        self.answer = ready(publish_outbox::handle(&self.bus, &self.clock, &self.metrics, input)).ok();
        assert_eq!(*self.bus.0.borrow(), BATCH as usize);
        self
    }
}

fn order_ids() -> impl Iterator<Item = String> {
    (1..=BATCH).map(|number| Uuid::from_u128(number.into()).to_string())
}

fn record(entry: &Entry) -> Option<EventRecord> {
    let text = |text: &str| json!({ "S": text });
    let outbox: Value = json!([{"M": {
        "eventId": text(&entry.event_id.to_string()), "source": text(&entry.source),
        "detailType": text(&entry.detail_type), "detail": text(&entry.detail),
    }}]);
    let record = json!({
        "awsRegion": "us-east-1", "eventID": entry.event_id.to_string(), "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": entry.event_id.to_string(), "SizeBytes": 1,
            "NewImage": {"pk": text("ORDER#1"), "sk": text("ORDER"), "outbox": {"L": outbox}},
        },
    });
    serde_json::from_value(record).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each asserts in itself that its batch was handled.
    #[test]
    fn whatever_is_counted_does_its_work() {
        let orders = Path::to_advance_order().advance_order().orders;
        assert_eq!(orders.outboxes.published().iter().filter(|name| *name == "OrderConfirmed").count(), 10);
        assert_eq!(Path::to_start_fulfilment().start_fulfilment().saga.0.borrow().len(), 10);
        let _viewed = Path::to_order_status().order_status();
        let _allocated = Path::to_allocate().allocate();
        assert!(Stream::to_publish_outbox().publish_outbox().answer.is_some());
    }
}
