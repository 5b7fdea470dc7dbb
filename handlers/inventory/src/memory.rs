//! The inventory squad's table in memory, for tests and simulations: feature `memory`. Its conditions are those of
//! [`crate::inventory_table`], which the contracts in `ci/ports` hold both to.

mod adjustments;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, OnHand, Shipment},
    ids::{AdjustmentId, NodeId, OrderId, Sku},
    level::Level,
    reservation::{Availability, Plan, Reservation, ReservationStatus, Take},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_kit::{
    conditions,
    dynamo::StoreError,
    memory::{Lifted, Outboxes, Trouble},
    outbox::Entry,
};

use crate::{
    adjustment_record::{AdjustmentRecord, ConflictRecord, RefusedRecord},
    allocate::{AllocationStore, NewAllocation},
    inventory_table::{allocation_key, node_key, pool_key, reservation_key},
    publish_levels::LevelStore,
    reconcile_stock::Position,
    release_stock::ReleaseStore,
    reserve_stock::{NewReservation, ReservationStore},
    stock_error::Committed,
    sweep_reservations::SweepStore,
};

pub mod stock_writes;
pub mod store_stock;

use stock_writes::StockWrites;

conditions! {
    ReserveFirst: "an order is reserved only if it has no reservation",
    ReserveAvailable: "units are reserved only if they are available",
    RefuseShort: "an order is refused only while the pools are as short as they were read",
    RenewHeld: "only what is held is renewed",
    RenewUnchanged: "a hold is renewed only from the end at which it was read",
    ReleaseHeld: "only a held reservation is released",
    ReleaseCovered: "a pool gives back only what it holds",
    CloseReservationFirst: "a reservation is closed only if there is none",
    SweepHeld: "only what is held is swept",
    SweepUnchanged: "a hold is swept only with the end at which it was read",
    SweepCovered: "a pool gets back only what it holds",
    AllocateHeld: "only what is held is sold",
    AllocateLive: "a hold is sold only while it is live",
    AllocateCovered: "a pool sells only what it holds",
    AllocateOnHand: "a node ships only what it has",
    AllocateFirst: "an order is allocated only if it has no allocation",
    UndoCommitted: "only what is sold is held again",
    UndoCovered: "a pool takes back only what it sold",
    UndoNodeExists: "units go back only to a node that there is",
    UndoStanding: "only a standing allocation is released",
    CloseAllocationFirst: "an allocation is closed only if there is none",
    AdjustFirst: "an adjustment is recorded only if there is none under its id",
    AdjustAvailable: "an adjustment takes units from a pool only if they are available",
    AdjustOnHand: "an adjustment takes units from a node only if they are there",
    AdjustPromised: "an adjustment is refused for orders only while the pools are as short as they were read",
    AdjustNodeShort: "an adjustment is refused for a node only while that is as short as it was read",
    MoveAvailable: "units move between pools only if they are available",
    MoveShort: "units move only to a pool that is as short as it was read",
}

/// The counts of a pool. Signed, so that a missing condition shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// May still be promised.
    pub available: i64,
    /// Promised to orders that are not yet allocated.
    pub held: i64,
    /// Allocated to paid orders.
    pub sold: i64,
    /// All units that ever came in.
    pub received: i64,
}

impl Counts {
    /// A pool of units that were just received.
    pub const fn received(units: i64) -> Self {
        Self { available: units, held: 0, sold: 0, received: units }
    }

