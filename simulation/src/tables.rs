//! The squads' tables, what every write to them must keep, and what their streams carry.

use std::{collections::BTreeMap, rc::Rc};

use lakeside_domain::{
    adjustment::{Adjustment, Kind, Line, NODE_SHORT},
    idempotency::{Acquisition, Durations, Lease, Owner},
    ids::{OrderId, Sku},
    loyalty::Award,
    notice::NoticeStatus,
    order::OrderState,
    rebalancing::Move,
    reservation::{Plan, Reservation, ReservationStatus},
    time::Timestamp,
};
use lakeside_growth::{
    loyalty_record::{AccountChange, LoyaltyRecord},
    notice_record::NoticeRecord,
    post::Letter,
};
use lakeside_inventory::{
    adjust_stock::NewAdjustment, allocate::NewAllocation, reserve_stock::NewReservation,
    stock_error::Committed,
};
use lakeside_kit::{
    attempt::Written,
    lease::{Held, LeaseKey},
    memory::{MemoryLeases, Outboxes},
    outbox::Entry,
};
use lakeside_orders::order_record::{Creation, OrderRecord, Saved};

use crate::{
    faults::Fault,
    mutants::Mutant,
    ports::MAX_SKEW,
    world::{Attempt, World},
};

impl World {
    /// Takes the planted bug's condition away.
    pub fn lift(&self, mutant: Mutant) {
        match mutant {
            Mutant::Orders(condition) => {
                self.orders.lift(condition);
                self.status.lift(condition);
            }
            Mutant::Inventory(condition) => self.inventory.lift(condition),
            Mutant::Fulfilment(condition) => self.fulfilment.lift(condition),
            Mutant::Growth(condition) => self.growth.lift(condition),
            Mutant::StoreStock(condition) => self.store_stock.lift(condition),
            Mutant::StockUnversioned => self.inventory.writes.unversioned.set(true),
            _ => {}
        }
    }

    pub fn create_order(self: &Rc<Self>, record: &OrderRecord, outbox: &[Entry]) -> Creation {
        let before = self.orders.load(record.order_id);
        let creation = self.orders.create(record, outbox);
        if creation == Creation::Created {
            self.check(before.is_none_or(|first| first == *record), "I2", || {
                format!("order {} was overwritten", record.order_id)
            });
        }
        self.flow("orders", &self.orders.outboxes);
        creation
    }

    pub fn save_order(self: &Rc<Self>, record: &OrderRecord, outbox: &[Entry]) -> Saved {
        let before = self.orders.load(record.order_id);
        let saved = self.orders.save(record, outbox);
        if let (Saved::Yes, Some(before)) = (saved, before) {
            self.check(!before.state.is_final() || before.state == record.state, "I4", || {
                format!("order {} went from {:?} to {:?}", record.order_id, before.state, record.state)
            });
        }
        self.flow("orders", &self.orders.outboxes);
        saved
    }

    pub fn reserve(self: &Rc<Self>, plan: &Plan, new: &[NewReservation]) -> Committed {
        let committed = self.stock(self.inventory.reserve(plan, new));
        if committed == Committed::Yes {
            for refused in new.iter().filter(|n| n.reservation.status == ReservationStatus::Refused) {
                self.is_really_short(refused);
            }
        }
        committed
    }

    /// Nobody is told that something is sold out while there is enough of it.
    fn is_really_short(&self, refused: &NewReservation) {
        let detail: serde_json::Value = serde_json::from_str(&refused.outbox[0].detail).unwrap();
        let shortages = detail["data"]["shortages"].as_array().cloned().unwrap_or_default();
        let short = shortages.iter().any(|shortage| {
            let pools = self.inventory.pools.borrow();
            let of_sku = pools.iter().filter(|((sku, _), _)| Some(sku.as_str()) == shortage["sku"].as_str());
            let available: i64 = of_sku.map(|(_, counts)| counts.available).sum();
            available < shortage["requested"].as_i64().unwrap()
        });
        self.check(short, "no false sold-out", || {
            format!("order {} was refused", refused.reservation.order_id)
        });
    }

