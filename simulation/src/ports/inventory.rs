//! The inventory squad's table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lakeside_domain::{
    allocation::{Allocation, OnHand},
    ids::{OrderId, Sku},
    reservation::{Availability, Plan, Reservation},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_inventory::{
    allocate::{AllocationStore, NewAllocation},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
    sweep_reservations::SweepStore,
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};

use super::Port;
use crate::mutants::Mutant;

impl ReservationStore for Port {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.call("read reservations", |world| Ok(world.inventory.reservations(orders))).await
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        self.call("read pools", |world| Ok(world.inventory.availability(skus))).await
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        if self.world.planted(Mutant::ReserveWhatFits) {
            let (plan, new) = without_last_lines(plan, new);
            return self.call("reserve", |world| Ok(world.reserve(&plan, &new))).await;
        }
        if self.world.planted(Mutant::NoNextPool) {
            let plan = without_next_pools(plan);
            return self.call("reserve", |world| Ok(world.reserve(&plan, new))).await;
        }
        let outcome = self.call("reserve", |world| Ok(world.reserve(plan, new))).await;
        let sold_out_instead = match &outcome {
            Ok(Committed::Stale) => self.world.planted(Mutant::StaleIsSoldOut),
            Err(StoreError::Busy) => self.world.planted(Mutant::ConflictIsSoldOut),
            _ => false,
        };
        if sold_out_instead {
            let refused: Vec<NewReservation> = new.iter().map(sold_out).collect();
            return self.call("reserve", |world| Ok(world.reserve(&Plan::default(), &refused))).await;
        }
        outcome
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        self.call("renew hold", |world| Ok(world.stock(world.inventory.renew(held, expires_at)))).await
    }
}

/// Nobody looks whether a pool has come that nothing was known of: the last of each SKU that is relied on.
fn without_next_pools(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let last: BTreeMap<Sku, PoolId> = plan.guards.keys().cloned().collect();
    plan.guards.retain(|(sku, pool), guard| {
        let is_next = last.get(sku) == Some(pool) && guard.take == 0 && guard.at_most == Some(0);
        !is_next
    });
    plan
}

/// Nothing of the last line is taken, and nobody notices.
fn without_last_lines(plan: &Plan, new: &[NewReservation]) -> (Plan, Vec<NewReservation>) {
    let (mut plan, mut new) = (plan.clone(), new.to_vec());
    for new in new.iter_mut().filter(|new| new.reservation.takes.len() > 1) {
        if let Some(take) = new.reservation.takes.pop() {
            plan.guards.entry((take.sku, take.pool)).or_default().take -= take.units;
        }
    }
    (plan, new)
}

fn sold_out(new: &NewReservation) -> NewReservation {
    let mut refused = new.clone();
    refused.reservation.status = lakeside_domain::reservation::ReservationStatus::Refused;
    refused.reservation.takes.clear();
    refused
}

impl ReleaseStore for Port {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.call("read reservation", |world| Ok(world.inventory.reservation(order_id))).await
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.call("read allocation", |world| Ok(world.inventory.allocation(order_id))).await
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        self.call("release stock", |world| Ok(world.stock(world.inventory.release_reservation(held, outbox))))
            .await
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("close reservation", |world| {
            Ok(world.stock(world.inventory.close_reservation(order_id, now)))
        })
        .await
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        self.call("release allocation", |world| {
            Ok(world.stock(world.inventory.release_allocation(allocated, committed)))
        })
        .await
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        self.call("close allocation", |world| Ok(world.stock(world.inventory.close_allocation(order_id))))
            .await
    }
}

impl SweepStore for Port {
    async fn ended_holds(&self, ended_by: Timestamp) -> Result<Vec<OrderId>, StoreError> {
        self.call("read ended holds", |world| Ok(world.ended_holds(ended_by))).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        ReleaseStore::reservation(self, order_id).await
    }

    async fn release_ended(&self, held: &Reservation, outbox: &[Entry]) -> Result<Committed, StoreError> {
        self.call("sweep", |world| Ok(world.release_ended(held, outbox))).await
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
        self.call("read nodes", |world| Ok(world.inventory.on_hand(skus))).await
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        self.call("allocate", |world| Ok(world.allocate(new, now))).await
    }
}