    /// I1: the counts add up, and none is negative.
    pub const fn balance(&self) -> bool {
        let sum = self.available.saturating_add(self.held).saturating_add(self.sold);
        sum == self.received && self.available >= 0 && self.held >= 0 && self.sold >= 0
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct MemoryInventory {
    /// The counts of each pool.
    pub pools: RefCell<BTreeMap<(Sku, PoolId), Counts>>,
    /// Units on hand at each node.
    pub nodes: RefCell<BTreeMap<(Sku, NodeId), i64>>,
    /// One per order.
    pub reservations: RefCell<BTreeMap<OrderId, Reservation>>,
    /// One per order.
    pub allocations: RefCell<BTreeMap<OrderId, Allocation>>,
    /// How often pools and nodes were written, and the stream of these writes.
    pub writes: StockWrites,
    /// One per change that no order made.
    pub adjustments: RefCell<BTreeMap<AdjustmentId, AdjustmentRecord>>,
    /// Other changes under ids that were taken, by id and fingerprint.
    pub adjustment_conflicts: RefCell<BTreeMap<(AdjustmentId, String), ConflictRecord>>,
    /// Sales without an id to be recorded under, by message.
    pub refused_sales: RefCell<BTreeMap<String, RefusedRecord>>,
    /// How many pools SKUs should have, as operations say.
    pub wanted_pools: RefCell<BTreeMap<Sku, u8>>,
    /// How far the walk over all SKUs has come.
    pub position: RefCell<Position>,
    /// What the items' outboxes hold.
    pub outboxes: Outboxes,
    /// What goes wrong with the calls of the ports.
    pub trouble: Trouble,
    lifted: Lifted<Condition>,
}

fn signed(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

fn unsigned(units: i64) -> u64 {
    u64::try_from(units).unwrap_or_default()
}

/// The items of nodes that shipments touch, with the units.
fn at_nodes(shipments: &[Shipment]) -> impl Iterator<Item = ((Sku, NodeId), i64)> {
    shipments.iter().flat_map(|shipment| {
        let item = |sku: &Sku| (sku.clone(), shipment.node.clone());
        shipment.lines.iter().map(move |line| (item(&line.sku), signed(line.quantity.units())))
    })
}

impl MemoryInventory {
    /// Does not enforce `condition` any more.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
    }

    /// The order's reservation.
    pub fn reservation(&self, order_id: OrderId) -> Option<Reservation> {
        self.reservations.borrow().get(&order_id).cloned()
    }

    /// The order's allocation.
    pub fn allocation(&self, order_id: OrderId) -> Option<Allocation> {
        self.allocations.borrow().get(&order_id).cloned()
    }

    /// Those of `orders` that have a reservation.
    pub fn reservations(&self, orders: &[OrderId]) -> HashMap<OrderId, Reservation> {
        orders.iter().filter_map(|id| Some((*id, self.reservation(*id)?))).collect()
    }

    /// What the pools of `skus` have available.
    pub fn availability(&self, skus: &BTreeSet<&Sku>) -> Availability {
        let mut availability: Availability =
            skus.iter().map(|sku| ((*sku).clone(), BTreeMap::new())).collect();
        for ((sku, pool), counts) in self.pools.borrow().iter() {
            if let Some(pools) = availability.get_mut(sku) {
                pools.insert(*pool, unsigned(counts.available));
            }
        }
        availability
    }

    /// What the nodes have of `skus`.
    pub fn on_hand(&self, skus: &BTreeSet<&Sku>) -> OnHand {
        let mut on_hand = OnHand::new();
        for ((sku, node), units) in self.nodes.borrow().iter().filter(|((sku, _), _)| skus.contains(sku)) {
            on_hand.entry(node.clone()).or_default().insert(sku.clone(), unsigned(*units));
        }
        on_hand
    }

    /// Puts a pool there, as it is.
    pub fn put_pool(&self, sku: &Sku, pool: PoolId, counts: Counts) {
        let before = self.pools.borrow_mut().insert((sku.clone(), pool), counts);
        self.writes.put(pool_key(sku, pool), before.map(|counts| counts.available), counts.available);
    }

    /// Puts units at a node, as they are.
    pub fn put_node(&self, sku: &Sku, node: &NodeId, on_hand: i64) {
        let before = self.nodes.borrow_mut().insert((sku.clone(), node.clone()), on_hand);
        self.writes.put(node_key(sku, node), before, on_hand);
    }

    /// As [`LevelStore::pools`].
    pub fn levels(&self, sku: &Sku) -> Vec<Level> {
        let pools = self.pools.borrow();
        let of_sku = pools.iter().filter(|((of, _), _)| of == sku);
        of_sku
            .map(|((sku, pool), counts)| Level {
                units: unsigned(counts.available),
                version: self.writes.version(&pool_key(sku, *pool)),
            })
            .collect()
    }

    /// As [`ReservationStore::reserve`].
    pub fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Committed {
        let first = new.iter().all(|n| !self.reservations.borrow().contains_key(&n.reservation.order_id));
        let (mut available, mut short) = (true, true);
        for (pool, guard) in &plan.guards {
            let counts = self.pools.borrow().get(pool).copied();
            let has = |holds: &dyn Fn(i64) -> bool| counts.is_some_and(|c| holds(c.available));
            available &= guard.take == 0 || has(&|units| units >= signed(guard.take));
            short &= guard.at_most.is_none_or(|most| counts.is_none_or(|c| c.available <= signed(most)));
        }
        if !(self.lifted.passes(Condition::ReserveFirst, first)
            && self.lifted.passes(Condition::ReserveAvailable, available)
            && self.lifted.passes(Condition::RefuseShort, short))
        {
            return Committed::Stale;
        }
        for ((sku, pool), guard) in plan.guards.iter().filter(|(_, guard)| guard.take > 0) {
            self.shift(sku, *pool, guard.take, |c, n| {
                c.available -= n;
                c.held += n;
            });
        }
        for NewReservation { reservation, outbox } in new {
            let order_id = reservation.order_id;
            self.reservations.borrow_mut().insert(order_id, reservation.clone());
            self.outboxes.write(reservation_key(order_id), order_id, outbox);
        }
        Committed::Yes
    }

    /// As [`ReservationStore::renew`].
    pub fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Committed {
        let order_id = held.order_id;
        let now = self.reservation(order_id);
        let stands = now.as_ref().is_some_and(|r| r.status == ReservationStatus::Held);
        let unchanged = now.as_ref().is_some_and(|r| r.expires_at == held.expires_at);
        if !(self.lifted.passes(Condition::RenewHeld, stands)
            && self.lifted.passes(Condition::RenewUnchanged, unchanged))
        {
            return Committed::Stale;
        }
        if let Some(reservation) = self.reservations.borrow_mut().get_mut(&order_id) {
            reservation.expires_at = expires_at;
        }
        self.outboxes.keep(&reservation_key(order_id), order_id);
        Committed::Yes
    }

    /// As [`ReleaseStore::release_reservation`].
    pub fn release_reservation(&self, held: &Reservation, outbox: &[Entry]) -> Committed {
        let stands = self.stands(held.order_id, ReservationStatus::Held);
        let covered = self.cover(&held.takes, |c| c.held);
        if !(self.lifted.passes(Condition::ReleaseHeld, stands)
            && self.lifted.passes(Condition::ReleaseCovered, covered))
        {
            return Committed::Stale;
        }
        self.put_back(held, outbox)
    }

    /// As [`SweepStore::ended_holds`], without a lag.
    pub fn ended_holds(&self, ended_by: Timestamp) -> Vec<OrderId> {
        let reservations = self.reservations.borrow();
        reservations.values().filter(|r| r.is_forsaken(ended_by)).map(|r| r.order_id).collect()
    }

    /// As [`SweepStore::release_ended`].
    pub fn release_ended(&self, held: &Reservation, outbox: &[Entry]) -> Committed {
        let stands = self.stands(held.order_id, ReservationStatus::Held);
        let unchanged = self.reservation(held.order_id).is_some_and(|r| r.expires_at == held.expires_at);
        let covered = self.cover(&held.takes, |c| c.held);
        if !(self.lifted.passes(Condition::SweepHeld, stands)
            && self.lifted.passes(Condition::SweepUnchanged, unchanged)
            && self.lifted.passes(Condition::SweepCovered, covered))
        {
            return Committed::Stale;
        }
        self.put_back(held, outbox)
    }

    fn put_back(&self, held: &Reservation, outbox: &[Entry]) -> Committed {
        self.shift_all(&held.takes, |c, n| {
            c.held -= n;
            c.available += n;
        });
        self.turn(held.order_id, ReservationStatus::Released, outbox);
        Committed::Yes
    }

    /// As [`ReleaseStore::close_reservation`].
    pub fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Committed {
        let first = !self.reservations.borrow().contains_key(&order_id);
        if !self.lifted.passes(Condition::CloseReservationFirst, first) {
            return Committed::Stale;
        }
        let status = ReservationStatus::Released;
        let closed = Reservation { order_id, status, takes: Vec::new(), expires_at: now };
        self.reservations.borrow_mut().insert(order_id, closed);
        self.outboxes.write(reservation_key(order_id), order_id, &[]);
        Committed::Yes
    }

    /// As [`AllocationStore::allocate`].
    pub fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Committed {
        let order_id = new.allocation.order_id;
        let held = self.stands(order_id, ReservationStatus::Held);
        let live = self.reservations.borrow().get(&order_id).is_some_and(|r| r.expires_at > now);
        let covered = self.cover(&new.reservation.takes, |c| c.held);
        let on_hand = at_nodes(&new.allocation.shipments)
            .all(|(item, units)| self.nodes.borrow().get(&item).is_some_and(|left| *left >= units));
        let first = !self.allocations.borrow().contains_key(&order_id);
        if !(self.lifted.passes(Condition::AllocateHeld, held)
            && self.lifted.passes(Condition::AllocateLive, live)
            && self.lifted.passes(Condition::AllocateCovered, covered)
            && self.lifted.passes(Condition::AllocateOnHand, on_hand)
            && self.lifted.passes(Condition::AllocateFirst, first))
        {
            return Committed::Stale;
        }
        self.shift_all(&new.reservation.takes, |c, n| {
            c.held -= n;
            c.sold += n;
        });
        for (item, units) in at_nodes(&new.allocation.shipments) {
            self.move_at(item, -units);
        }
        self.turn(order_id, ReservationStatus::Committed, &new.reservation_outbox);
        self.put_allocation(new.allocation.clone(), &new.allocation_outbox);
        Committed::Yes
    }

    /// As [`ReleaseStore::release_allocation`].
    pub fn release_allocation(&self, allocated: &Allocation, committed: &Reservation) -> Committed {
        let order_id = allocated.order_id;
        let sold = self.stands(order_id, ReservationStatus::Committed);
        let covered = self.cover(&committed.takes, |c| c.sold);
        let nodes = at_nodes(&allocated.shipments).all(|(item, _)| self.nodes.borrow().contains_key(&item));
        let standing = self.allocation(order_id).filter(|a| a.status == AllocationStatus::Allocated);
        if !(self.lifted.passes(Condition::UndoCommitted, sold)
            && self.lifted.passes(Condition::UndoCovered, covered)
            && self.lifted.passes(Condition::UndoNodeExists, nodes)
            && self.lifted.passes(Condition::UndoStanding, standing.is_some()))
        {
            return Committed::Stale;
        }
        self.shift_all(&committed.takes, |c, n| {
            c.sold -= n;
            c.held += n;
        });
        for (item, units) in at_nodes(&allocated.shipments) {
            self.move_at(item, units);
        }
        self.turn(order_id, ReservationStatus::Held, &[]);
        let now = self.allocation(order_id).unwrap_or_else(|| allocated.clone());
        self.put_allocation(Allocation { status: AllocationStatus::Released, ..now }, &[]);
        Committed::Yes
    }

    /// As [`ReleaseStore::close_allocation`].
    pub fn close_allocation(&self, order_id: OrderId) -> Committed {
        let first = !self.allocations.borrow().contains_key(&order_id);
        if !self.lifted.passes(Condition::CloseAllocationFirst, first) {
            return Committed::Stale;
        }
        let closed = Allocation { order_id, status: AllocationStatus::Released, shipments: Vec::new() };
        self.put_allocation(closed, &[]);
        Committed::Yes
    }

    fn stands(&self, order_id: OrderId, status: ReservationStatus) -> bool {
        self.reservations.borrow().get(&order_id).is_some_and(|r| r.status == status)
    }

    /// Whether each pool that was taken from has the units in `count`.
    fn cover(&self, takes: &[Take], count: fn(&Counts) -> i64) -> bool {
        let pools = self.pools.borrow();
        takes.iter().all(|take| {
            pools.get(&(take.sku.clone(), take.pool)).is_some_and(|c| count(c) >= signed(take.units))
        })
    }

    fn shift(&self, sku: &Sku, pool: PoolId, units: u64, step: fn(&mut Counts, i64)) {
        let mut pools = self.pools.borrow_mut();
        let counts = pools.entry((sku.clone(), pool)).or_default();
        let before = counts.available;
        step(counts, signed(units));
        self.writes.write(pool_key(sku, pool), before, counts.available);
    }

    fn move_at(&self, (sku, node): (Sku, NodeId), units: i64) {
        let key = node_key(&sku, &node);
        let mut nodes = self.nodes.borrow_mut();
        let on_hand = nodes.entry((sku, node)).or_default();
        let before = *on_hand;
        *on_hand += units;
        self.writes.write(key, before, *on_hand);
    }

    fn shift_all(&self, takes: &[Take], step: fn(&mut Counts, i64)) {
        for take in takes {
            self.shift(&take.sku, take.pool, take.units, step);
        }
    }

    fn turn(&self, order_id: OrderId, status: ReservationStatus, outbox: &[Entry]) {
        if let Some(reservation) = self.reservations.borrow_mut().get_mut(&order_id) {
            reservation.status = status;
        }
        self.outboxes.write(reservation_key(order_id), order_id, outbox);
    }

    fn put_allocation(&self, allocation: Allocation, outbox: &[Entry]) {
        let order_id = allocation.order_id;
        self.allocations.borrow_mut().insert(order_id, allocation);
        self.outboxes.write(allocation_key(order_id), order_id, outbox);
    }
}

impl ReservationStore for MemoryInventory {
    async fn reservations(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Reservation>, StoreError> {
        self.trouble.read(|| self.reservations(orders))
    }

    async fn availability(&self, skus: &BTreeSet<&Sku>) -> Result<Availability, StoreError> {
        self.trouble.read(|| self.availability(skus))
    }

    async fn reserve(&self, plan: &Plan, new: &[NewReservation]) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.reserve(plan, new))
    }

    async fn renew(&self, held: &Reservation, expires_at: Timestamp) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.renew(held, expires_at))
    }
}

