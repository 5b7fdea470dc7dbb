//! The growth squad's table, as far as it holds what customers were told.

use lakeside_domain::{
    idempotency::{Acquisition, Lease},
    ids::OrderId,
    notice::{Channel, NoticeStatus, What},
};
use lakeside_growth::{
    growth_table::notice_key,
    memory::MemoryGrowth,
    notice_record::{NoticeRecord, status_name},
    notify_customer::{NoticeStore, Standing},
};
use lakeside_kit::{
    attempt::Written,
    dynamo::Key,
    lease::{Held, LeaseKey, Leases},
    outbox::Entry,
};
use uuid::Uuid;

use crate::{
    at, contracts, event,
    leases::{self, completed, held, in_progress, owner, taken},
    loyalty::customer,
    order, same,
};

/// What the function sees of the table.
pub trait Ports: NoticeStore + Leases {}

impl<T: NoticeStore + Leases> Ports for T {}

/// What is in the table, past its ports.
pub trait Books: leases::Books {
    /// Writes a notice, without events.
    async fn put_notice(&self, notice: &NoticeRecord) -> anyhow::Result<()>;
    /// The outbox of an item.
    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>>;
}

impl leases::Books for MemoryGrowth {
    async fn lease(&self, key: &LeaseKey) -> anyhow::Result<Option<Lease>> {
        Ok(self.leases.get(key))
    }
}

impl Books for MemoryGrowth {
    async fn put_notice(&self, notice: &NoticeRecord) -> anyhow::Result<()> {
        let (order_id, what) = (notice.order_id, notice.what);
        self.notices.borrow_mut().insert((order_id, what), notice.clone());
        self.outboxes.write(notice_key(order_id, what), order_id, &[]);
        Ok(())
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        Ok(self.outboxes.of(key))
    }
}

pub(crate) const fn statuses() -> [NoticeStatus; 7] {
    let channel = Channel::Sms;
    [
        NoticeStatus::Waiting,
        NoticeStatus::Sending { channel },
        NoticeStatus::Sent { channel },
        NoticeStatus::Uncertain { channel },
        NoticeStatus::Undeliverable { channel },
        NoticeStatus::NotWanted,
        NoticeStatus::NoContact,
    ]
}

const SENDING: NoticeStatus = NoticeStatus::Sending { channel: Channel::Sms };
const SENT: NoticeStatus = NoticeStatus::Sent { channel: Channel::Sms };

/// A notice that the attempt `by` wrote.
pub(crate) fn notice(order_id: OrderId, status: NoticeStatus, by: &str) -> NoticeRecord {
    let waiting = NoticeRecord::waiting(order_id, What::Confirmed, Uuid::nil(), at(1_000));
    NoticeRecord { owner: Some(owner(by)), status, ..waiting }
}

/// What is there of a notice and of a lease.
async fn picture(
    ports: &impl Ports,
    books: &impl Books,
    order_id: OrderId,
    held: &Held,
) -> anyhow::Result<(Option<NoticeRecord>, Vec<Entry>, Option<Lease>)> {
    let outbox = books.outbox(&notice_key(order_id, What::Confirmed)).await?;
    let notice = ports.notice(order_id, What::Confirmed).await?;
    Ok((notice, outbox, books.lease(&held.key).await?))
}

