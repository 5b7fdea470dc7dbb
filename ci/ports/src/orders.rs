//! The orders squad's table of orders.

use lakeside_domain::{
    ids::{CustomerId, OrderId, ReasonCode, Sku},
    money::{Currency, Money},
    order::OrderState,
};
use lakeside_kit::{dynamo::Key, outbox::Entry};
use lakeside_orders::{
    advance_order,
    cancel_order::Cancellations,
    memory::MemoryOrders,
    order_ingest,
    order_record::{ConflictRecord, Creation, EarlyCancellation, OrderRecord, RefusedRecord, Saved},
    orders_table::order_key,
};
use uuid::Uuid;

use crate::{at, contracts, event, goods, order, same};

/// What the functions see of the table.
pub trait Ports: order_ingest::Orders + advance_order::Orders + Cancellations {}

impl<T: order_ingest::Orders + advance_order::Orders + Cancellations> Ports for T {}

/// What is in the table, past its ports.
pub trait Books {
    /// Puts a price into the catalogue.
    async fn put_price(&self, sku: &Sku, price: Money) -> anyhow::Result<()>;
    /// The conflicting submissions under an order's id.
    async fn conflicts(&self, order_id: OrderId) -> anyhow::Result<Vec<ConflictRecord>>;
    /// The cancellations that came before their order.
    async fn early(&self, order_id: OrderId) -> anyhow::Result<Vec<EarlyCancellation>>;
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

    async fn early(&self, order_id: OrderId) -> anyhow::Result<Vec<EarlyCancellation>> {
        Ok(self.early.borrow().values().filter(|early| early.order_id == order_id).cloned().collect())
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
        cancellation_requested_at: None,
        parked_at: None,
        version,
    })
}

/// The record of an order that is accepted, and not refused.
pub(crate) fn accepted(order_id: OrderId, customer: &str) -> anyhow::Result<OrderRecord> {
    Ok(OrderRecord { state: OrderState::Created, ..record(order_id, customer, 1)? })
}

pub(crate) fn early(order_id: OrderId, customer: &str, millis: i64) -> anyhow::Result<EarlyCancellation> {
    Ok(EarlyCancellation { order_id, customer_id: CustomerId::parse(customer)?, requested_at: at(millis) })
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
        for other in [record, |order_id, customer: &str, _| accepted(order_id, customer)] {
            let order_id = order();
            let (first, outbox) = (accepted(order_id, "ada")?, vec![event(order_id, "Created")]);
            same("first", ports.create(&first, &outbox).await?, Creation::Created)?;
            let other = other(order_id, "mallory", 1)?;
            let existing = Creation::Exists(Box::new(first.clone()));
            same("outcome", ports.create(&other, &[event(order_id, "Stolen")]).await?, existing)?;
            same("what is there", picture(ports, books, order_id).await?, (Some(first), outbox))?;
        }
    }

    an_order_is_accepted_only_if_its_customer_has_not_cancelled_it_before {
        let order_id = order();
        same("kept", ports.keep_early(&early(order_id, "ada", 5)?).await?, Saved::Yes)?;
        let (order, outbox) = (accepted(order_id, "ada")?, vec![event(order_id, "Created")]);
        same("outcome", ports.create(&order, &outbox).await?, Creation::CancelledFirst)?;
        same("nothing", picture(ports, books, order_id).await?, (None, Vec::new()))?;
        let (refused, outbox) = (record(order_id, "ada", 1)?, vec![event(order_id, "Rejected")]);
        same("refused", ports.create(&refused, &outbox).await?, Creation::Created)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(refused.clone()), outbox))?;
        let existing = Creation::Exists(Box::new(refused));
        same("again", ports.create(&order, &[]).await?, existing)?;
    }

    a_cancellation_by_somebody_else_before_the_order_came_does_not_stop_it {
        let order_id = order();
        ports.keep_early(&early(order_id, "mallory", 5)?).await?;
        let (order, outbox) = (accepted(order_id, "ada")?, vec![event(order_id, "Created")]);
        same("outcome", ports.create(&order, &outbox).await?, Creation::Created)?;
        same("what is there", picture(ports, books, order_id).await?, (Some(order), outbox))?;
    }

    a_cancellation_is_kept_for_an_order_only_if_there_is_none_yet {
        let order_id = order();
        for millis in [5, 6] {
            same("early", ports.keep_early(&early(order_id, "ada", millis)?).await?, Saved::Yes)?;
        }
        same("others", ports.keep_early(&early(order_id, "mallory", 7)?).await?, Saved::Yes)?;
        let kept = vec![early(order_id, "ada", 6)?, early(order_id, "mallory", 7)?];
        same("kept", books.early(order_id).await?, kept)?;
        for there in [accepted(order(), "ada")?, record(order(), "ada", 1)?] {
            let order_id = there.order_id;
            ports.create(&there, &[event(order_id, "Created")]).await?;
            let before = picture(ports, books, order_id).await?;
            same("late", ports.keep_early(&early(order_id, "ada", 5)?).await?, Saved::Stale)?;
            same("nothing", books.early(order_id).await?, Vec::new())?;
            same("what is there", picture(ports, books, order_id).await?, before)?;
        }
    }

    a_request_to_cancel_replaces_the_version_it_was_read_at_and_its_events {
        let order_id = order();
        let first = accepted(order_id, "ada")?;
        ports.create(&first, &[event(order_id, "Created")]).await?;
        let outbox = vec![event(order_id, "Requested")];
        let mut requested = OrderRecord { cancellation_requested_at: Some(at(5)), ..first };
        same("another version", ports.request(&requested, &outbox).await?, Saved::Stale)?;
        requested.version = 2;
        same("outcome", ports.request(&requested, &outbox).await?, Saved::Yes)?;
        same("read", ports.order(order_id).await?, Some(requested.clone()))?;
        same("what is there", picture(ports, books, order_id).await?, (Some(requested), outbox))?;
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
            same("refused", books.refused(&message_id).await?, Some(refused.clone()))?;
            let (request, refused) = (Uuid::new_v4().to_string(), RefusedRecord { received_at: at(3), ..refused });
            ports.keep_refused(&request, &refused).await?;
            same("a request", books.refused(&request).await?, Some(refused))?;
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
