use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use lakeside_domain::{
    ids::{CustomerId, ReasonCode},
    order::OrderState,
};
use serde_json::json;

use super::*;

struct Table {
    record: RefCell<Option<OrderRecord>>,
    published: RefCell<Vec<String>>,
    /// Writes that another writer overtakes.
    overtaken: Cell<usize>,
}

impl Orders for Table {
    async fn load(&self, _: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        Ok(self.record.borrow().clone())
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        if self.overtaken.get() > 0 {
            self.overtaken.set(self.overtaken.get() - 1);
            return Ok(Saved::Stale);
        }
        let mut current = self.record.borrow_mut();
        assert_eq!(current.as_ref().map(|r| r.version + 1), Some(record.version));
        *current = Some(record.clone());
        self.published.borrow_mut().extend(outbox.iter().map(|e| e.detail_type.clone()));
        Ok(Saved::Yes)
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(43_200_000)
    }
}

const ORDER: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";

fn created() -> Table {
    let record = OrderRecord {
        order_id: OrderId::parse(ORDER).unwrap(),
        customer_id: CustomerId::parse("customer-1").unwrap(),
        fingerprint: String::new(),
        state: OrderState::Created,
        order: None,
        version: 1,
    };
    Table { record: RefCell::new(Some(record)), published: RefCell::default(), overtaken: Cell::new(0) }
}

fn message(source: &str, detail_type: &str, mut data: serde_json::Value) -> Message {
    data["orderId"] = ORDER.into();
    let body = json!({
        "id": "1", "source": source, "detail-type": detail_type,
        "detail": {
            "metadata": {
                "eventId": ORDER, "occurredAt": "2026-11-27T09:01:00.000Z", "correlationId": ORDER,
                "causationId": ORDER, "schemaVersion": 1,
            },
            "data": data,
        },
    });
    Message { id: detail_type.into(), body: body.to_string(), attributes: HashMap::new(), group: None }
}

fn captured() -> Message {
    message("lakeside.fulfilment", "PaymentCaptured", json!({"amount": {"amount": 1, "currency": "USD"}}))
}

fn completed() -> Message {
    message("lakeside.fulfilment", "FulfilmentCompleted", json!({}))
}

fn state(table: &Table) -> OrderState {
    table.record.borrow().as_ref().unwrap().state.clone()
}

#[tokio::test]
async fn facts_delivered_three_times_and_out_of_order_end_in_the_same_state_and_events() {
    for batch in [
        vec![captured(), completed()],
        vec![completed(), captured()],
        vec![completed(), captured(), completed(), captured(), captured()],
    ] {
        let table = created();
        assert!(handle(&table, &Noon, &batch).await.ids().is_empty());
        assert_eq!(state(&table), OrderState::Fulfilled);
        assert_eq!(*table.published.borrow(), ["OrderConfirmed", "OrderFulfilled"]);
    }
}

#[tokio::test]
async fn want_of_stock_rejects_the_order_once() {
    let table = created();
    let failed = json!({"reason": "OUT_OF_STOCK", "shortages": [{"sku": "TENT", "requested": 1}]});
    let batch = [
        message("lakeside.inventory", "StockReservationFailed", failed),
        message(
            "lakeside.fulfilment",
            "FulfilmentFailed",
            json!({"step": "ReserveStock", "reason": "OUT_OF_STOCK"}),
        ),
    ];
    assert!(handle(&table, &Noon, &batch).await.ids().is_empty());
    assert_eq!(state(&table), OrderState::Rejected { reason: ReasonCode::parse("OUT_OF_STOCK").unwrap() });
    assert_eq!(*table.published.borrow(), ["OrderRejected"]);
}

#[tokio::test]
async fn a_write_that_was_overtaken_is_decided_again() {
    let table = created();
    table.overtaken.set(ATTEMPTS - 1);
    assert!(handle(&table, &Noon, &[captured()]).await.ids().is_empty());
    table.overtaken.set(ATTEMPTS);
    assert_eq!(handle(&table, &Noon, &[completed()]).await.ids(), ["FulfilmentCompleted"]);
    assert_eq!(state(&table), OrderState::Confirmed);
}

#[tokio::test]
async fn what_is_no_fact_about_an_order_fails_alone() {
    let table = created();
    let forged = message("somebody.else", "FulfilmentCompleted", json!({}));
    let mut malformed = captured();
    malformed.body = malformed.body.replace("USD", "US DOLLARS");
    let batch = [forged, malformed, completed()];
    assert_eq!(handle(&table, &Noon, &batch).await.ids(), ["FulfilmentCompleted", "PaymentCaptured"]);
    assert_eq!(state(&table), OrderState::Fulfilled);

    table.record.replace(None);
    assert_eq!(handle(&table, &Noon, &[completed()]).await.ids(), ["FulfilmentCompleted"]);
}
