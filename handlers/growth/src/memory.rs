//! The growth squad's table, directory and post in memory, for tests and simulations: feature `memory`. The table's
//! conditions are those of [`crate::growth_table`], which the contracts in `ci/ports` hold both to.

pub mod listings;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    fmt,
    rc::Rc,
};

use lakeside_domain::{
    idempotency::{Acquisition, Durations, Owner},
    ids::{CustomerId, OrderId},
    notice::{NoticeStatus, What},
    time::Timestamp,
};
use lakeside_kit::{
    attempt::Written,
    conditions,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    memory::{LeaseCondition, Lifted, MemoryLeases, Outboxes},
    outbox::Entry,
};

use crate::{
    accrue_loyalty::LoyaltyStore,
    contact::{Contact, Contacts, Recipient},
    growth_table::{notice_key, points_key},
    loyalty_record::{AccountChange, LoyaltyRecord},
    notice_record::{NoticeRecord, status_name},
    notify_customer::{NoticeStore, Standing},
    post::{Letter, Post, SendError},
};

conditions! {
    PointsAsRead: "points are written only over the record that was read",
    PointsToTake: "an account gives back only points that it has",
    CustomerOnce: "whose order it is stays as it was first said",
    WaitingOnce: "a fact begins to wait only if it has no record",
    NothingSentYet: "sending begins only if nothing was sent",
    WithdrawnByItsOwner: "only the attempt that was about to send takes that back",
    SettledFromWhereItStood: "a notice is settled only from where it stood",
    LeaseFree: "a lease is given to one attempt at a time",
    LeaseCompletedByHolder: "a notice is settled by the holder of the lease only",
    LeaseReleasedByHolder: "a lease is given up by its holder only, and never once completed",
}

/// What others do just before a write.
type Meanwhile = Box<dyn FnOnce(&MemoryGrowth)>;

/// The table, as an invocation has it. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryGrowth {
    /// Around its messages.
    pub leases: MemoryLeases,
    items: Rc<Items>,
}

/// What is in the table.
#[derive(Default)]
pub struct Items {
    /// What is known of orders' points.
    pub points: RefCell<BTreeMap<OrderId, LoyaltyRecord>>,
    /// Points by account.
    pub accounts: RefCell<BTreeMap<CustomerId, i64>>,
    /// Whose order it is.
    pub customers: RefCell<BTreeMap<OrderId, CustomerId>>,
    /// What customers were told.
    pub notices: RefCell<BTreeMap<(OrderId, What), NoticeRecord>>,
    /// What the items' outboxes hold.
    pub outboxes: Outboxes,
    lifted: Lifted<Condition>,
    writes: Cell<usize>,
    meanwhile: RefCell<BTreeMap<usize, Meanwhile>>,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("points", &self.points)
            .field("accounts", &self.accounts)
            .field("customers", &self.customers)
            .field("notices", &self.notices)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for MemoryGrowth {
    type Target = Items;

    fn deref(&self) -> &Items {
        &self.items
    }
}

impl Default for MemoryGrowth {
    fn default() -> Self {
        Self::new(Durations { in_progress: 22, record: 3600 })
    }
}

impl MemoryGrowth {
    /// An empty table with leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self { leases: MemoryLeases::new(durations), items: Rc::default() }
    }

    /// The same table, leases from here on as long as `durations`.
    #[must_use]
    pub fn lasting(&self, durations: Durations) -> Self {
        Self { leases: self.leases.lasting(durations), items: Rc::clone(&self.items) }
    }

