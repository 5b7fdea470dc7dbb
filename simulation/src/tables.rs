//! The squads' tables: items under the conditions of their adapters, each write together with its outbox.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
};

use lakeside_domain::{
    allocation::{Allocation, AllocationStatus, Shipment},
    events::EventId,
    idempotency::{Acquisition, Durations, Lease, Owner, acquire, complete, release},
    ids::{NodeId, OrderId, ShipmentId, Sku},
    reservation::{Plan, Reservation, ReservationStatus, Take},
    stock::PoolId,
    time::Timestamp,
};
use lakeside_fulfilment::{effect::Written, label_record::LabelRecord, payment_record::PaymentRecord};
use lakeside_inventory::{allocate::NewAllocation, reserve_stock::NewReservation, stock_error::Committed};
use lakeside_kit::{
    lease::{Held, LeaseKey},
    outbox::Entry,
};
use lakeside_orders::{
    order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord, Saved},
    order_status::Known,
};

use crate::{mutants::Mutant, world::World};

#[derive(Default)]
pub struct Orders {
    pub prices: BTreeMap<Sku, i64>,
    pub records: BTreeMap<OrderId, OrderRecord>,
    pub conflicts: Vec<ConflictRecord>,
    pub refused: BTreeMap<String, RefusedRecord>,
}

/// The counts of a pool. Signed, so that a missing guard shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    pub received: i64,
}

#[derive(Default)]
pub struct Inventory {
    pub pools: BTreeMap<(Sku, PoolId), Counts>,
    pub nodes: BTreeMap<(Sku, NodeId), i64>,
    pub reservations: BTreeMap<OrderId, Reservation>,
    pub allocations: BTreeMap<OrderId, Allocation>,
}

#[derive(Default)]
pub struct Fulfilment {
    pub payments: BTreeMap<OrderId, PaymentRecord>,
    pub labels: BTreeMap<(OrderId, ShipmentId), LabelRecord>,
    pub closed: HashSet<OrderId>,
    pub leases: HashMap<LeaseKey, Lease>,
}

#[derive(Default)]
pub struct Status {
    pub owners: BTreeMap<OrderId, String>,
    pub facts: BTreeMap<OrderId, BTreeMap<EventId, Known>>,
}

fn units(units: u64) -> i64 {
    i64::try_from(units).unwrap()
}

type Move = fn(&mut Counts, i64);

impl World {
    // --- orders ---

    pub fn create_order(self: &Rc<Self>, record: &OrderRecord, outbox: &[Entry]) -> Creation {
        let existing = self.orders.borrow().records.get(&record.order_id).cloned();
        if let Some(first) = existing {
            if !self.planted(Mutant::OrderCreateUnconditional) {
                return Creation::Exists(Box::new(first));
            }
            self.check(first == *record, "I2", || format!("order {} was overwritten", record.order_id));
        }
        self.orders.borrow_mut().records.insert(record.order_id, record.clone());
        self.emit("orders", format!("ORDER#{}", record.order_id), record.order_id, outbox);
        Creation::Created
    }

    pub fn save_order(self: &Rc<Self>, record: &OrderRecord, outbox: &[Entry]) -> Saved {
        let current = self.orders.borrow().records.get(&record.order_id).cloned();
        let Some(current) = current else { return Saved::Stale };
        if current.version + 1 != record.version && !self.planted(Mutant::OrderSaveUnconditional) {
            return Saved::Stale;
        }
        self.check(!current.state.is_final() || current.state == record.state, "I4", || {
            format!("order {} went from {:?} to {:?}", record.order_id, current.state, record.state)
        });
        self.orders.borrow_mut().records.insert(record.order_id, record.clone());
        self.emit("orders", format!("ORDER#{}", record.order_id), record.order_id, outbox);
        Saved::Yes
    }

    // --- inventory ---

    fn shift(&self, takes: &[Take], shift: Move) {
        let mut inventory = self.inventory.borrow_mut();
        for take in takes {
            let counts = inventory.pools.get_mut(&(take.sku.clone(), take.pool)).unwrap();
            shift(counts, units(take.units));
            let Counts { available, held, sold, received } = *counts;
            let balanced = available + held + sold == received && available >= 0 && held >= 0 && sold >= 0;
            self.check(balanced, "I1", || format!("{} has {counts:?}", take.sku));
        }
    }