    pub fn allocate(self: &Rc<Self>, new: &NewAllocation, now: Timestamp) -> Committed {
        let order_id = new.allocation.order_id;
        let live = self.inventory.reservation(order_id).is_some_and(|hold| hold.expires_at > now);
        let committed = self.stock(self.inventory.allocate(new, now));
        if committed == Committed::Yes {
            self.check(live, "I8", || format!("order {order_id} was sold from a hold that had ended"));
        }
        committed
    }

    /// What the index of holds says: what it should, or what it said a while ago.
    pub fn ended_holds(&self, ended_by: Timestamp) -> Vec<OrderId> {
        if self.strikes(Fault::StaleIndex) {
            let mut of_old: Vec<OrderId> = self.inventory.reservations.borrow().keys().copied().collect();
            of_old.retain(|_| self.engine.chance(0.5));
            return of_old;
        }
        self.inventory.ended_holds(ended_by)
    }

    pub fn release_ended(self: &Rc<Self>, held: &Reservation, outbox: &[Entry]) -> Committed {
        let end = self.inventory.reservation(held.order_id).map(|hold| hold.expires_at);
        let committed = self.stock(self.inventory.release_ended(held, outbox));
        if committed == Committed::Yes {
            self.faults.count(Fault::HoldForsaken);
            let ended = end.is_some_and(|end| end.as_millis() < self.engine.now() + MAX_SKEW);
            self.check(ended, "I8", || format!("order {} lost its hold before its end", held.order_id));
        }
        committed
    }

    pub fn adjust(self: &Rc<Self>, new: &NewAdjustment) -> Committed {
        let id = new.record.adjustment.adjustment_id;
        let before = self.inventory.adjustment(id);
        let committed = self.stock(self.inventory.adjust(new));
        if committed == Committed::Yes {
            self.check(before.is_none(), "I7", || format!("adjustment {id} was made twice"));
            if let Err(refusal) = &new.decision {
                self.is_really_refused(&new.record.adjustment, refusal.reason);
            }
        }
        committed
    }

    /// Nobody is told that a change cannot be made while it can.
    fn is_really_refused(&self, adjustment: &Adjustment, reason: &str) {
        let inventory = &self.inventory;
        let short = adjustment.lines.iter().any(|Line { sku, units }| {
            let at = (sku.clone(), adjustment.node.clone());
            let on_hand = inventory.nodes.borrow().get(&at).copied().unwrap_or_default();
            let pools = inventory.pools.borrow();
            let of_sku = pools.iter().filter(|((of, _), _)| of == sku);
            let available: i64 = of_sku.map(|(_, counts)| counts.available).sum();
            let left = if reason == NODE_SHORT { on_hand } else { available };
            left + units.count() < 0 || (adjustment.kind == Kind::StoreSale && left < units.count())
        });
        self.check(short, "no false refusal", || {
            format!("adjustment {} was refused: {reason}", adjustment.adjustment_id)
        });
    }

    pub fn move_units(self: &Rc<Self>, sku: &Sku, step: Move) -> Committed {
        let committed = self.stock(self.inventory.move_units(sku, step));
        if committed == Committed::Yes {
            self.faults.count(Fault::PoolsUneven);
        }
        committed
    }

    /// What lies at the nodes is what is not sold, of every SKU and at every moment.
    fn nodes_and_pools_agree(&self) {
        let mut unsold: BTreeMap<Sku, i64> = BTreeMap::new();
        for ((sku, _), counts) in self.inventory.pools.borrow().iter() {
            *unsold.entry(sku.clone()).or_default() += counts.available + counts.held;
        }
        for ((sku, _), on_hand) in self.inventory.nodes.borrow().iter() {
            *unsold.entry(sku.clone()).or_default() -= on_hand;
        }
        for (sku, difference) in unsold {
            self.check(difference == 0, "I1", || {
                format!("the pools of {sku} have {difference} units more than its nodes")
            });
        }
    }

    /// What every write of stock must keep.
    pub fn stock(self: &Rc<Self>, committed: Committed) -> Committed {
        if committed == Committed::Yes {
            for ((sku, _), counts) in self.inventory.pools.borrow().iter() {
                self.check(counts.balance(), "I1", || format!("{sku} has {counts:?}"));
            }
            for ((sku, node), left) in self.inventory.nodes.borrow().iter() {
                self.check(*left >= 0, "I1", || format!("{sku} at {node} is {left}"));
            }
            self.nodes_and_pools_agree();
            self.stock_writes.set(self.stock_writes.get() + 1);
        }
        self.flow("inventory", &self.inventory.outboxes);
        self.flow_stock();
        committed
    }

