//! The inventory squad's table, in memory. It has some of everything that is not
//! numbered, in several pools, and loses no unit because it
//! counts none.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, OnHand},
    ids::{NodeId, OrderId, Sku},
    reservation::{Availability, Plan, Reservation, ReservationStatus},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_inventory::{
    allocate::{AllocationStore, NewAllocation},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};

const POOLS: u8 = 8;
const UNITS: u64 = 50;

#[derive(Default)]
pub struct InventoryTable {
    pub reservations: RefCell<HashMap<OrderId, Reservation>>,
    pub allocations: RefCell<HashMap<OrderId, Allocation>>,
    pub published: RefCell<Vec<Entry>>,
}

impl InventoryTable {
    fn publish(&self, outbox: &[Entry]) {
        self.published.borrow_mut().extend_from_slice(outbox);
    }

    fn turn(&self, order_id: OrderId, status: ReservationStatus) {
        if let Some(reservation) = self.reservations.borrow_mut().get_mut(&order_id) {
            reservation.status = status;
        }
    }
}

impl ReservationStore for InventoryTable {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        let all = self.reservations.borrow();
        Ok(orders.iter().filter_map(|id| Some((*id, all.get(id)?.clone()))).collect())
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        let pools = |units| (0..POOLS).map(|n| (PoolId(n), units)).collect::<BTreeMap<_, _>>();
        // To refuse many lines takes a look at every pool of each, more than one transaction holds.
        let sold_out = |sku: &Sku| sku.as_str().ends_with(|c: char| c.is_ascii_digit());
        let of = |sku: &Sku| pools(if sold_out(sku) { 0 } else { UNITS });
        Ok(skus.iter().map(|sku| ((*sku).clone(), of(sku))).collect())
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        assert!(plan.guards.len() + new.len() <= lakeside_kit::dynamo::MAX_ACTIONS);
        for new in new {
            self.reservations.borrow_mut().insert(new.reservation.order_id, new.reservation.clone());
            self.publish(&new.outbox);
        }
        Ok(Committed::Yes)
    }

    async fn renew(&self, _: &Reservation, _: Timestamp) -> Result<Committed, StoreError> {
        Ok(Committed::Yes)
    }
}

impl ReleaseStore for InventoryTable {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        Ok(self.reservations.borrow().get(&order_id).cloned())
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        Ok(self.allocations.borrow().get(&order_id).cloned())
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        self.turn(held.order_id, ReservationStatus::Released);
        self.publish(outbox);
        Ok(Committed::Yes)
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        let status = ReservationStatus::Released;
        let closed = Reservation { order_id, status, takes: Vec::new(), expires_at: now };
        self.reservations.borrow_mut().insert(order_id, closed);
        Ok(Committed::Yes)
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        self.turn(committed.order_id, ReservationStatus::Held);
        self.close_allocation(allocated.order_id).await
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        let closed = Allocation { order_id, status: AllocationStatus::Released, shipments: Vec::new() };
        self.allocations.borrow_mut().insert(order_id, closed);
        Ok(Committed::Yes)
    }
}

impl AllocationStore for InventoryTable {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        ReleaseStore::allocation(self, order_id).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        ReleaseStore::reservation(self, order_id).await
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        let node = NodeId::parse("wh-east").unwrap();
        Ok(OnHand::from([(node, skus.iter().map(|sku| ((*sku).clone(), UNITS)).collect())]))
    }

    async fn allocate(&self, new: &NewAllocation, _: Timestamp) -> Result<Committed, StoreError> {
        let order_id = new.allocation.order_id;
        self.turn(order_id, ReservationStatus::Committed);
        self.allocations.borrow_mut().insert(order_id, new.allocation.clone());
        self.publish(&new.reservation_outbox);
        self.publish(&new.allocation_outbox);
        Ok(Committed::Yes)
    }
}
