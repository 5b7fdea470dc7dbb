//! The growth squad's table, directory and post in memory, with the conditions of the ones on AWS: feature `memory`.

pub mod listings;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
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
    memory::{Lifted, MemoryLeases},
    outbox::Entry,
};

use crate::{
    accrue_loyalty::LoyaltyStore,
    contact::{Contact, Contacts, Recipient},
    loyalty_record::{AccountChange, LoyaltyRecord},
    notice_record::NoticeRecord,
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
    LeaseStillHeld: "a notice is settled by the holder of the lease only",
}

/// What others do just before a write.
type Meanwhile = Box<dyn FnOnce(&MemoryGrowth)>;

/// The table.
pub struct MemoryGrowth {
    /// What is known of orders' points.
    pub points: RefCell<BTreeMap<OrderId, LoyaltyRecord>>,
    /// Points by account.
    pub accounts: RefCell<BTreeMap<CustomerId, i64>>,
    /// Whose order it is.
    pub customers: RefCell<BTreeMap<OrderId, CustomerId>>,
    /// What customers were told.
    pub notices: RefCell<BTreeMap<(OrderId, What), NoticeRecord>>,
    /// The leases.
    pub leases: MemoryLeases,
    /// What went into the outbox.
    pub published: RefCell<Vec<Entry>>,
    lifted: Lifted<Condition>,
    writes: Cell<usize>,
    meanwhile: RefCell<BTreeMap<usize, Meanwhile>>,
}

impl MemoryGrowth {
    /// An empty table with leases as long as `durations`.
    pub fn new(durations: Durations) -> Self {
        Self {
            points: RefCell::default(),
            accounts: RefCell::default(),
            customers: RefCell::default(),
            notices: RefCell::default(),
            leases: MemoryLeases::new(durations),
            published: RefCell::default(),
            lifted: Lifted::default(),
            writes: Cell::default(),
            meanwhile: RefCell::default(),
        }
    }

    /// From now on `condition` is not enforced, as if it were missing from its expression.
    pub fn lift(&self, condition: Condition) {
        self.lifted.lift(condition);
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
        self.published.borrow().iter().map(|entry| entry.detail_type.clone()).collect()
    }

    fn others_act(&self) {
        let write = self.writes.get().saturating_add(1);
        self.writes.set(write);
        let meanwhile = self.meanwhile.borrow_mut().remove(&write);
        if let Some(meanwhile) = meanwhile {
            meanwhile(self);
        }
    }

    fn keep(&self, notice: &NoticeRecord) {
        self.notices.borrow_mut().insert((notice.order_id, notice.what), notice.clone());
    }
}

impl LoyaltyStore for MemoryGrowth {
    async fn order_points(&self, order_id: OrderId) -> Result<Option<LoyaltyRecord>, StoreError> {
        Ok(self.points.borrow().get(&order_id).cloned())
    }

    async fn save(
        &self,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Result<Written, StoreError> {
        self.others_act();
        let version = self.points.borrow().get(&record.order_id).map_or(0, |stored| stored.version);
        if !self.lifted.passes(Condition::PointsAsRead, version == record.version.saturating_sub(1)) {
            return Ok(Written::Stale);
        }
        if let Some(AccountChange { customer_id, points }) = change {
            let mut accounts = self.accounts.borrow_mut();
            let before = accounts.get(customer_id).copied().unwrap_or_default();
            let after = before.saturating_add(*points);
            if *points < 0 && !self.lifted.passes(Condition::PointsToTake, after >= 0) {
                return Ok(Written::Stale);
            }
            accounts.insert(customer_id.clone(), after);
        }
        self.points.borrow_mut().insert(record.order_id, record.clone());
        self.published.borrow_mut().extend_from_slice(outbox);
        Ok(Written::Yes)
    }
}

impl NoticeStore for MemoryGrowth {
    async fn customer(&self, order_id: OrderId) -> Result<Option<CustomerId>, StoreError> {
        Ok(self.customers.borrow().get(&order_id).cloned())
    }

    async fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) -> Result<(), StoreError> {
        self.others_act();
        let new = !self.customers.borrow().contains_key(&order_id);
        if self.lifted.passes(Condition::CustomerOnce, new) {
            self.customers.borrow_mut().insert(order_id, customer_id.clone());
        }
        Ok(())
    }

    async fn notice(&self, order_id: OrderId, what: What) -> Result<Option<NoticeRecord>, StoreError> {
        Ok(self.notices.borrow().get(&(order_id, what)).cloned())
    }

    async fn notices(&self, order_id: OrderId) -> Result<Vec<NoticeRecord>, StoreError> {
        let notices = self.notices.borrow();
        Ok(notices.values().filter(|notice| notice.order_id == order_id).cloned().collect())
    }

    async fn wait(&self, waiting: &NoticeRecord) -> Result<(), StoreError> {
        self.others_act();
        let new = self.status(waiting.order_id, waiting.what).is_none();
        if self.lifted.passes(Condition::WaitingOnce, new) {
            self.keep(waiting);
        }
        Ok(())
    }

    async fn begin_sending(&self, sending: &NoticeRecord) -> Result<Written, StoreError> {
        self.others_act();
        let untold = match self.notices.borrow().get(&(sending.order_id, sending.what)) {
            None | Some(NoticeRecord { status: NoticeStatus::Waiting, .. }) => true,
            Some(NoticeRecord { status: NoticeStatus::Sending { .. }, owner, .. }) => *owner == sending.owner,
            Some(_) => false,
        };
        if !self.lifted.passes(Condition::NothingSentYet, untold) {
            return Ok(Written::Stale);
        }
        self.keep(sending);
        Ok(Written::Yes)
    }

    async fn withdraw(&self, waiting: &NoticeRecord) -> Result<Written, StoreError> {
        self.others_act();
        let mine = self.notices.borrow().get(&(waiting.order_id, waiting.what)).is_some_and(|notice| {
            matches!(notice.status, NoticeStatus::Sending { .. }) && notice.owner == waiting.owner
        });
        if !self.lifted.passes(Condition::WithdrawnByItsOwner, mine) {
            return Ok(Written::Stale);
        }
        self.keep(waiting);
        Ok(Written::Yes)
    }

    async fn settle(
        &self,
        notice: &NoticeRecord,
        from: Standing,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        self.others_act();
        let stands = match self.status(notice.order_id, notice.what) {
            None | Some(NoticeStatus::Waiting) => from == Standing::Untold,
            Some(NoticeStatus::Sending { .. }) => from == Standing::Sending,
            Some(_) => false,
        };
        if !self.lifted.passes(Condition::SettledFromWhereItStood, stands) {
            return Ok(Written::Stale);
        }
        let completed = self.leases.complete(held, "", notice.updated_at);
        if !self.lifted.passes(Condition::LeaseStillHeld, completed) {
            return Ok(Written::Stale);
        }
        self.keep(notice);
        self.published.borrow_mut().extend_from_slice(outbox);
        Ok(Written::Yes)
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