    pub fn take_lease(
        &self,
        leases: &MemoryLeases,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
        durations: Durations,
    ) -> Acquisition {
        if self.strikes(Fault::TtlEarly) && matches!(leases.get(key), Some(Lease::Completed { .. })) {
            leases.delete(key);
        }
        let before = leases.get(key);
        let taken = leases.lasting(durations).take(key, owner, now);
        self.lease_stays(leases, key, before.as_ref(), now);
        taken
    }

    pub fn give_lease_up(&self, leases: &MemoryLeases, held: &Held, now: Timestamp) {
        let before = leases.get(&held.key);
        leases.give_up(held);
        self.lease_stays(leases, &held.key, before.as_ref(), now);
    }

    /// DynamoDB deletes leases whose time is over, but not all of them yet.
    pub fn expire_leases(&self) {
        let now = Timestamp::from_millis(self.engine.now());
        for leases in [&self.fulfilment.leases, &self.growth.leases] {
            for key in leases.keys() {
                let Some(Lease::Completed { expires_at, .. }) = leases.get(&key) else { continue };
                if expires_at > now {
                    continue;
                }
                if self.engine.chance(0.5) {
                    leases.delete(&key);
                } else {
                    self.faults.count(Fault::TtlLate);
                }
            }
        }
        if self.planted(Mutant::NoticesExpire) {
            self.growth.notices.borrow_mut().clear();
        }
    }

    fn lease_stays(&self, leases: &MemoryLeases, key: &LeaseKey, before: Option<&Lease>, now: Timestamp) {
        if let Some(Lease::Completed { expires_at, .. }) = before
            && *expires_at > now
        {
            let completed = matches!(leases.get(key), Some(Lease::Completed { .. }));
            self.check(completed, "I5", || format!("the completed lease {key:?} was taken back"));
        }
    }

    pub fn save_points(
        self: &Rc<Self>,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Written {
        let written = self.growth.save(record, change, outbox);
        if written == Written::Yes {
            self.points_add_up(record);
        }
        self.flow("growth", &self.growth.outboxes);
        written
    }

    /// Adds to an account, and to nothing else.
    pub fn add_points(&self, change: &AccountChange) {
        *self.growth.accounts.borrow_mut().entry(change.customer_id.clone()).or_default() += change.points;
    }

    /// What every write of points must keep.
    fn points_add_up(&self, record: &LoyaltyRecord) {
        if let Award::Accrued { .. } = record.known.award {
            let orders = self.orders.records.borrow();
            let fulfilled = orders.get(&record.order_id).is_some_and(|o| o.state == OrderState::Fulfilled);
            self.check(fulfilled, "L1", || format!("order {} earned points too early", record.order_id));
        }
        let points = self.growth.points.borrow();
        for (customer_id, account) in self.growth.accounts.borrow().iter() {
            let given = points.values().map(|record| match (&record.known.earning, record.known.award) {
                (Some(earning), Award::Accrued { points }) if earning.customer_id == *customer_id => {
                    i64::try_from(points.count()).unwrap()
                }
                _ => 0,
            });
            let given: i64 = given.sum();
            self.check(*account == given, "L1", || format!("{customer_id} has {account} of {given} points"));
        }
    }

    /// Nobody who can still come back was taken for lost.
    pub fn nobody_is_at(&self, notice: &NoticeRecord) {
        if let NoticeStatus::Uncertain { .. } = notice.status {
            let letter = Letter::about(notice.order_id, notice.what);
            let now = self.engine.now();
            let at_it = |attempt: &Attempt| attempt.at == letter.text && attempt.deadline > now;
            let alive = self.attempts.borrow().iter().any(at_it);
            self.check(!alive, "one attempt at a time", || {
                format!("somebody is still at it and was given up: {}", letter.text)
            });
        }
    }

    /// Brings what was written to a table to its stream.
    pub fn flow(self: &Rc<Self>, squad: &'static str, outboxes: &Outboxes) {
        self.final_stays(squad);
        for change in outboxes.take_changes() {
            self.record(squad, change.about, &change.old, &change.new);
        }
    }
}