impl ReleaseStore for MemoryInventory {
    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.trouble.read(|| self.reservation(order_id))
    }

    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.trouble.read(|| self.allocation(order_id))
    }

    async fn release_reservation(
        &self,
        held: &Reservation,
        outbox: &[Entry],
    ) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.release_reservation(held, outbox))
    }

    async fn close_reservation(&self, order_id: OrderId, now: Timestamp) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.close_reservation(order_id, now))
    }

    async fn release_allocation(
        &self,
        allocated: &Allocation,
        committed: &Reservation,
    ) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.release_allocation(allocated, committed))
    }

    async fn close_allocation(&self, order_id: OrderId) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.close_allocation(order_id))
    }
}

impl LevelStore for MemoryInventory {
    async fn pools(&self, sku: &Sku) -> Result<Vec<Level>, StoreError> {
        self.trouble.read(|| self.levels(sku))
    }
}

impl SweepStore for MemoryInventory {
    async fn ended_holds(&self, ended_by: Timestamp) -> Result<Vec<OrderId>, StoreError> {
        self.trouble.read(|| self.ended_holds(ended_by))
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.trouble.read(|| self.reservation(order_id))
    }

    async fn release_ended(&self, held: &Reservation, outbox: &[Entry]) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.release_ended(held, outbox))
    }
}

impl AllocationStore for MemoryInventory {
    async fn allocation(&self, order_id: OrderId) -> Result<Option<Allocation>, StoreError> {
        self.trouble.read(|| self.allocation(order_id))
    }

    async fn reservation(&self, order_id: OrderId) -> Result<Option<Reservation>, StoreError> {
        self.trouble.read(|| self.reservation(order_id))
    }

    async fn on_hand(&self, skus: &BTreeSet<&Sku>) -> Result<OnHand, StoreError> {
        self.trouble.read(|| self.on_hand(skus))
    }

    async fn allocate(&self, new: &NewAllocation, now: Timestamp) -> Result<Committed, StoreError> {
        self.trouble.write(Committed::Stale, || self.allocate(new, now))
    }
}
