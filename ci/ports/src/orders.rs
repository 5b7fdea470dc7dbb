//! The orders squad's table of orders.

use lakeside_domain::{
    ids::{CustomerId, OrderId, ReasonCode, Sku},
    money::{Currency, Money},
    order::OrderState,
};
use lakeside_kit::{dynamo::Key, outbox::Entry};
use lakeside_orders::{
    advance_order,
    memory::MemoryOrders,
    order_ingest,
    order_record::{ConflictRecord, Creation, OrderRecord, RefusedRecord, Saved},
    orders_table::order_key,
};
use uuid::Uuid;

use crate::{at, contracts, event, goods, order, same};

/// What the functions see of the table.
pub trait Ports: order_ingest::Orders + advance_order::Orders {}

impl<T: order_ingest::Orders + advance_order::Orders> Ports for T {}

/// What is in the table, past its ports.
pub trait Books {
    /// Puts a price into the catalogue.
    async fn put_price(&self, sku: &Sku, price: Money) -> anyhow::Result<()>;
    /// The conflicting submissions under an order's id.
    async fn conflicts(&self, order_id: OrderId) -> anyhow::Result<Vec<ConflictRecord>>;
    /// A submission that was refused.
    async fn refused(&self, message_id: &str) -> anyhow::Result<Option<RefusedRecord>>;
    /// The outbox of an item.
    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>>;
}

impl Books for MemoryOrders {
    async fn put_price(&self, sku: &Sku, price: Money) -> anyhow::Result<()> {
        self.prices.borrow_mut().insert(sku.clone(), price);
        Ok(())
    }

    async fn conflicts(&self, order_id: OrderId) -> anyhow::Result<Vec<ConflictRecord>> {
        Ok(self.conflicts.borrow().values().filter(|c| c.order_id == order_id).cloned().collect())
    }

    async fn refused(&self, message_id: &str) -> anyhow::Result<Option<RefusedRecord>> {
        Ok(self.refused.borrow().get(message_id).cloned())
    }

    async fn outbox(&self, key: &Key) -> anyhow::Result<Vec<Entry>> {
        Ok(self.outboxes.of(key))
    }
}

pub(crate) fn record(order_id: OrderId, customer: &str, version: u64) -> anyhow::Result<OrderRecord> {
    Ok(OrderRecord {
        order_id,
        customer_id: CustomerId::parse(customer)?,
        fingerprint: "f".repeat(64),
        state: OrderState::Rejected { reason: ReasonCode::constant("UNKNOWN_SKU") },
        order: None,
        version,
    })
}

/// An order's record and its outbox.
async fn picture(
    ports: &impl Ports,
    books: &impl Books,
    order_id: OrderId,
) -> anyhow::Result<(Option<OrderRecord>, Vec<Entry>)> {
    Ok((ports.load(order_id).await?, books.outbox(&order_key(order_id)).await?))
}

contracts! {
    (ports: Ports, books: Books)

    an_order_and_its_events_are_one_write {
        let order_id = order();
        let (first, outbox) = (record(order_id, "ada", 1)?, vec![event(order_id, "Created")]);
        same("nothing yet", ports.load(order_id).await?, None)?;
        same("outcome", ports.create(&first, &outbox).await?, Creation::Created)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(first), outbox))?;
    }

    an_order_is_written_only_if_there_is_none_under_its_id {
        let order_id = order();
        let (first, outbox) = (record(order_id, "ada", 1)?, vec![event(order_id, "Created")]);
        ports.create(&first, &outbox).await?;
        let other = record(order_id, "mallory", 1)?;
        let existing = Creation::Exists(Box::new(first.clone()));
        same("outcome", ports.create(&other, &[event(order_id, "Stolen")]).await?, existing)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(first), outbox))?;
    }

    an_order_replaces_the_version_it_was_read_at_and_its_events {
        let order_id = order();
        ports.create(&record(order_id, "ada", 1)?, &[event(order_id, "Created")]).await?;
        let (second, outbox) = (record(order_id, "ada", 2)?, vec![event(order_id, "Confirmed")]);
        same("outcome", ports.save(&second, &outbox).await?, Saved::Yes)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(second), outbox))?;
        let third = record(order_id, "ada", 3)?;
        same("without events", ports.save(&third, &[]).await?, Saved::Yes)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(third), Vec::new()))?;
    }

    an_order_replaces_no_other_version {
        let order_id = order();
        let (first, outbox) = (record(order_id, "ada", 5)?, vec![event(order_id, "Created")]);
        ports.create(&first, &outbox).await?;
        for version in [0, 4, 5, 7] {
            let other = record(order_id, "ada", version)?;
            same("outcome", ports.save(&other, &[event(order_id, "Late")]).await?, Saved::Stale)?;
        }
        same("what is there", picture(ports, books, order_id).await?, (Some(first), outbox))?;
        let nobody = order();
        same("of no order", ports.save(&record(nobody, "ada", 1)?, &[]).await?, Saved::Stale)?;
        same("no order", ports.load(nobody).await?, None)?;
    }

    a_conflict_is_kept_once_and_beside_the_order {
        let order_id = order();
        let first = record(order_id, "ada", 1)?;
        ports.create(&first, &[]).await?;
        let conflict = |fingerprint: &str, received_at| {
            let customer_id = first.customer_id.clone();
            ConflictRecord { order_id, customer_id, fingerprint: fingerprint.into(), received_at }
        };
        for (fingerprint, received) in [("a", 1), ("a", 2), ("b", 3)] {
            ports.record_conflict(&conflict(fingerprint, at(received))).await?;
        }
        let kept = vec![conflict("a", at(2)), conflict("b", at(3))];
        same("conflicts", books.conflicts(order_id).await?, kept)?;
        same("order", ports.load(order_id).await?, Some(first))?;
    }

    a_refused_submission_is_kept_by_its_message {
        let message_id = Uuid::new_v4().to_string();
        for received in [1, 2] {
            let (reason, order_id_digest) = ("INVALID_ORDER_ID".into(), "d".into());
            let refused = RefusedRecord { reason, order_id_digest, received_at: at(received) };
            ports.record_refused(&message_id, &refused).await?;
            same("refused", books.refused(&message_id).await?, Some(refused))?;
        }
    }

    what_is_in_the_catalogue_has_its_price_and_nothing_else_has {
        let (tent, stove, unknown) = (goods()?, goods()?, goods()?);
        let (usd, eur) = (Money::new(1_500, Currency::USD), Money::new(900, Currency::EUR));
        books.put_price(&tent, usd).await?;
        books.put_price(&stove, eur).await?;
        let prices = ports.prices(&[tent.clone(), unknown, stove.clone()]).await?;
        same("prices", prices, [(tent, usd), (stove, eur)].into())?;
        same("of nothing", ports.prices(&[]).await?, [].into())?;
    }

    /// DynamoDB reads a hundred keys at a time.
    a_large_catalogue_is_read_whole {
        let mut skus = Vec::new();
        for _ in 0..101 {
            let sku = goods()?;
            books.put_price(&sku, Money::new(1, Currency::USD)).await?;
            skus.push(sku);
        }
        same("prices", ports.prices(&skus).await?.len(), 101)?;
    }
}
