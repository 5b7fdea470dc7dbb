//! The table in memory, with the conditions of the one on DynamoDB, for tests.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
};

use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, OnHand},
    ids::{NodeId, OrderId, Sku},
    reservation::{Availability, Plan, Reservation, ReservationStatus, Take},
    stock::{Pool, PoolId},
    time::Timestamp,
};
use lakeside_kit::{dynamo::StoreError, outbox::Entry};

use crate::{
    allocate::{AllocationStore, NewAllocation},
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
};

#[derive(Default)]
pub struct MemoryTable {
    pub pools: RefCell<HashMap<(Sku, PoolId), Pool>>,
    pub nodes: RefCell<HashMap<(Sku, NodeId), u64>>,
    pub reservations: RefCell<HashMap<OrderId, Reservation>>,
    pub allocations: RefCell<HashMap<OrderId, Allocation>>,
    pub published: RefCell<Vec<String>>,
    pub transactions: Cell<usize>,
    /// Commits that fail as if another writer had come first.
    pub overtaken: Cell<usize>,
    pub down: Cell<bool>,
}

pub fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

type Move = fn(Pool, u64) -> Result<Pool, lakeside_domain::stock::StockError>;

impl MemoryTable {
    pub fn stocked(stock: &[(&str, &str, u64)]) -> Self {
        let table = Self::default();
        for (name, node, units) in stock {
            let node = NodeId::parse(node).unwrap();
            *table.nodes.borrow_mut().entry((sku(name), node)).or_default() += units;
            let mut pools = table.pools.borrow_mut();
            let pool = pools.entry((sku(name), PoolId(0))).or_insert(Pool::received(0));
            *pool = Pool::received(pool.available() + units);
        }
        table
    }

    pub fn pool(&self, name: &str) -> Pool {
        self.pools.borrow()[&(sku(name), PoolId(0))]
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.down.get() { Err(StoreError::Unavailable("down".into())) } else { Ok(()) }
    }

    fn overtaken(&self) -> bool {
        self.transactions.set(self.transactions.get() + 1);
        let left = self.overtaken.get();
        self.overtaken.set(left.saturating_sub(1));
        left > 0
    }

    /// The pools after all moves, or nothing if one cannot be made.
    fn moved(&self, takes: &[Take], step: Move) -> Option<HashMap<(Sku, PoolId), Pool>> {
        let mut pools = self.pools.borrow().clone();
        for take in takes {
            let pool = pools.get_mut(&(take.sku.clone(), take.pool))?;
            *pool = step(*pool, take.units).ok()?;
        }
        Some(pools)
    }

    fn publish(&self, outbox: &[Entry]) {
        self.published.borrow_mut().extend(outbox.iter().map(|e| e.detail_type.clone()));
    }

    fn stands(&self, order_id: OrderId, status: ReservationStatus) -> bool {
        self.reservations.borrow().get(&order_id).is_some_and(|r| r.status == status)
    }

    fn turn(&self, order_id: OrderId, status: ReservationStatus) {
        if let Some(r) = self.reservations.borrow_mut().get_mut(&order_id) {
            r.status = status;
        }
    }
}

impl ReservationStore for MemoryTable {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.up()?;
        let all = self.reservations.borrow();
        Ok(orders.iter().filter_map(|id| Some((*id, all.get(id)?.clone()))).collect())
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        let mut availability = Availability::new();
        for ((sku, id), pool) in self.pools.borrow().iter().filter(|((sku, _), _)| skus.contains(sku)) {
            availability.entry(sku.clone()).or_default().insert(*id, pool.available());
        }
        Ok(availability)
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        let exists = |n: &NewReservation| self.reservations.borrow().contains_key(&n.reservation.order_id);
        let holds = plan.guards.iter().all(|(key, guard)| {
            let available = self.pools.borrow()[key].available();
            available >= guard.take && guard.at_most.is_none_or(|most| available <= most)
        });
        if self.overtaken() || !holds || new.iter().any(exists) {
            return Ok(Committed::Stale);
        }
        for ((sku, pool), guard) in &plan.guards {
            let take = Take { sku: sku.clone(), pool: *pool, units: guard.take };
            let pools = self.moved(&[take], Pool::reserve).unwrap();
            *self.pools.borrow_mut() = pools;
        }
        for n in new {
            self.reservations.borrow_mut().insert(n.reservation.order_id, n.reservation.clone());
            self.publish(&n.outbox);
        }
        Ok(Committed::Yes)
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        if self.overtaken() { Ok(Committed::Stale) } else { Ok(self.renewed(held, expires_at)) }
    }
}

