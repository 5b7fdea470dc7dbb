//! The growth squad's table, as far as it holds points.

use lakeside_domain::{
    ids::{CustomerId, OrderId},
    loyalty::{Award, Earning, OrderPoints, Points},
};
use lakeside_growth::{
    accrue_loyalty::LoyaltyStore,
    growth_table::points_key,
    loyalty_record::{AccountChange, LoyaltyRecord},
    memory::MemoryGrowth,
};
use lakeside_kit::{attempt::Written, dynamo::Key, outbox::Entry};
use uuid::Uuid;

use crate::{contracts, event, order, same};

/// What the function sees of the table.
pub trait Ports: LoyaltyStore {}

impl<T: LoyaltyStore> Ports for T {}

/// What is in the table, past its ports.
pub trait Books {
    /// The points of an account; `None` if nothing ever happened to it.
    async fn account(&self, customer_id: &CustomerId) -> anyhow::Result<Option<i64>>;
    /// The outbox of an item.
    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>>;
}

impl Books for MemoryGrowth {
    async fn account(&self, customer_id: &CustomerId) -> anyhow::Result<Option<i64>> {
        Ok(self.accounts.borrow().get(customer_id).copied())
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        Ok(self.outboxes.of(key))
    }
}

/// A customer that nobody else has.
pub(crate) fn customer() -> anyhow::Result<CustomerId> {
    Ok(CustomerId::parse(&format!("port-{}", Uuid::new_v4().simple()))?)
}

/// An order whose points stand at `award`, as it is after so many writes.
pub(crate) fn record(
    order_id: OrderId,
    customer_id: &CustomerId,
    award: Award,
    version: u64,
) -> LoyaltyRecord {
    let earning = Some(Earning { customer_id: customer_id.clone(), points: Points::new(368) });
    let known = OrderPoints { earning, fulfilled: version > 1, undone: false, award };
    LoyaltyRecord { order_id, known, version }
}

pub(crate) fn change(customer_id: &CustomerId, points: i64) -> AccountChange {
    AccountChange { customer_id: customer_id.clone(), points }
}

const ACCRUED: Award = Award::Accrued { points: Points::new(368) };
const REVERSED: Award = Award::Reversed { points: Points::new(368) };

/// What is there of an order's points and of an account.
async fn picture(
    ports: &impl Ports,
    books: &impl Books,
    order_id: OrderId,
    customer_id: &CustomerId,
) -> anyhow::Result<(Option<LoyaltyRecord>, Vec<Entry>, Option<i64>)> {
    let outbox = books.outbox(&points_key(order_id)).await?;
    Ok((ports.order_points(order_id).await?, outbox, books.account(customer_id).await?))
}

contracts! {
    (ports: Ports, books: Books)

    what_is_known_of_an_order_is_kept_without_touching_an_account {
        let (order_id, jane) = (order(), customer()?);
        same("nothing yet", picture(ports, books, order_id, &jane).await?, (None, Vec::new(), None))?;
        let first = record(order_id, &jane, Award::Open, 1);
        same("outcome", ports.save(&first, None, &[]).await?, Written::Yes)?;
        same("what is there", picture(ports, books, order_id, &jane).await?, (Some(first), Vec::new(), None))?;
    }

    points_their_account_and_their_event_are_one_write {
        let (order_id, jane) = (order(), customer()?);
        ports.save(&record(order_id, &jane, Award::Open, 1), None, &[]).await?;
        let (given, outbox) = (record(order_id, &jane, ACCRUED, 2), vec![event(order_id, "Accrued")]);
        let outcome = ports.save(&given, Some(&change(&jane, 368)), &outbox).await?;
        same("outcome", outcome, Written::Yes)?;
        let now = picture(ports, books, order_id, &jane).await?;
        same("what is there", now, (Some(given), outbox, Some(368)))?;
        let (taken, outbox) = (record(order_id, &jane, REVERSED, 3), vec![event(order_id, "Reversed")]);
        let outcome = ports.save(&taken, Some(&change(&jane, -368)), &outbox).await?;
        same("outcome", outcome, Written::Yes)?;
        let now = picture(ports, books, order_id, &jane).await?;
        same("taken back", now, (Some(taken), outbox, Some(0)))?;
    }

    an_account_has_the_points_of_all_its_orders {
        let jane = customer()?;
        for points in [368, 736] {
            let order_id = order();
            let given = record(order_id, &jane, ACCRUED, 1);
            ports.save(&given, Some(&change(&jane, 368)), &[]).await?;
            same("account", books.account(&jane).await?, Some(points))?;
            same("of another customer", books.account(&customer()?).await?, None)?;
            same("order", ports.order_points(order_id).await?, Some(given))?;
        }
    }

    /// An order of few minor units is fulfilled and earns nothing.
    no_points_are_a_change_too {
        let (order_id, jane) = (order(), customer()?);
        let given = record(order_id, &jane, ACCRUED, 1);
        same("outcome", ports.save(&given, Some(&change(&jane, 0)), &[]).await?, Written::Yes)?;
        same("account", books.account(&jane).await?, Some(0))?;
    }

    points_are_written_only_over_the_record_that_was_read {
        let (order_id, jane) = (order(), customer()?);
        let (given, outbox) = (record(order_id, &jane, ACCRUED, 1), vec![event(order_id, "Accrued")]);
        ports.save(&given, Some(&change(&jane, 368)), &outbox).await?;
        let second = record(order_id, &jane, ACCRUED, 2);
        ports.save(&second, None, &outbox).await?;
        for version in [1, 2, 4] {
            let late = record(order_id, &jane, REVERSED, version);
            let written = ports.save(&late, Some(&change(&jane, 368)), &[event(order_id, "Late")]).await?;
            same("outcome", written, Written::Stale)?;
        }
        let now = picture(ports, books, order_id, &jane).await?;
        same("what is there", now, (Some(second), outbox, Some(368)))?;
        let nobody = order();
        let written = ports.save(&record(nobody, &jane, ACCRUED, 2), Some(&change(&jane, 368)), &[]).await?;
        same("of no record", written, Written::Stale)?;
        same("what is there", picture(ports, books, nobody, &jane).await?, (None, Vec::new(), Some(368)))?;
    }

    an_account_gives_back_only_points_that_it_has {
        let (order_id, jane) = (order(), customer()?);
        let given = record(order_id, &jane, ACCRUED, 1);
        same("from none", ports.save(&given, Some(&change(&jane, -1)), &[]).await?, Written::Stale)?;
        same("what is there", picture(ports, books, order_id, &jane).await?, (None, Vec::new(), None))?;
        ports.save(&given, Some(&change(&jane, 368)), &[]).await?;
        let taken = record(order_id, &jane, REVERSED, 2);
        let written = ports.save(&taken, Some(&change(&jane, -369)), &[event(order_id, "Reversed")]).await?;
        same("too many", written, Written::Stale)?;
        let now = picture(ports, books, order_id, &jane).await?;
        same("what is there", now, (Some(given), Vec::new(), Some(368)))?;
        let written = ports.save(&taken, Some(&change(&jane, -368)), &[]).await?;
        same("all of them", written, Written::Yes)?;
        same("account", books.account(&jane).await?, Some(0))?;
    }
}
