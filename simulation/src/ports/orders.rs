//! The orders squad's tables.

use std::rc::Rc;

use lakeside_domain::{
    ids::{OrderId, Sku},
    money::{Currency, Money},
    order::{Catalogue, OrderState},
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};
use lakeside_orders::{
    advance_order, order_ingest,
    order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord, Saved},
    order_status::{StatusView, ViewFact},
};

use super::Port;
use crate::{mutants::Mutant, world::World};

impl order_ingest::Orders for Port {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        self.call("read prices", |world| {
            let orders = world.orders.borrow();
            let price = |sku: &Sku| Some((sku.clone(), Money::new(*orders.prices.get(sku)?, Currency::USD)));
            Ok(skus.iter().filter_map(price).collect())
        })
        .await
    }

    async fn create(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Creation, StoreError> {
        let created = self.call("create order", |world| Ok(world.create_order(record, outbox))).await?;
        if matches!(created, Creation::Exists(_)) && self.world.planted(Mutant::ConflictHidden) {
            return Ok(Creation::Exists(Box::new(record.clone())));
        }
        Ok(created)
    }

    async fn record_conflict(&self, conflict: &ConflictRecord) -> Result<(), StoreError> {
        self.call("record conflict", |world| {
            world.orders.borrow_mut().conflicts.push(conflict.clone());
            Ok(())
        })
        .await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.call("record refused", |world| {
            world.orders.borrow_mut().refused.insert(message_id.to_owned(), refused.clone());
            Ok(())
        })
        .await
    }
}

impl advance_order::Orders for Port {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        let read = |world: &Rc<World>| Ok(world.orders.borrow().records.get(&order_id).cloned());
        let mut record = self.call("read order", read).await?;
        if let Some(record) = &mut record
            && self.world.planted(Mutant::FinalStateForgotten)
        {
            record.state = OrderState::Created;
        }
        Ok(record)
    }

    async fn save(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.call("save order", |world| Ok(world.save_order(record, outbox))).await
    }
}

impl StatusView for Port {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        self.call("record fact", |world| {
            let mut status = world.status.borrow_mut();
            if let Some(customer) = &fact.customer_id {
                status.owners.entry(fact.order_id).or_insert_with(|| customer.to_string());
            }
            let facts = status.facts.entry(fact.order_id).or_default();
            facts.entry(fact.event_id).or_insert_with(|| fact.known.clone());
            Ok(())
        })
        .await
    }
}