impl MemoryTable {
    fn renewed(&self, held: &Reservation, expires_at: Timestamp) -> Committed {
        let mut reservations = self.reservations.borrow_mut();
        match reservations.get_mut(&held.order_id) {
            Some(stored) if stored == held => {
                stored.expires_at = expires_at;
                Committed::Yes
            }
            _ => Committed::Stale,
        }
    }
}

impl ReleaseStore for MemoryTable {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.up()?;
        Ok(self.reservations.borrow().get(&order_id).cloned())
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.up()?;
        Ok(self.allocations.borrow().get(&order_id).cloned())
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        let moved = self.moved(&held.takes, Pool::release);
        let (false, true, Some(pools)) =
            (self.overtaken(), self.stands(held.order_id, ReservationStatus::Held), moved)
        else {
            return Ok(Committed::Stale);
        };
        *self.pools.borrow_mut() = pools;
        self.turn(held.order_id, ReservationStatus::Released);
        self.publish(outbox);
        Ok(Committed::Yes)
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        if self.overtaken() || self.reservations.borrow().contains_key(&order_id) {
            return Ok(Committed::Stale);
        }
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
        let order_id = allocated.order_id;
        let standing =
            self.allocations.borrow().get(&order_id).is_some_and(|a| a.status == AllocationStatus::Allocated);
        let moved = self.moved(&committed.takes, Pool::uncommit);
        let (false, true, true, Some(pools)) =
            (self.overtaken(), standing, self.stands(order_id, ReservationStatus::Committed), moved)
        else {
            return Ok(Committed::Stale);
        };
        *self.pools.borrow_mut() = pools;
        for shipment in &allocated.shipments {
            for line in &shipment.lines {
                *self.nodes.borrow_mut().entry((line.sku.clone(), shipment.node.clone())).or_default() +=
                    line.quantity.units();
            }
        }
        self.turn(order_id, ReservationStatus::Held);
        if let Some(a) = self.allocations.borrow_mut().get_mut(&order_id) {
            a.status = AllocationStatus::Released;
        }
        Ok(Committed::Yes)
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        if self.overtaken() || self.allocations.borrow().contains_key(&order_id) {
            return Ok(Committed::Stale);
        }
        let closed = Allocation { order_id, status: AllocationStatus::Released, shipments: Vec::new() };
        self.allocations.borrow_mut().insert(order_id, closed);
        Ok(Committed::Yes)
    }
}

impl AllocationStore for MemoryTable {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        ReleaseStore::allocation(self, order_id).await
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        ReleaseStore::reservation(self, order_id).await
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        let mut on_hand = OnHand::new();
        for ((sku, node), units) in self.nodes.borrow().iter().filter(|((sku, _), _)| skus.contains(sku)) {
            on_hand.entry(node.clone()).or_default().insert(sku.clone(), *units);
        }
        Ok(on_hand)
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        let order_id = new.allocation.order_id;
        let live = self.reservations.borrow().get(&order_id).is_some_and(|r| r.is_live(now));
        let exists = self.allocations.borrow().contains_key(&order_id);
        let moved = self.moved(&new.reservation.takes, Pool::commit);
        let (false, true, false, Some(pools)) = (self.overtaken(), live, exists, moved) else {
            return Ok(Committed::Stale);
        };
        let mut nodes = self.nodes.borrow().clone();
        for shipment in &new.allocation.shipments {
            for line in &shipment.lines {
                let units = nodes.entry((line.sku.clone(), shipment.node.clone())).or_default();
                let Some(left) = units.checked_sub(line.quantity.units()) else {
                    return Ok(Committed::Stale);
                };
                *units = left;
            }
        }
        *self.pools.borrow_mut() = pools;
        *self.nodes.borrow_mut() = nodes;
        self.turn(order_id, ReservationStatus::Committed);
        self.allocations.borrow_mut().insert(order_id, new.allocation.clone());
        self.publish(&new.reservation_outbox);
        self.publish(&new.allocation_outbox);
        Ok(Committed::Yes)
    }
}
