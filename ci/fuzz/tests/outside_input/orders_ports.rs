//! The orders squad's tables, in memory.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use lakeside_domain::{
    ids::{AddressId, CustomerId, OrderId, PaymentMethod, Sku},
    money::{Currency, Money},
    order::{Catalogue, Channel, Order, OrderState},
    time::Timestamp,
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};
use lakeside_orders::{
    advance_order,
    cancel_order::Cancellations,
    order_ingest,
    order_record::{ConflictRecord, Creation, EarlyCancellation, OrderRecord, RefusedRecord, Saved},
    order_status::{StatusView, ViewFact},
};

/// The prices that make the committed example right.
pub fn catalogue() -> Catalogue {
    let price = |sku, amount| (Sku::parse(sku).unwrap(), Money::new(amount, Currency::USD));
    let most = Money::new(i64::MAX, Currency::USD);
    BTreeMap::from([price("TENT-2P", 24_900), price("STOVE-GAS", 5_950), (Sku::parse("MOST").unwrap(), most)])
}

#[derive(Default)]
pub struct OrdersTable {
    pub records: RefCell<HashMap<OrderId, OrderRecord>>,
    pub conflicts: RefCell<Vec<ConflictRecord>>,
    pub early: RefCell<Vec<EarlyCancellation>>,
    pub refused: RefCell<Vec<(String, RefusedRecord)>>,
    pub published: RefCell<Vec<Entry>>,
}

impl OrdersTable {
    /// A table in which these orders of `customer` were just accepted.
    pub fn with_orders(ids: &[&str]) -> Self {
        let table = Self::default();
        for id in ids {
            let order_id = OrderId::parse(id).unwrap();
            let order = Order {
                order_id,
                customer_id: CustomerId::parse("customer").unwrap(),
                channel: Channel::Web,
                lines: Vec::new(),
                total: Money::new(36_800, Currency::USD),
                payment_method: PaymentMethod::parse("pm_1").unwrap(),
                shipping_address_id: AddressId::parse("addr_1").unwrap(),
                placed_at: Timestamp::from_millis(0),
            };
            let record = OrderRecord {
                order_id,
                customer_id: CustomerId::parse("customer").unwrap(),
                fingerprint: String::new(),
                state: OrderState::Created,
                order: Some(order),
                cancellation_requested_at: None,
                parked_at: None,
                version: 1,
            };
            table.records.borrow_mut().insert(order_id, record);
        }
        table
    }
}

impl order_ingest::Orders for OrdersTable {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        Ok(catalogue().into_iter().filter(|(sku, _)| skus.contains(sku)).collect())
    }

    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError> {
        if let Some(first) = self.records.borrow().get(&record.order_id) {
            return Ok(Creation::Exists(Box::new(first.clone())));
        }
        self.records.borrow_mut().insert(record.order_id, record.clone());
        self.published.borrow_mut().extend_from_slice(outbox);
        Ok(Creation::Created)
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.conflicts.borrow_mut().push(conflict.clone());
        Ok(())
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.refused.borrow_mut().push((message_id.into(), refused.clone()));
        Ok(())
    }
}

impl advance_order::Orders for OrdersTable {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        Ok(self.records.borrow().get(&order_id).cloned())
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.records.borrow_mut().insert(record.order_id, record.clone());
        self.published.borrow_mut().extend_from_slice(outbox);
        Ok(Saved::Yes)
    }
}

impl Cancellations for OrdersTable {
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        advance_order::Orders::load(self, order_id).await
    }

    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        advance_order::Orders::save(self, record, outbox).await
    }

    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError> {
        self.early.borrow_mut().push(cancellation.clone());
        Ok(Saved::Yes)
    }

    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        order_ingest::Orders::record_refused(self, message_id, refused).await
    }
}

#[derive(Default)]
pub struct StatusTable(pub RefCell<Vec<ViewFact>>);

impl StatusView for StatusTable {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        self.0.borrow_mut().push(fact.clone());
        Ok(())
    }
}
