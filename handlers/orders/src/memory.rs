//! The orders squad's tables in memory, for tests and simulations: feature `memory`. Their conditions are those of
//! [`crate::orders_table`] and [`crate::status_table`], which the contracts in `ci/ports` hold all of them to.

use std::{cell::RefCell, collections::BTreeMap};

use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId, PartnerId, Sku},
    money::Money,
    order::{Catalogue, OrderState},
    time::Timestamp,
};
use lakeside_kit::{
    conditions,
    dynamo::StoreError,
    memory::{Lifted, Outboxes, Trouble},
    outbox::Entry,
};

use crate::{
    advance_order,
    authorize_partner::{PartnerRecord, Partners},
    cancel_order,
    customer_orders::{CustomerView, Listed, Page, Position},
    order_ingest,
    order_query::{self, View},
    order_record::{ConflictRecord, Creation, EarlyCancellation, OrderRecord, RefusedRecord, Saved},
    order_status::{self, Known, ViewFact},
    orders_table::order_key,
};

conditions! {
    CreateFirst: "an order is written only if there is none under its id",
    CreateUncancelled: "an order is accepted only if its customer has not cancelled it before",
    EarlyFirst: "a cancellation is kept for an order only if there is none yet",
    SaveUnchanged: "an order replaces the version it was read at only",
    FactFirst: "a fact stays as it was first recorded",
    OwnerFirst: "an order belongs to whom it was first said to belong to",
}

/// The orders table.
#[derive(Debug, Default)]
pub struct MemoryOrders {
    /// What units cost.
    pub prices: RefCell<BTreeMap<Sku, Money>>,
    /// One per order id.
    pub records: RefCell<BTreeMap<OrderId, OrderRecord>>,
    /// By order, customer and fingerprint.
    pub conflicts: RefCell<BTreeMap<(OrderId, String, String), ConflictRecord>>,
    /// By order and customer.
    pub early: RefCell<BTreeMap<(OrderId, String), EarlyCancellation>>,
    /// By message.
    pub refused: RefCell<BTreeMap<String, RefusedRecord>>,
    /// What the items' outboxes hold.
    pub outboxes: Outboxes,
    /// What goes wrong with the calls of the ports.
    pub trouble: Trouble,
    lifted: Lifted<Condition>,
}

impl MemoryOrders {
    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }

    /// The prices of those of `skus` that are in the catalogue.
    pub fn prices(&self, skus: &[Sku]) -> Catalogue {
        let prices = self.prices.borrow();
        skus.iter().filter_map(|sku| Some((sku.clone(), *prices.get(sku)?))).collect()
    }

    /// The order.
    pub fn load(&self, order_id: OrderId) -> Option<OrderRecord> {
        self.records.borrow().get(&order_id).cloned()
    }

    /// As [`order_ingest::Orders::create`].
    pub fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Creation {
        let current = self.load(record.order_id);
        if let Some(first) = current
            && !self.lifted.passes(Condition::CreateFirst, false)
        {
            return Creation::Exists(Box::new(first));
        }
        let cancelled = self.early.borrow().contains_key(&(record.order_id, record.customer_id.to_string()));
        if record.state == OrderState::Created
            && !self.lifted.passes(Condition::CreateUncancelled, !cancelled)
        {
            return Creation::CancelledFirst;
        }
        self.put(record, outbox);
        Creation::Created
    }

    /// As [`advance_order::Orders::save`].
    pub fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Saved {
        let before = record.version.saturating_sub(1);
        let unchanged = self.load(record.order_id).is_some_and(|current| current.version == before);
        if !self.lifted.passes(Condition::SaveUnchanged, unchanged) {
            return Saved::Stale;
        }
        self.put(record, outbox);
        Saved::Yes
    }

    /// As [`cancel_order::Cancellations::keep_early`].
    pub fn keep_early(&self, cancellation: &EarlyCancellation) -> Saved {
        let first = !self.records.borrow().contains_key(&cancellation.order_id);
        if !self.lifted.passes(Condition::EarlyFirst, first) {
            return Saved::Stale;
        }
        let key = (cancellation.order_id, cancellation.customer_id.to_string());
        self.early.borrow_mut().insert(key, cancellation.clone());
        Saved::Yes
    }

    /// As [`order_ingest::Orders::record_conflict`].
    pub fn record_conflict(&self, conflict: &ConflictRecord) {
        let key = (conflict.order_id, conflict.customer_id.to_string(), conflict.fingerprint.clone());
        self.conflicts.borrow_mut().insert(key, conflict.clone());
    }

    /// As [`order_ingest::Orders::record_refused`].
    pub fn record_refused(&self, message_id: &str, refused: &RefusedRecord) {
        self.refused.borrow_mut().insert(message_id.to_owned(), refused.clone());
    }

    fn put(&self, record: &OrderRecord, outbox: &[Entry]) {
        self.records.borrow_mut().insert(record.order_id, record.clone());
        self.outboxes.write(order_key(record.order_id), record.order_id, outbox);
    }
}

