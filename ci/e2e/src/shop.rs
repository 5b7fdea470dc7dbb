//! A customer in front of a running cloud: place orders and wait for what becomes of them.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};
use lakeside_contracts::api::OrderStatusView;
use lakeside_domain::{ids::ReasonCode, order_status::Status};
use uuid::Uuid;

use crate::{
    api::NewOrder,
    cloud::Cloud,
    customer::Customer,
    poll::eventually,
    records::{OrderRecords, is_final, order_states},
    stock::{Goods, at_nodes, put_on_sale},
};

/// Long enough for an order that waits behind hundreds of others for a processor that takes five a second.
pub const PATIENCE: Duration = Duration::from_mins(6);

/// One customer and the cloud they order from.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The cloud.
    pub cloud: Cloud,
    /// The customer.
    pub customer: Customer,
}

impl Shop {
    /// A new customer in front of the cloud that the settings point at.
    ///
    /// # Errors
    /// If there is none, or it takes no customers.
    pub async fn open() -> anyhow::Result<Self> {
        let cloud = Cloud::open()?;
        let customer = Customer::sign_up(&cloud).await?;
        Ok(Self { cloud, customer })
    }

    /// New goods at USD 10 a unit, all of it in one warehouse and one pool.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn goods(&self, units: u64) -> anyhow::Result<Goods> {
        self.goods_at(1_000, &[("wh-one", units)], 1).await
    }

    /// New goods at this price in these nodes and this many pools.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn goods_at(
        &self,
        price_minor: i64,
        nodes: &[(&str, u64)],
        pools: u8,
    ) -> anyhow::Result<Goods> {
        let goods = Goods::unique(price_minor)?;
        put_on_sale(&self.cloud, &goods, &at_nodes(nodes)?, pools).await?;
        Ok(goods)
    }

    /// Submits `order` and waits for its end.
    ///
    /// # Errors
    /// If it is not accepted or does not end.
    pub async fn place(&self, order: &NewOrder) -> anyhow::Result<OrderStatusView> {
        self.cloud.api.submit(&self.customer, order).await?;
        self.ended(order.order_id).await
    }

    /// Submits `order`, waits for its end and expects it to be this one.
    ///
    /// # Errors
    /// If it ends in another way.
    pub async fn place_and_expect(
        &self,
        order: &NewOrder,
        status: Status,
        reason: Option<&str>,
    ) -> anyhow::Result<OrderStatusView> {
        let view = self.place(order).await?;
        let seen = (view.status, view.reason.as_ref().map(ReasonCode::as_str));
        ensure!(seen == (status, reason), "order {} ended {seen:?}: {:?}", order.order_id, view.timeline);
        Ok(view)
    }

    /// Waits until the customer sees the order's end and its saga, if it has one, has ended too.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn ended(&self, order_id: Uuid) -> anyhow::Result<OrderStatusView> {
        let view = eventually(&format!("the end of order {order_id}"), PATIENCE, async || {
            let view = self.cloud.api.view(&self.customer, order_id).await?;
            Ok(match view {
                Some(view)
                    if matches!(view.status, Status::Fulfilled | Status::Cancelled | Status::Rejected) =>
                {
                    ControlFlow::Break(view)
                }
                Some(view) => ControlFlow::Continue(format!("it is {:?}: {:?}", view.status, view.timeline)),
                None => ControlFlow::Continue("it is not seen".into()),
            })
        })
        .await?;
        if view.timeline.iter().any(|entry| entry.event == "OrderCreated") {
            self.cloud.saga_ended(order_id, PATIENCE).await?;
        }
        Ok(view)
    }

    /// Waits until the customer sees each of these events. The view hears them in its own time, and in any order.
    ///
    /// # Errors
    /// If one of them does not come.
    pub async fn sees(&self, order_id: Uuid, events: &[&str]) -> anyhow::Result<()> {
        eventually(&format!("every event of order {order_id}"), PATIENCE, async || {
            let view = self.cloud.api.view(&self.customer, order_id).await?;
            let seen: Vec<String> =
                view.into_iter().flat_map(|view| view.timeline).map(|entry| entry.event).collect();
            let missing: Vec<_> = events.iter().filter(|event| !seen.iter().any(|s| s == *event)).collect();
            Ok(if missing.is_empty() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{missing:?} are missing"))
            })
        })
        .await
    }

    /// Submits many orders, `at_once` at a time, and expects each to be accepted.
    ///
    /// # Errors
    /// If one is not.
    pub async fn submit_all(&self, orders: &[NewOrder], at_once: usize) -> anyhow::Result<()> {
        stream::iter(orders)
            .map(|order| self.cloud.api.submit(&self.customer, order))
            .buffer_unordered(at_once)
            .try_collect()
            .await
    }

    /// Waits until all orders have ended, and answers their states.
    ///
    /// # Errors
    /// If that takes longer than `deadline`.
    pub async fn all_ended(
        &self,
        orders: &[NewOrder],
        deadline: Duration,
    ) -> anyhow::Result<BTreeMap<Uuid, String>> {
        let mut ended: BTreeMap<Uuid, String> = BTreeMap::new();
        eventually("the end of all orders", deadline, async || {
            let open: Vec<Uuid> =
                orders.iter().map(|order| order.order_id).filter(|id| !ended.contains_key(id)).collect();
            let states = order_states(&self.cloud, &open).await?;
            ended.extend(states.into_iter().filter(|(_, state)| is_final(state)));
            Ok(if ended.len() == orders.len() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{} of {} have", ended.len(), orders.len()))
            })
        })
        .await?;
        Ok(ended)
    }

    /// What all tables hold about an order.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn records(&self, order_id: Uuid) -> anyhow::Result<OrderRecords> {
        OrderRecords::read(&self.cloud, order_id).await
    }
}
