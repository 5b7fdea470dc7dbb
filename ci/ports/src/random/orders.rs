//! Sequences on the orders squad's two tables.

use lakeside_contracts::WireTime;
use lakeside_domain::{
    events::EventId,
    ids::{CustomerId, OrderId},
};
use lakeside_orders::{
    order_record::ConflictRecord,
    order_status::{Known, ViewFact},
    orders_table::order_key,
};

use super::{Step, Story, one, told};
use crate::{
    at, event, order,
    orders::{Books, Ports, accepted, early, record},
    status,
};

/// Orders that nobody else has.
#[derive(Debug)]
pub struct Cast {
    orders: [OrderId; 2],
}

impl Default for Cast {
    fn default() -> Self {
        Self { orders: [order(), order()] }
    }
}

impl Cast {
    /// Plays the steps.
    ///
    /// # Errors
    /// If the tables cannot be read.
    pub async fn play(
        &self,
        ports: &impl Ports,
        view: &impl status::Ports,
        books: &impl Books,
        steps: &[Step],
    ) -> anyhow::Result<Story> {
        let mut story = Story::new();
        for step in steps {
            story.push(self.step(ports, view, *step).await?);
        }
        for order_id in self.orders {
            story.push(format!("{:?}", ports.load(order_id).await?));
            story.push(format!("{:?}", books.outbox(&order_key(order_id)).await?));
            story.push(format!("{:?}", books.conflicts(order_id).await?));
            story.push(format!("{:?}", books.early(order_id).await?));
            story.push(format!("{:?}", status::sorted(view.load(order_id).await?)));
        }
        Ok(story)
    }

    async fn step(
        &self,
        ports: &impl Ports,
        view: &impl status::Ports,
        [kind, who, a, b]: Step,
    ) -> anyhow::Result<String> {
        let order_id = *one(&self.orders, who);
        let customer = *one(&["ada", "mallory"], a);
        let outbox = [event(order_id, one::<&str>(&["A", "B"], b))];
        Ok(match kind % 6 {
            0 => told("create", ports.create(&record(order_id, customer, u64::from(b % 3))?, &outbox).await),
            1 => told("save", ports.save(&record(order_id, customer, u64::from(b % 5))?, &outbox).await),
            2 => {
                let (customer_id, fingerprint) = (CustomerId::parse(customer)?, (b % 2).to_string());
                let received_at = at(i64::from(b));
                let conflict = ConflictRecord { order_id, customer_id, fingerprint, received_at };
                told("conflict", ports.record_conflict(&conflict).await)
            }
            3 => told("accept", ports.create(&accepted(order_id, customer)?, &outbox).await),
            4 => told("early", ports.keep_early(&early(order_id, customer, i64::from(b))?).await),
            _ => {
                let id = EventId::derive("lakeside.ports", &order_id.to_string(), "fact", u64::from(a % 4));
                let customer_id = if b % 3 == 0 { Some(CustomerId::parse(customer)?) } else { None };
                let occurred_at = WireTime(at(i64::from(b) * 1_000));
                let known = Known { event: "Fact".into(), occurred_at, reason: None };
                told("fact", view.record(&ViewFact { order_id, event_id: id, customer_id, known }).await)
            }
        })
    }
}