    /// Whether every take finds its units in the count.
    fn covered(&self, takes: &[Take], count: fn(&Counts) -> i64) -> bool {
        let inventory = self.inventory.borrow();
        takes.iter().all(|t| {
            inventory.pools.get(&(t.sku.clone(), t.pool)).is_some_and(|c| count(c) >= units(t.units))
        })
    }

    fn reservation_status(&self, order_id: OrderId) -> Option<ReservationStatus> {
        self.inventory.borrow().reservations.get(&order_id).map(|r| r.status)
    }

    fn turn(&self, order_id: OrderId, status: ReservationStatus) {
        self.inventory.borrow_mut().reservations.get_mut(&order_id).unwrap().status = status;
    }

    pub fn reserve(self: &Rc<Self>, plan: &Plan, new: &[NewReservation]) -> Committed {
        let available =
            |sku: &Sku, pool: PoolId| self.inventory.borrow().pools[&(sku.clone(), pool)].available;
        let holds = plan.guards.iter().all(|((sku, pool), guard)| {
            let now = available(sku, *pool);
            now >= units(guard.take) && guard.at_most.is_none_or(|most| now <= units(most))
        });
        let exists = |n: &NewReservation| self.reservation_status(n.reservation.order_id).is_some();
        if (!holds && !self.planted(Mutant::ReserveWithoutStock))
            || (new.iter().any(exists) && !self.planted(Mutant::ReserveTwice))
        {
            return Committed::Stale;
        }
        for NewReservation { reservation, outbox } in new {
            let mut reservation = reservation.clone();
            if self.planted(Mutant::ReserveWhatFits) && reservation.takes.len() > 1 {
                reservation.takes.pop();
            }
            self.shift(&reservation.takes, |c, n| {
                c.available -= n;
                c.held += n;
            });
            let order_id = reservation.order_id;
            self.inventory.borrow_mut().reservations.insert(order_id, reservation);
            self.emit("inventory", format!("RESERVATION#{order_id}"), order_id, outbox);
        }
        for refused in new.iter().filter(|n| n.reservation.status == ReservationStatus::Refused) {
            self.is_really_short(refused);
        }
        Committed::Yes
    }

    /// Nobody is told that something is sold out while there is enough of it.
    fn is_really_short(&self, refused: &NewReservation) {
        let detail: serde_json::Value = serde_json::from_str(&refused.outbox[0].detail).unwrap();
        let shortages = detail["data"]["shortages"].as_array().cloned().unwrap_or_default();
        let short = shortages.iter().any(|shortage| {
            let inventory = self.inventory.borrow();
            let of_sku =
                inventory.pools.iter().filter(|((sku, _), _)| Some(sku.as_str()) == shortage["sku"].as_str());
            let available: i64 = of_sku.map(|(_, counts)| counts.available).sum();
            available < shortage["requested"].as_i64().unwrap()
        });
        self.check(short, "no false sold-out", || {
            format!("order {} was refused", refused.reservation.order_id)
        });
    }

    pub fn renew(self: &Rc<Self>, held: &Reservation, expires_at: Timestamp) -> Committed {
        let stands = self.inventory.borrow().reservations.get(&held.order_id) == Some(held);
        if !stands {
            return Committed::Stale;
        }
        self.inventory.borrow_mut().reservations.get_mut(&held.order_id).unwrap().expires_at = expires_at;
        self.emit_unchanged("inventory", &format!("RESERVATION#{}", held.order_id), held.order_id);
        Committed::Yes
    }

    pub fn release_reservation(self: &Rc<Self>, held: &Reservation, outbox: &[Entry]) -> Committed {
        let stands = self.reservation_status(held.order_id) == Some(ReservationStatus::Held);
        let free = self.planted(Mutant::ReleaseTwice);
        if !(free || stands && self.covered(&held.takes, |c| c.held)) {
            return Committed::Stale;
        }
        self.shift(&held.takes, |c, n| {
            c.held -= n;
            c.available += n;
        });
        self.turn(held.order_id, ReservationStatus::Released);
        self.emit("inventory", format!("RESERVATION#{}", held.order_id), held.order_id, outbox);
        Committed::Yes
    }

    pub fn close_reservation(self: &Rc<Self>, order_id: OrderId, now: Timestamp) -> Committed {
        if self.reservation_status(order_id).is_some() && !self.planted(Mutant::CloseUnconditional) {
            return Committed::Stale;
        }
        let status = ReservationStatus::Released;
        let closed = Reservation { order_id, status, takes: Vec::new(), expires_at: now };
        self.inventory.borrow_mut().reservations.insert(order_id, closed);
        self.emit("inventory", format!("RESERVATION#{order_id}"), order_id, &[]);
        Committed::Yes
    }