    /// From now on `condition` is not enforced, as if it were missing from its expression.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
        match condition {
            Condition::LeaseFree => self.leases.lift(LeaseCondition::Free),
            Condition::LeaseCompletedByHolder => self.leases.lift(LeaseCondition::CompletedByHolder),
            Condition::LeaseReleasedByHolder => self.leases.lift(LeaseCondition::ReleasedByHolder),
            _ => {}
        }
    }

    /// Lets others act just before the `write`-th conditional write.
    pub fn before_write(&self, write: usize, meanwhile: impl FnOnce(&Self) + 'static) {
        self.meanwhile.borrow_mut().insert(write, Box::new(meanwhile));
    }

    /// Where the telling of a fact stands.
    pub fn status(&self, order_id: OrderId, what: What) -> Option<NoticeStatus> {
        self.notices.borrow().get(&(order_id, what)).map(|notice| notice.status)
    }

    /// The detail-types of what went into the outbox.
    pub fn announced(&self) -> Vec<String> {
        self.outboxes.published()
    }

    fn others_act(&self) {
        let write = self.writes.get().saturating_add(1);
        self.writes.set(write);
        let meanwhile = self.meanwhile.borrow_mut().remove(&write);
        if let Some(meanwhile) = meanwhile {
            meanwhile(self);
        }
    }

    /// Writes the item as a whole, its outbox included.
    fn keep(&self, notice: &NoticeRecord, outbox: &[Entry]) {
        let (order_id, what) = (notice.order_id, notice.what);
        self.notices.borrow_mut().insert((order_id, what), notice.clone());
        self.outboxes.write(notice_key(order_id, what), order_id, outbox);
    }

    /// As [`LoyaltyStore::order_points`].
    pub fn order_points(&self, order_id: OrderId) -> Option<LoyaltyRecord> {
        self.points.borrow().get(&order_id).cloned()
    }

    /// As [`LoyaltyStore::save`].
    pub fn save(&self, record: &LoyaltyRecord, change: Option<&AccountChange>, outbox: &[Entry]) -> Written {
        let version = self.points.borrow().get(&record.order_id).map(|stored| stored.version);
        let as_read = match version {
            None => record.version == 1,
            Some(version) => record.version > 1 && version == record.version.saturating_sub(1),
        };
        if !self.lifted.passes(Condition::PointsAsRead, as_read) {
            return Written::Stale;
        }
        if let Some(AccountChange { customer_id, points }) = change {
            let mut accounts = self.accounts.borrow_mut();
            let before = accounts.get(customer_id).copied().unwrap_or_default();
            let after = before.saturating_add(*points);
            if *points < 0 && !self.lifted.passes(Condition::PointsToTake, after >= 0) {
                return Written::Stale;
            }
            accounts.insert(customer_id.clone(), after);
        }
        self.points.borrow_mut().insert(record.order_id, record.clone());
        self.outboxes.write(points_key(record.order_id), record.order_id, outbox);
        Written::Yes
    }

    /// As [`NoticeStore::customer`].
    pub fn customer(&self, order_id: OrderId) -> Option<CustomerId> {
        self.customers.borrow().get(&order_id).cloned()
    }

    /// As [`NoticeStore::remember_customer`].
    pub fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) {
        let new = !self.customers.borrow().contains_key(&order_id);
        if self.lifted.passes(Condition::CustomerOnce, new) {
            self.customers.borrow_mut().insert(order_id, customer_id.clone());
        }
    }

    /// As [`NoticeStore::notice`].
    pub fn notice(&self, order_id: OrderId, what: What) -> Option<NoticeRecord> {
        self.notices.borrow().get(&(order_id, what)).cloned()
    }

    /// As [`NoticeStore::notices`].
    pub fn notices(&self, order_id: OrderId) -> Vec<NoticeRecord> {
        self.notices.borrow().values().filter(|notice| notice.order_id == order_id).cloned().collect()
    }

    /// As [`NoticeStore::wait`].
    pub fn wait(&self, waiting: &NoticeRecord) {
        let new = self.status(waiting.order_id, waiting.what).is_none();
        if self.lifted.passes(Condition::WaitingOnce, new) {
            self.keep(waiting, &[]);
        }
    }

    /// As [`NoticeStore::begin_sending`].
    pub fn begin_sending(&self, sending: &NoticeRecord) -> Written {
        let untold = match self.notices.borrow().get(&(sending.order_id, sending.what)) {
            None | Some(NoticeRecord { status: NoticeStatus::Waiting, .. }) => true,
            Some(NoticeRecord { status: NoticeStatus::Sending { .. }, owner, .. }) => *owner == sending.owner,
            Some(_) => false,
        };
        if !self.lifted.passes(Condition::NothingSentYet, untold) {
            return Written::Stale;
        }
        self.keep(sending, &[]);
        Written::Yes
    }

    /// As [`NoticeStore::withdraw`].
    pub fn withdraw(&self, waiting: &NoticeRecord) -> Written {
        let mine = self.notices.borrow().get(&(waiting.order_id, waiting.what)).is_some_and(|notice| {
            matches!(notice.status, NoticeStatus::Sending { .. }) && notice.owner == waiting.owner
        });
        if !self.lifted.passes(Condition::WithdrawnByItsOwner, mine) {
            return Written::Stale;
        }
        self.keep(waiting, &[]);
        Written::Yes
    }

    /// As [`NoticeStore::settle`].
    pub fn settle(&self, notice: &NoticeRecord, from: Standing, outbox: &[Entry], held: &Held) -> Written {
        let stands = match self.status(notice.order_id, notice.what) {
            None | Some(NoticeStatus::Waiting) => from == Standing::Untold,
            Some(NoticeStatus::Sending { .. }) => from == Standing::Sending,
            Some(_) => false,
        };
        if !self.lifted.passes(Condition::SettledFromWhereItStood, stands)
            || !self.leases.complete(held, status_name(&notice.status), notice.updated_at)
        {
            return Written::Stale;
        }
        self.keep(notice, outbox);
        Written::Yes
    }
}

