//! The inventory squad's table.

use std::collections::{BTreeSet, HashMap};

use lakeside_domain::{
    allocation::{Allocation, OnHand},
    ids::{OrderId, Sku},
    reservation::{Availability, Plan, Reservation},
    time::Timestamp,
};
use lakeside_inventory::{
    allocate::{AllocationStore, NewAllocation},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};

use super::Port;
use crate::mutants::Mutant;

impl ReservationStore for Port {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.call("read reservations", |world| {
            let inventory = world.inventory.borrow();
            let found = |id: &OrderId| Some((*id, inventory.reservations.get(id)?.clone()));
            Ok(orders.iter().filter_map(found).collect())
        })
        .await
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        self.call("read pools", |world| Ok(world.available(skus))).await
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        let outcome = self.call("reserve", |world| Ok(world.reserve(plan, new))).await?;
        if outcome == Committed::Stale && self.world.planted(Mutant::StaleIsSoldOut) {
            let refused: Vec<NewReservation> = new.iter().map(sold_out).collect();
            return self.call("reserve", |world| Ok(world.reserve(&Plan::default(), &refused))).await;
        }
        Ok(outcome)
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        self.call("renew hold", |world| Ok(world.renew(held, expires_at))).await
    }
}

fn sold_out(new: &NewReservation) -> NewReservation {
    let mut refused = new.clone();
    refused.reservation.status = lakeside_domain::reservation::ReservationStatus::Refused;
    refused.reservation.takes.clear();
    refused
}

impl ReleaseStore for Port {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.call("read reservation", |world| {
            Ok(world.inventory.borrow().reservations.get(&order_id).cloned())
        })
        .await
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.call("read allocation", |world| Ok(world.inventory.borrow().allocations.get(&order_id).cloned()))
            .await
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        self.call("release stock", |world| Ok(world.release_reservation(held, outbox))).await
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("close reservation", |world| Ok(world.close_reservation(order_id, now))).await
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        self.call("release allocation", |world| Ok(world.release_allocation(allocated, committed))).await
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        self.call("close allocation", |world| Ok(world.close_allocation(order_id))).await
    }
}

impl AllocationStore for Port {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        ReleaseStore::allocation(self, order_id).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        ReleaseStore::reservation(self, order_id).await
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        self.call("read nodes", |world| {
            let mut on_hand = OnHand::new();
            for ((sku, node), units) in &world.inventory.borrow().nodes {
                if skus.contains(sku) {
                    let units = u64::try_from(*units).unwrap_or_default();
                    on_hand.entry(node.clone()).or_default().insert(sku.clone(), units);
                }
            }
            Ok(on_hand)
        })
        .await
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("allocate", |world| Ok(world.allocate(new, now))).await
    }
}
