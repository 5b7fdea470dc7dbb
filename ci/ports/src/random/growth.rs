//! Sequences on the growth squad's table.

use lakeside_domain::{
    idempotency::Owner,
    ids::{CustomerId, OrderId},
    loyalty::{Award, Points},
    notice::What,
};
use lakeside_growth::{
    growth_table::{notice_key, points_key},
    notice_record::NoticeRecord,
    notify_customer::Standing,
};
use lakeside_kit::lease::{Held, LeaseKey};
use uuid::Uuid;

use super::{Step, Story, one, told};
use crate::{
    at, event,
    loyalty::{self, change, customer, record},
    notices::{self, notice, statuses},
    order,
};

const WHAT: [What; 2] = [What::Confirmed, What::Fulfilled];

/// Orders, customers and leases that nobody else has.
#[derive(Debug)]
pub struct Cast {
    orders: [OrderId; 2],
    customers: [CustomerId; 2],
    leases: [LeaseKey; 2],
}

impl Cast {
    /// New ones.
    ///
    /// # Errors
    /// Never in practice: customers are well-formed.
    pub fn new() -> anyhow::Result<Self> {
        let lease = || LeaseKey::new("ports", Uuid::new_v4().to_string());
        let customers = [customer()?, customer()?];
        Ok(Self { orders: [order(), order()], customers, leases: [lease(), lease()] })
    }

    /// Plays the steps.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn play<B: loyalty::Books + notices::Books>(
        &self,
        points: &impl loyalty::Ports,
        notices: &impl notices::Ports,
        books: &B,
        steps: &[Step],
    ) -> anyhow::Result<Story> {
        let mut story = Story::new();
        let mut now = 0;
        for step in steps {
            let [_, _, _, b] = step;
            // Deadlines are 22 seconds away and 11 is half of that.
            now += i64::from(b / 4 % 3) * 11_000;
            story.push(self.step(points, notices, *step, now).await?);
        }
        for order_id in self.orders {
            story.push(format!("{:?}", points.order_points(order_id).await?));
            story.push(format!("{:?}", loyalty::Books::outbox(books, &points_key(order_id)).await?));
            story.push(format!("{:?}", notices.customer(order_id).await?));
            for what in WHAT {
                story.push(format!("{:?}", notices.notice(order_id, what).await?));
                story
                    .push(format!("{:?}", notices::Books::outbox(books, &notice_key(order_id, what)).await?));
            }
        }
        for customer_id in &self.customers {
            story.push(format!("{:?}", books.account(customer_id).await?));
        }
        for key in &self.leases {
            story.push(format!("{:?}", books.lease(key).await?));
        }
        Ok(story)
    }

    async fn step(
        &self,
        points: &impl loyalty::Ports,
        notices: &impl notices::Ports,
        [kind, who, a, b]: Step,
        now: i64,
    ) -> anyhow::Result<String> {
        let order_id = *one(&self.orders, who);
        let owner = *one(&["a", "b"], b / 2);
        let held = Held { key: one(&self.leases, b).clone(), owner: Owner(owner.into()) };
        let notice = NoticeRecord {
            what: *one(&WHAT, who / 2),
            updated_at: at(now),
            ..notice(order_id, *one(&statuses(), a), owner)
        };
        let outbox = [event(order_id, "Settled")];
        Ok(match kind % 12 {
            0..3 => told("take", notices.acquire(&held.key, &held.owner, at(now)).await),
            3 => told("give up", notices.release(&held).await),
            4..6 => {
                let customer_id = one(&self.customers, who / 2);
                let award = Award::Accrued { points: Points::new(u64::from(a)) };
                let record = record(order_id, customer_id, award, u64::from(b % 4) + 1);
                let change = change(customer_id, i64::from(a % 4) - 1);
                let change = (b / 4 % 4 > 0).then_some(&change);
                told("count", points.save(&record, change, &outbox).await)
            }
            6 => {
                let customer_id = one(&self.customers, a);
                told("remember", notices.remember_customer(order_id, customer_id).await)
            }
            7 => told("wait", notices.wait(&notice).await),
            8 => told("begin", notices.begin_sending(&notice).await),
            9 => told("withdraw", notices.withdraw(&notice).await),
            _ => {
                let from = *one(&[Standing::Untold, Standing::Sending], b / 8);
                told("settle", notices.settle(&notice, from, &outbox, &held).await)
            }
        })
    }
}