    fn nodes_cover(&self, shipments: &[Shipment]) -> bool {
        let inventory = self.inventory.borrow();
        shipments.iter().flat_map(|s| s.lines.iter().map(|line| (line, &s.node))).all(|(line, node)| {
            inventory.nodes.get(&(line.sku.clone(), node.clone())).copied().unwrap_or_default()
                >= units(line.quantity.units())
        })
    }

    fn ship(&self, shipments: &[Shipment], sign: i64) {
        let mut inventory = self.inventory.borrow_mut();
        for shipment in shipments {
            for line in &shipment.lines {
                let key = (line.sku.clone(), shipment.node.clone());
                let on_hand = inventory.nodes.entry(key).or_default();
                *on_hand -= sign * units(line.quantity.units());
                let left = *on_hand;
                self.check(left >= 0, "I1", || format!("{} at {} is {left}", line.sku, shipment.node));
            }
        }
    }

    pub fn allocate(self: &Rc<Self>, new: &NewAllocation, now: Timestamp) -> Committed {
        let order_id = new.allocation.order_id;
        let (held, live, exists) = {
            let inventory = self.inventory.borrow();
            let reservation = inventory.reservations.get(&order_id);
            (
                reservation.is_some_and(|r| r.status == ReservationStatus::Held),
                reservation.is_some_and(|r| r.expires_at > now),
                inventory.allocations.contains_key(&order_id),
            )
        };
        if (!held && !self.planted(Mutant::AllocateReleasedHold))
            || (!live && !self.planted(Mutant::AllocateEndedHold))
            || (exists && !self.planted(Mutant::AllocateTwice))
            || (!self.covered(&new.reservation.takes, |c| c.held)
                && !self.planted(Mutant::AllocateReleasedHold))
            || (!self.nodes_cover(&new.allocation.shipments) && !self.planted(Mutant::AllocateWithoutStock))
        {
            return Committed::Stale;
        }
        self.check(live, "I8", || format!("order {order_id} was sold from a hold that had ended"));
        self.shift(&new.reservation.takes, |c, n| {
            c.held -= n;
            c.sold += n;
        });
        self.ship(&new.allocation.shipments, 1);
        self.turn(order_id, ReservationStatus::Committed);
        self.inventory.borrow_mut().allocations.insert(order_id, new.allocation.clone());
        self.emit("inventory", format!("RESERVATION#{order_id}"), order_id, &new.reservation_outbox);
        self.emit("inventory", format!("ALLOCATION#{order_id}"), order_id, &new.allocation_outbox);
        Committed::Yes
    }

    pub fn release_allocation(self: &Rc<Self>, allocated: &Allocation, committed: &Reservation) -> Committed {
        let order_id = allocated.order_id;
        let standing = self
            .inventory
            .borrow()
            .allocations
            .get(&order_id)
            .is_some_and(|a| a.status == AllocationStatus::Allocated);
        let sold = self.reservation_status(order_id) == Some(ReservationStatus::Committed);
        let free = self.planted(Mutant::ReleaseAllocationTwice);
        if !(free || standing && sold && self.covered(&committed.takes, |c| c.sold)) {
            return Committed::Stale;
        }
        self.shift(&committed.takes, |c, n| {
            c.sold -= n;
            c.held += n;
        });
        self.ship(&allocated.shipments, -1);
        self.turn(order_id, ReservationStatus::Held);
        self.inventory.borrow_mut().allocations.get_mut(&order_id).unwrap().status =
            AllocationStatus::Released;
        self.emit("inventory", format!("RESERVATION#{order_id}"), order_id, &[]);
        self.emit("inventory", format!("ALLOCATION#{order_id}"), order_id, &[]);
        Committed::Yes
    }

    pub fn close_allocation(self: &Rc<Self>, order_id: OrderId) -> Committed {
        let exists = self.inventory.borrow().allocations.contains_key(&order_id);
        if exists && !self.planted(Mutant::CloseAllocationUnconditional) {
            return Committed::Stale;
        }
        let closed = Allocation { order_id, status: AllocationStatus::Released, shipments: Vec::new() };
        self.inventory.borrow_mut().allocations.insert(order_id, closed);
        Committed::Yes
    }