impl order_ingest::Orders for MemoryOrders {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        self.trouble.read(|| self.prices(skus))
    }

    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError> {
        self.trouble.read(|| self.create(record, outbox))
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.trouble.read(|| self.record_conflict(conflict))
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.trouble.read(|| self.record_refused(message_id, refused))
    }
}

impl advance_order::Orders for MemoryOrders {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.trouble.read(|| self.load(order_id))
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.trouble.write(Saved::Stale, || self.save(record, outbox))
    }
}

impl cancel_order::Cancellations for MemoryOrders {
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.trouble.read(|| self.load(order_id))
    }

    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.trouble.write(Saved::Stale, || self.save(record, outbox))
    }

    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError> {
        self.trouble.write(Saved::Stale, || self.keep_early(cancellation))
    }

    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.trouble.read(|| self.record_refused(message_id, refused))
    }
}

/// The status view's table.
#[derive(Debug, Default)]
pub struct MemoryStatus {
    /// Whose orders they are, once that is known.
    pub owners: RefCell<BTreeMap<OrderId, CustomerId>>,
    /// When they were placed, as far as that is known.
    pub placed: RefCell<BTreeMap<OrderId, Timestamp>>,
    /// What is known about each order.
    pub facts: RefCell<BTreeMap<OrderId, BTreeMap<EventId, Known>>>,
    lifted: Lifted<Condition>,
}

impl MemoryStatus {
    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }

    /// As [`order_status::StatusView::record`].
    pub fn record(&self, fact: &ViewFact) {
        let mut owners = self.owners.borrow_mut();
        if let Some(customer) = &fact.customer_id
            && self.lifted.passes(Condition::OwnerFirst, !owners.contains_key(&fact.order_id))
        {
            owners.insert(fact.order_id, customer.clone());
        }
        if fact.customer_id.is_some() {
            let (mut placed, occurred_at) = (self.placed.borrow_mut(), fact.known.occurred_at.0);
            let since = placed.entry(fact.order_id).or_insert(occurred_at);
            if fact.is_creation() {
                *since = occurred_at;
            }
        }
        let mut facts = self.facts.borrow_mut();
        let facts = facts.entry(fact.order_id).or_default();
        if self.lifted.passes(Condition::FactFirst, !facts.contains_key(&fact.event_id)) {
            facts.insert(fact.event_id, fact.known.clone());
        }
    }

    /// What is known about an order, if anything.
    pub fn load(&self, order_id: OrderId) -> Option<View> {
        let facts = self.facts.borrow().get(&order_id)?.values().cloned().map(Into::into).collect();
        Some(View { customer_id: self.owners.borrow().get(&order_id).cloned(), facts })
    }

    /// As [`CustomerView::page`].
    pub fn page(&self, customer_id: &CustomerId, limit: usize, after: Option<Position>) -> Page {
        let (owners, placed) = (self.owners.borrow(), self.placed.borrow());
        let mut positions: Vec<Position> = owners
            .iter()
            .filter(|(_, owner)| *owner == customer_id)
            .filter_map(|(order_id, _)| {
                Some(Position { placed_at: *placed.get(order_id)?, order_id: *order_id })
            })
            .filter(|position| after.is_none_or(|after| *position < after))
            .collect();
        positions.sort_unstable_by(|one, other| other.cmp(one));
        let more = positions.len() > limit;
        positions.truncate(limit);
        let next = positions.last().copied().filter(|_| more);
        let listed =
            |position: Position| Some(Listed { position, facts: self.load(position.order_id)?.facts });
        Page { orders: positions.into_iter().filter_map(listed).collect(), next }
    }
}

impl CustomerView for MemoryStatus {
    async fn page(
        &self,
        customer_id: &CustomerId,
        limit: usize,
        after: Option<Position>,
    ) -> Result<Page, StoreError> {
        Ok(self.page(customer_id, limit, after))
    }
}

impl order_status::StatusView for MemoryStatus {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        self.record(fact);
        Ok(())
    }
}

impl order_query::StatusView for MemoryStatus {
    async fn load(&self, order_id: OrderId) -> Result<Option<View>, StoreError> {
        Ok(self.load(order_id))
    }
}

/// The partners' table. It is only read, under no condition.
#[derive(Debug, Default)]
pub struct MemoryPartners {
    /// By the key they lie under.
    pub partners: RefCell<BTreeMap<PartnerId, PartnerRecord>>,
    /// What goes wrong with the calls of the port.
    pub trouble: Trouble,
}

impl MemoryPartners {
    /// Writes a partner.
    pub fn put(&self, partner: PartnerRecord) {
        self.partners.borrow_mut().insert(partner.partner_id.clone(), partner);
    }
}

impl Partners for MemoryPartners {
    async fn find(&self, id: &PartnerId) -> Result<Option<PartnerRecord>, StoreError> {
        self.trouble.read(|| self.partners.borrow().get(id).cloned())
    }
}
