//! The growth squad's table, the directory and the post.

use std::{cell::Cell, rc::Rc};

use lakeside_domain::{
    idempotency::{Acquisition, Owner},
    ids::{CustomerId, OrderId},
    loyalty::{OrderPoints, Rate},
    notice::{NoticeStatus, Preference, What},
    time::Timestamp,
};
use lakeside_growth::{
    accrue_loyalty::LoyaltyStore,
    contact::{Contact, Contacts, Recipient},
    loyalty_record::{AccountChange, LoyaltyRecord},
    memory::MemoryGrowth,
    notice_record::NoticeRecord,
    notify_customer::{NoticeStore, Standing},
    post::{Letter, Post, SendError},
};
use lakeside_kit::{
    attempt::Written,
    clock::Clock,
    dynamo::StoreError,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};

use super::Port;
use crate::{mutants::Mutant, world::World};

/// The table as an invocation has it: its leases are not the fulfilment squad's.
pub struct GrowthTable<'a> {
    port: &'a Port,
    /// Whether a fact has begun to wait.
    waited: Cell<bool>,
}

impl Port {
    pub const fn growth_table(&self) -> GrowthTable<'_> {
        GrowthTable { port: self, waited: Cell::new(false) }
    }

    pub fn rate(&self) -> Rate {
        self.world.rates[usize::from(self.newer)]
    }
}

impl GrowthTable<'_> {
    fn planted(&self, mutant: Mutant) -> bool {
        self.port.world.planted(mutant)
    }

    /// One write to the table, which goes to its stream.
    async fn write(
        &self,
        what: &'static str,
        write: impl Fn(&MemoryGrowth) -> Written,
    ) -> Result<Written, StoreError> {
        self.port
            .call(what, |world| {
                let written = write(&world.growth.lasting(self.port.durations));
                world.flow("growth", &world.growth.outboxes);
                Ok(written)
            })
            .await
    }
}

impl LoyaltyStore for GrowthTable<'_> {
    async fn order_points(&self, order_id: OrderId) -> Result<Option<LoyaltyRecord>, StoreError> {
        let read = self.port.call("read points", |world| Ok(world.growth.order_points(order_id))).await;
        if self.planted(Mutant::PointsOnCreation) {
            let known = OrderPoints::default();
            let mut record = read?.unwrap_or(LoyaltyRecord { order_id, known, version: 0 });
            record.known.fulfilled = true;
            return Ok(Some(record));
        }
        read
    }

    async fn save(
        &self,
        record: &LoyaltyRecord,
        change: Option<&AccountChange>,
        outbox: &[Entry],
    ) -> Result<Written, StoreError> {
        let forgotten = self.planted(Mutant::ReversalForgotten);
        let change = change.filter(|change| change.points > 0 || !forgotten);
        if self.planted(Mutant::AccountApart) {
            let written = self.write("save points", |table| table.save(record, None, outbox)).await?;
            if let (Written::Yes, Some(change)) = (written, change) {
                let add = |world: &Rc<World>| {
                    world.add_points(change);
                    Ok(())
                };
                self.port.call("save account", add).await?;
            }
            return Ok(written);
        }
        self.port.call("save points", |world| Ok(world.save_points(record, change, outbox))).await
    }
}