    pub fn available(&self, skus: &BTreeSet<&Sku>) -> BTreeMap<Sku, BTreeMap<PoolId, u64>> {
        let mut availability: BTreeMap<Sku, BTreeMap<PoolId, u64>> = BTreeMap::new();
        for ((sku, pool), counts) in &self.inventory.borrow().pools {
            if skus.contains(sku) {
                let available = u64::try_from(counts.available).unwrap_or_default();
                availability.entry(sku.clone()).or_default().insert(*pool, available);
            }
        }
        availability
    }

    // --- fulfilment ---

    /// Writes a payment if the one there is at one of `before`; `""` stands for none.
    pub fn put_payment(
        self: &Rc<Self>,
        payment: &PaymentRecord,
        before: &[&str],
        guard: Option<Mutant>,
        outbox: &[Entry],
        held: Option<&Held>,
        durations: Durations,
    ) -> Written {
        let order_id = payment.order_id;
        let now = self.fulfilment.borrow().payments.get(&order_id).cloned();
        let at = now.as_ref().map_or("", |p| lakeside_fulfilment::payment_record::status_name(&p.status));
        if !before.contains(&at) && !guard.is_some_and(|guard| self.planted(guard)) {
            return Written::Stale;
        }
        if held.is_some_and(|held| !self.complete_lease(held, payment.updated_at, durations)) {
            return Written::Stale;
        }
        self.fulfilment.borrow_mut().payments.insert(order_id, payment.clone());
        self.emit("fulfilment", format!("PAYMENT#{order_id}"), order_id, outbox);
        Written::Yes
    }

    pub fn put_label(
        self: &Rc<Self>,
        label: &LabelRecord,
        before: &[&str],
        guard: Option<Mutant>,
        outbox: &[Entry],
        held: Option<&Held>,
        durations: Durations,
    ) -> Written {
        let key = (label.order_id, label.shipment_id);
        let now = self.fulfilment.borrow().labels.get(&key).cloned();
        let at = now.as_ref().map_or("", |l| lakeside_fulfilment::label_record::status_name(&l.status));
        if !before.contains(&at) && !guard.is_some_and(|guard| self.planted(guard)) {
            return Written::Stale;
        }
        if held.is_some_and(|held| !self.complete_lease(held, label.updated_at, durations)) {
            return Written::Stale;
        }
        self.fulfilment.borrow_mut().labels.insert(key, label.clone());
        self.emit("fulfilment", format!("LABEL#{}", label.shipment_id), label.order_id, outbox);
        Written::Yes
    }

    pub fn take_lease(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
        durations: Durations,
    ) -> Acquisition {
        let mut current = self.fulfilment.borrow().leases.get(key).cloned();
        if let Some(Lease::InProgress { owner: holder, .. }) = &current
            && holder == owner
        {
            return acquire(None, owner, now, durations);
        }
        if self.planted(Mutant::LeaseIgnored) {
            current = current.filter(|lease| matches!(lease, Lease::Completed { .. }));
        }
        let decided = acquire(current.as_ref(), owner, now, durations);
        if let Acquisition::Acquired(lease) = &decided {
            self.fulfilment.borrow_mut().leases.insert(key.clone(), lease.clone());
        }
        decided
    }

    fn complete_lease(&self, held: &Held, now: Timestamp, durations: Durations) -> bool {
        let current = self.fulfilment.borrow().leases.get(&held.key).cloned();
        let completed = complete(current.as_ref(), &held.owner, String::new(), now, durations);
        if completed.is_err() && !self.planted(Mutant::SettleWithoutLease) {
            return false;
        }
        let expires_at = now.plus_seconds(durations.record);
        let lease = completed.unwrap_or(Lease::Completed { result: String::new(), expires_at });
        self.fulfilment.borrow_mut().leases.insert(held.key.clone(), lease);
        true
    }

    pub fn release_lease(&self, held: &Held) {
        let current = self.fulfilment.borrow().leases.get(&held.key).cloned();
        let mine = release(current.as_ref(), &held.owner).is_ok();
        if mine || self.planted(Mutant::LeaseReleasedByAnybody) {
            self.check(!matches!(current, Some(Lease::Completed { .. })), "I5", || {
                format!("a completed lease was given up by {}", held.owner.0)
            });
            self.fulfilment.borrow_mut().leases.remove(&held.key);
        }
    }
}
