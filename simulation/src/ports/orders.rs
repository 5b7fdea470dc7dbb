//! The orders squad's tables.

use lakeside_domain::{
    ids::{OrderId, Sku},
    order::{Catalogue, OrderState},
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry, sqs::Message};
use lakeside_orders::{
    advance_order,
    cancel_order::Cancellations,
    order_ingest,
    order_record::{ConflictRecord, Creation, EarlyCancellation, OrderRecord, RefusedRecord, Saved},
    order_status::{StatusView, ViewFact},
};

use super::Port;
use crate::mutants::Mutant;

impl order_ingest::Orders for Port {
    async fn prices(&self, skus: &[Sku]) -> Result<Catalogue, StoreError> {
        self.call("read prices", |world| Ok(world.orders.prices(skus))).await
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
            world.orders.record_conflict(conflict);
            Ok(())
        })
        .await
    }

    async fn record_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        self.call("record refused", |world| {
            world.orders.record_refused(message_id, refused);
            Ok(())
        })
        .await
    }
}

impl advance_order::Orders for Port {
    async fn load(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        let mut record = self.call("read order", |world| Ok(world.orders.load(order_id))).await?;
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

impl Port {
    /// The requests to cancel orders as they came; with a planted bug, as if they came from whose orders they are.
    pub fn as_their_customers(&self, batch: &[Message]) -> Vec<Message> {
        let mut batch = batch.to_vec();
        if self.world.planted(Mutant::CancelledByAnybody) {
            for message in &mut batch {
                let order_id = message.attributes.get("orderId").and_then(|id| OrderId::parse(id).ok());
                if let Some(record) = order_id.and_then(|order_id| self.world.orders.load(order_id)) {
                    message.attributes.insert("principal".into(), record.customer_id.to_string());
                }
            }
        }
        batch
    }
}

impl Cancellations for Port {
    async fn order(&self, order_id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.call("read order", |world| Ok(world.orders.load(order_id))).await
    }

    async fn request(&self, record: &OrderRecord, outbox: &[Entry]) -> Result<Saved, StoreError> {
        self.call("request cancellation", |world| Ok(world.save_order(record, outbox))).await
    }

    async fn keep_early(&self, cancellation: &EarlyCancellation) -> Result<Saved, StoreError> {
        self.call("keep early cancellation", |world| Ok(world.orders.keep_early(cancellation))).await
    }

    async fn keep_refused(&self, message_id: &str, refused: &RefusedRecord) -> Result<(), StoreError> {
        order_ingest::Orders::record_refused(self, message_id, refused).await
    }
}

impl StatusView for Port {
    async fn record(&self, fact: &ViewFact) -> Result<(), StoreError> {
        self.call("record fact", |world| {
            world.status.record(fact);
            Ok(())
        })
        .await
    }
}