contracts! {
    (ports: Ports, books: Books)

    whose_order_it_is_stays_as_it_was_first_said {
        let order_id = order();
        same("nobody's yet", ports.customer(order_id).await?, None)?;
        let (first, other) = (customer()?, customer()?);
        for said in [&first, &other] {
            ports.remember_customer(order_id, said).await?;
            same("customer", ports.customer(order_id).await?, Some(first.clone()))?;
        }
        same("of another order", ports.customer(order()).await?, None)?;
    }

    a_fact_begins_to_wait_only_if_it_has_no_record {
        let order_id = order();
        let waiting = notice(order_id, NoticeStatus::Waiting, "a");
        ports.wait(&waiting).await?;
        same("notice", ports.notice(order_id, What::Confirmed).await?, Some(waiting))?;
        for status in statuses() {
            let standing = notice(order(), status, "a");
            books.put_notice(&standing).await?;
            ports.wait(&notice(standing.order_id, NoticeStatus::Waiting, "b")).await?;
            same("notice", ports.notice(standing.order_id, What::Confirmed).await?, Some(standing))?;
        }
    }

    sending_begins_only_if_nothing_was_sent {
        let first = notice(order(), SENDING, "a");
        same("first", ports.begin_sending(&first).await?, Written::Yes)?;
        same("notice", ports.notice(first.order_id, What::Confirmed).await?, Some(first))?;
        for status in statuses() {
            let standing = notice(order(), status, "a");
            books.put_notice(&standing).await?;
            let sending = notice(standing.order_id, SENDING, "b");
            let (outcome, now) = if status == NoticeStatus::Waiting {
                (Written::Yes, sending.clone())
            } else {
                (Written::Stale, standing)
            };
            same("outcome", ports.begin_sending(&sending).await?, outcome)?;
            same("notice", ports.notice(now.order_id, What::Confirmed).await?, Some(now))?;
        }
    }

    /// The first try of the request was applied and its answer lost.
    sending_begins_again_for_who_began_it {
        let first = notice(order(), SENDING, "a");
        ports.begin_sending(&first).await?;
        let again = first.moved_to(SENDING, at(2_000));
        same("outcome", ports.begin_sending(&again).await?, Written::Yes)?;
        same("notice", ports.notice(first.order_id, What::Confirmed).await?, Some(again))?;
        for status in statuses().into_iter().skip(2) {
            let decided = notice(order(), status, "a");
            books.put_notice(&decided).await?;
            let late = decided.moved_to(SENDING, at(2_000));
            same("of what is decided", ports.begin_sending(&late).await?, Written::Stale)?;
            same("notice", ports.notice(decided.order_id, What::Confirmed).await?, Some(decided))?;
        }
    }

    only_the_attempt_that_was_about_to_send_takes_that_back {
        let mine = notice(order(), SENDING, "a");
        books.put_notice(&mine).await?;
        let foreign = notice(mine.order_id, NoticeStatus::Waiting, "b");
        same("another's", ports.withdraw(&foreign).await?, Written::Stale)?;
        same("notice", ports.notice(mine.order_id, What::Confirmed).await?, Some(mine.clone()))?;
        let back = mine.moved_to(NoticeStatus::Waiting, at(2_000));
        same("its own", ports.withdraw(&back).await?, Written::Yes)?;
        same("notice", ports.notice(mine.order_id, What::Confirmed).await?, Some(back))?;
        for status in statuses().into_iter().filter(|status| *status != SENDING) {
            let decided = notice(order(), status, "a");
            books.put_notice(&decided).await?;
            let late = decided.moved_to(NoticeStatus::Waiting, at(2_000));
            same("of what is not being sent", ports.withdraw(&late).await?, Written::Stale)?;
            same("notice", ports.notice(decided.order_id, What::Confirmed).await?, Some(decided))?;
        }
        let nothing = notice(order(), NoticeStatus::Waiting, "a");
        same("of nothing", ports.withdraw(&nothing).await?, Written::Stale)?;
        same("notice", ports.notice(nothing.order_id, What::Confirmed).await?, None)?;
    }

    how_a_message_ended_its_event_and_the_end_of_the_lease_are_one_write {
        for ended in statuses().into_iter().skip(2) {
            let (order_id, held) = (order(), taken(ports, "a").await?);
            ports.begin_sending(&notice(order_id, SENDING, "a")).await?;
            let (ended, outbox) = (notice(order_id, ended, "a"), vec![event(order_id, "Notified")]);
            let written = ports.settle(&ended, Standing::Sending, &outbox, &held).await?;
            same("outcome", written, Written::Yes)?;
            let lease = completed(status_name(&ended.status), ended.updated_at);
            let now = picture(ports, books, order_id, &held).await?;
            same("what is there", now, (Some(ended), outbox, Some(lease)))?;
        }
    }

    a_notice_is_settled_only_from_where_it_stood {
        for from in [Standing::Untold, Standing::Sending] {
            for status in statuses().map(Some).into_iter().chain([None]) {
                let (order_id, held) = (order(), taken(ports, "a").await?);
                if let Some(status) = status {
                    books.put_notice(&notice(order_id, status, "b")).await?;
                }
                let before = picture(ports, books, order_id, &held).await?;
                let (ended, outbox) = (notice(order_id, SENT, "a"), vec![event(order_id, "Notified")]);
                let written = ports.settle(&ended, from, &outbox, &held).await?;
                let stands = match status {
                    None | Some(NoticeStatus::Waiting) => from == Standing::Untold,
                    Some(status) => status == SENDING && from == Standing::Sending,
                };
                let (outcome, should) = if stands {
                    let lease = completed("SENT", ended.updated_at);
                    (Written::Yes, (Some(ended), outbox, Some(lease)))
                } else {
                    (Written::Stale, before)
                };
                same("outcome", written, outcome)?;
                same("what is there", picture(ports, books, order_id, &held).await?, should)?;
            }
        }
    }

    a_notice_is_settled_by_the_holder_of_the_lease_only {
        let mine = taken(ports, "a").await?;
        let foreign = Held { key: mine.key.clone(), owner: owner("b") };
        for held in [foreign, held("a")] {
            let standing = notice(order(), SENDING, "a");
            books.put_notice(&standing).await?;
            let before = picture(ports, books, standing.order_id, &held).await?;
            let ended = standing.moved_to(SENT, at(2_000));
            same("outcome", ports.settle(&ended, Standing::Sending, &[], &held).await?, Written::Stale)?;
            let now = picture(ports, books, standing.order_id, &held).await?;
            same("what is there", now, before)?;
        }
    }

    /// What is written next carries the events of that write alone.
    a_notice_that_is_written_again_loses_its_events {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        let told = vec![event(order_id, "Notified")];
        ports.settle(&notice(order_id, SENT, "a"), Standing::Untold, &told, &held).await?;
        same("settled", books.outbox(&notice_key(order_id, What::Confirmed)).await?, told)?;
        books.put_notice(&notice(order_id, NoticeStatus::Waiting, "a")).await?;
        ports.begin_sending(&notice(order_id, SENDING, "a")).await?;
        same("begun", books.outbox(&notice_key(order_id, What::Confirmed)).await?, Vec::new())?;
    }

    an_order_has_all_of_its_notices_and_no_others {
        let order_id = order();
        let told = What::ALL.map(|what| NoticeRecord { what, ..notice(order_id, SENT, "a") });
        for notice in &told {
            books.put_notice(notice).await?;
        }
        books.put_notice(&notice(order(), SENT, "a")).await?;
        ports.remember_customer(order_id, &customer()?).await?;
        let mut found = ports.notices(order_id).await?;
        found.sort_by_key(|notice| notice.what);
        same("notices", found, told.to_vec())?;
        same("of another order", ports.notice(order(), What::Confirmed).await?, None)?;
    }

    a_completed_lease_is_given_to_nobody_until_it_expires_and_is_not_given_up {
        let (order_id, held) = (order(), taken(ports, "a").await?);
        ports.settle(&notice(order_id, SENT, "a"), Standing::Untold, &[], &held).await?;
        let done = Acquisition::Completed("SENT".into());
        same("another", ports.acquire(&held.key, &owner("b"), at(3_600_999)).await?, done.clone())?;
        same("its holder", ports.acquire(&held.key, &owner("a"), at(3_600_999)).await?, done)?;
        ports.release(&held).await?;
        same("record", books.lease(&held.key).await?, Some(completed("SENT", at(1_000))))?;
        let then = ports.acquire(&held.key, &owner("b"), at(3_601_000)).await?;
        same("expired", then, Acquisition::Acquired(in_progress("b", 3_601_000)))?;
    }
}