impl LoyaltyStore for MemoryGrowth {
    async fn order_points(&self, order_id: OrderId) -> Result<Option<LoyaltyRecord>, StoreError> {
        Ok(self.order_points(order_id))
    }

    async fn save(
        &self,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.save(record, change, outbox))
    }
}

impl NoticeStore for MemoryGrowth {
    async fn customer(&self, order_id: OrderId) -> Result<Option<CustomerId>, StoreError> {
        Ok(self.customer(order_id))
    }

    async fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) -> Result<(), StoreError> {
        self.others_act();
        self.remember_customer(order_id, customer_id);
        Ok(())
    }

    async fn notice(&self, order_id: OrderId, what: What) -> Result<Option<NoticeRecord>, StoreError> {
        Ok(self.notice(order_id, what))
    }

    async fn notices(&self, order_id: OrderId) -> Result<Vec<NoticeRecord>, StoreError> {
        Ok(self.notices(order_id))
    }

    async fn wait(&self, waiting: &NoticeRecord) -> Result<(), StoreError> {
        self.others_act();
        self.wait(waiting);
        Ok(())
    }

    async fn begin_sending(&self, sending: &NoticeRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.begin_sending(sending))
    }

    async fn withdraw(&self, waiting: &NoticeRecord) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.withdraw(waiting))
    }

    async fn settle(
        &self,
        notice: &NoticeRecord,
        from: Standing,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        Ok(self.settle(notice, from, outbox, held))
    }
}

impl Leases for MemoryGrowth {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        self.leases.acquire(key, owner, now).await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.leases.release(held).await
    }
}

/// A directory of contacts.
#[derive(Debug, Default)]
pub struct MemoryContacts {
    /// Contacts by customer.
    pub contacts: RefCell<BTreeMap<CustomerId, Contact>>,
    /// Whether it does not answer.
    pub down: Cell<bool>,
}

impl Contacts for MemoryContacts {
    async fn contact(&self, customer_id: &CustomerId) -> Result<Option<Contact>, StoreError> {
        if self.down.get() {
            return Err(StoreError::Busy);
        }
        Ok(self.contacts.borrow().get(customer_id).cloned())
    }
}

/// A post that remembers what it was given, and answers as it is told to or that all is well.
#[derive(Debug, Default)]
pub struct MemoryPost {
    /// What it was given and did not turn away, whatever it answered.
    pub sent: RefCell<Vec<(Recipient, Letter)>>,
    /// Its next answers.
    pub answers: RefCell<VecDeque<SendError>>,
}

impl Post for MemoryPost {
    async fn send(&self, to: &Recipient, letter: &Letter) -> Result<(), SendError> {
        let answer = self.answers.borrow_mut().pop_front();
        if matches!(answer, None | Some(SendError::Unknown)) {
            self.sent.borrow_mut().push((to.clone(), letter.clone()));
        }
        answer.map_or(Ok(()), Err)
    }
}