impl NoticeStore for GrowthTable<'_> {
    async fn customer(&self, order_id: OrderId) -> Result<Option<CustomerId>, StoreError> {
        if self.waited.take() && self.planted(Mutant::LookedForOnce) {
            return Ok(None);
        }
        self.port.call("read customer", |world| Ok(world.growth.customer(order_id))).await
    }

    async fn remember_customer(&self, order_id: OrderId, customer_id: &CustomerId) -> Result<(), StoreError> {
        self.port
            .call("remember customer", |world| {
                world.growth.remember_customer(order_id, customer_id);
                Ok(())
            })
            .await
    }

    async fn notice(&self, order_id: OrderId, what: What) -> Result<Option<NoticeRecord>, StoreError> {
        self.port.call("read notice", |world| Ok(world.growth.notice(order_id, what))).await
    }

    async fn notices(&self, order_id: OrderId) -> Result<Vec<NoticeRecord>, StoreError> {
        self.port.call("read notices", |world| Ok(world.growth.notices(order_id))).await
    }

    async fn wait(&self, waiting: &NoticeRecord) -> Result<(), StoreError> {
        self.waited.set(true);
        if self.planted(Mutant::EarlyFactDropped) {
            return Ok(());
        }
        let wait = |table: &MemoryGrowth| {
            table.wait(waiting);
            Written::Yes
        };
        self.write("let fact wait", wait).await.map(|_| ())
    }

    async fn begin_sending(&self, sending: &NoticeRecord) -> Result<Written, StoreError> {
        if self.planted(Mutant::RecordedAfterwards) {
            return Ok(Written::Yes);
        }
        self.write("begin sending", |table| table.begin_sending(sending)).await
    }

    async fn withdraw(&self, waiting: &NoticeRecord) -> Result<Written, StoreError> {
        self.write("withdraw", |table| table.withdraw(waiting)).await
    }

    async fn settle(
        &self,
        notice: &NoticeRecord,
        from: Standing,
        outbox: &[Entry],
        held: &Held,
    ) -> Result<Written, StoreError> {
        let quoted = self.planted(Mutant::AddressOnTheBus).then(|| self.with_address(notice, outbox));
        let outbox = quoted.as_deref().unwrap_or(outbox);
        self.write("settle notice", |table| {
            if self.planted(Mutant::RecordedAfterwards)
                && let NoticeStatus::Sent { channel }
                | NoticeStatus::Uncertain { channel }
                | NoticeStatus::Undeliverable { channel } = notice.status
            {
                let sending = NoticeStatus::Sending { channel };
                table.begin_sending(&notice.moved_to(sending, notice.updated_at));
            }
            let settled = table.settle(notice, from, outbox, held);
            if settled == Written::Yes {
                self.port.world.nobody_is_at(notice);
            }
            settled
        })
        .await
    }
}

impl GrowthTable<'_> {
    /// The events as somebody writes them who finds it useful to say where a message went.
    fn with_address(&self, notice: &NoticeRecord, outbox: &[Entry]) -> Vec<Entry> {
        let world = &self.port.world;
        let contact = world.growth.customer(notice.order_id).and_then(|id| world.directory.contact(&id));
        let address = contact.and_then(|contact| match contact.recipient().ok()? {
            Recipient::Email(text) | Recipient::Phone(text) => Some(text.reveal().to_owned()),
        });
        let said = format!("{{\"to\":\"{}\",", address.unwrap_or_default());
        let quoting = |entry: &Entry| Entry { detail: entry.detail.replacen('{', &said, 1), ..entry.clone() };
        outbox.iter().map(quoting).collect()
    }
}

impl Leases for GrowthTable<'_> {
    async fn acquire(
        &self,
        key: &LeaseKey,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Acquisition, StoreError> {
        let durations = self.port.durations;
        self.port
            .call("take notice's lease", |world| {
                Ok(world.take_lease(&world.growth.leases, key, owner, now, durations))
            })
            .await
    }

    async fn release(&self, held: &Held) -> Result<(), StoreError> {
        self.port
            .call("give up notice's lease", |world| {
                world.give_lease_up(&world.growth.leases, held, self.port.now());
                Ok(())
            })
            .await
    }
}

impl Contacts for Port {
    async fn contact(&self, customer_id: &CustomerId) -> Result<Option<Contact>, StoreError> {
        let contact = self.call("read contact", |world| Ok(world.directory.contact(customer_id))).await?;
        let ignored = self.world.planted(Mutant::WishIgnored);
        let pestered = |contact: Contact| Contact { preference: Preference::Any, ..contact };
        Ok(if ignored { contact.map(pestered) } else { contact })
    }
}

impl Post for Port {
    async fn send(&self, to: &Recipient, letter: &Letter) -> Result<(), SendError> {
        let _alone = self.alone(letter.text.clone());
        self.before("send message").await;
        let mut sent = self.world.post(to, letter).await;
        if sent == Err(SendError::Unknown) && self.world.planted(Mutant::ClientSendsAgain) {
            sent = self.world.post(to, letter).await;
        }
        self.after("send message").await;
        if sent == Err(SendError::Unknown) && self.world.planted(Mutant::UnknownIsUnsent) {
            return Err(SendError::Throttled);
        }
        sent
    }
}
