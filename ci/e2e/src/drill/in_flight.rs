//! Orders at every point of their way, so that a Region fails in the middle of them.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use anyhow::ensure;
use serde_json::json;
use uuid::Uuid;

use super::{FULFILLED, PATIENCE};
use crate::{
    api::NewOrder,
    cloud::Cloud,
    poll::eventually,
    records::{OrderRecords, order_states},
    shop::Shop,
    stock::Goods,
};

/// Orders of one burst, of which the second is under way when the Region fails: the processor takes five a second.
const BURST: usize = 20;
/// Orders of each burst that are fulfilled before something else happens.
const DONE: usize = 3;
/// Orders that are accepted and not written.
const ACCEPTED: usize = 4;
/// A charge that takes effect after nobody waits for its answer any more.
const LATE_CHARGE: &str = "pm_sandbox_timeout_lands";

/// What there is to buy.
#[derive(Debug)]
pub struct Range {
    /// What anybody may have.
    pub ordinary: Goods,
    /// Goods of which one unit must be approved.
    pub precious: Goods,
}

impl Range {
    /// New goods.
    ///
    /// # Errors
    /// If a table refuses.
    pub async fn new(shop: &Shop) -> anyhow::Result<Self> {
        let price = shop.cloud.approval_threshold_minor().await?.saturating_add(1);
        let precious = shop.goods_at(price, &[("wh-one", 100)], 1).await?;
        Ok(Self { ordinary: shop.goods(1_000).await?, precious })
    }

    /// An order that nobody need approve.
    pub fn order(&self) -> NewOrder {
        NewOrder::of(&[(&self.ordinary, 1)])
    }

    /// So many of them.
    pub fn orders(&self, count: usize) -> Vec<NewOrder> {
        (0..count).map(|_| self.order()).collect()
    }

    /// An order that must be approved.
    pub fn precious_order(&self) -> NewOrder {
        NewOrder::of(&[(&self.precious, 1)])
    }
}

/// An order that waits for approval, or did, and the token that the saga of one Region waits with.
#[derive(Debug, Clone)]
pub struct Approval {
    /// The order.
    pub order: NewOrder,
    stale_token: String,
}

impl Approval {
    /// Places such an order and waits until somebody is asked.
    ///
    /// # Errors
    /// If nobody is.
    pub async fn requested(shop: &Shop, order: NewOrder) -> anyhow::Result<Self> {
        shop.cloud.api.submit(&shop.customer, &order).await?;
        let stale_token = token(&shop.cloud, &order, None).await?;
        Ok(Self { order, stale_token })
    }

    /// Approves it in the Region that asks.
    ///
    /// # Errors
    /// If the saga does not wait for that.
    pub async fn approve(&self, cloud: &Cloud) -> anyhow::Result<()> {
        cloud.answer_task(&self.stale_token, &json!({ "decision": "APPROVED" })).await
    }

    /// Waits until another Region asks, and approves it there.
    ///
    /// # Errors
    /// If it does not ask.
    pub async fn approve_again(&self, cloud: &Cloud) -> anyhow::Result<()> {
        let token = token(cloud, &self.order, Some(&self.stale_token)).await?;
        cloud.answer_task(&token, &json!({ "decision": "APPROVED" })).await
    }

    /// Expects that nobody was asked again, for what was paid had been approved.
    ///
    /// # Errors
    /// If somebody was.
    pub async fn stands(&self, cloud: &Cloud) -> anyhow::Result<()> {
        let token = token(cloud, &self.order, None).await?;
        let Self { order, stale_token } = self;
        ensure!(
            token == *stale_token,
            "somebody was asked again to approve order {}, which has a payment",
            order.order_id
        );
        Ok(())
    }
}

/// The orders that were on their way when the Region failed.
#[derive(Debug)]
pub struct InFlight {
    /// Somewhere between written and fulfilled.
    pub burst: Vec<NewOrder>,
    /// Waits for a person, who has not decided.
    pub undecided: Approval,
    /// Was approved, and its charge is under way.
    pub charged: Approval,
    /// Are in the queue of the Region that failed, and nowhere else.
    pub accepted: Vec<NewOrder>,
    /// When the first of those was accepted.
    pub accepted_since: Instant,
}

impl InFlight {
    /// Brings orders on their way.
    ///
    /// # Errors
    /// If one is refused, or does not get so far.
    pub async fn set_off(shop: &Shop, range: &Range) -> anyhow::Result<Self> {
        let mut burst = range.orders(BURST);
        shop.submit_all(&burst, BURST).await?;
        fulfilled(&shop.cloud, &burst, DONE).await?;
        let (charged, undecided) = tokio::try_join!(
            Approval::requested(shop, range.precious_order().paid_with(LATE_CHARGE)),
            Approval::requested(shop, range.precious_order()),
        )?;
        charged.approve(&shop.cloud).await?;
        eventually("the charge under way", PATIENCE, async || {
            let records = shop.records(charged.order.order_id).await?;
            Ok(match records.payment_status() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(format!("the order is {:?}", records.state())),
            })
        })
        .await?;
        let second = range.orders(BURST);
        shop.submit_all(&second, BURST).await?;
        fulfilled(&shop.cloud, &second, DONE).await?;
        burst.extend(second);
        let ids = ids(&burst);
        eventually("every order of the bursts written", PATIENCE, async || {
            let written = order_states(&shop.cloud, &ids).await?.len();
            Ok(if written == ids.len() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(format!("{written} of {} are", ids.len()))
            })
        })
        .await?;

        shop.cloud.hold("order-ingest").await?;
        let accepted_since = Instant::now();
        let accepted = range.orders(ACCEPTED);
        shop.submit_all(&accepted, ACCEPTED).await?;
        Ok(Self { burst, undecided, charged, accepted, accepted_since })
    }

    /// Sees what has come further than it should: an order that was received in the last moment before its queue was held
    /// is written. Answers how many orders are in which state.
    ///
    /// # Errors
    /// If too few are left that were not.
    pub async fn look(&mut self, home: &Cloud) -> anyhow::Result<BTreeMap<String, usize>> {
        let mut known = self.written();
        known.extend(self.accepted.clone());
        let states = order_states(home, &ids(&known)).await?;
        let (written, accepted): (Vec<_>, Vec<_>) =
            self.accepted.drain(..).partition(|order| states.contains_key(&order.order_id));
        self.burst.extend(written);
        self.accepted = accepted;
        ensure!(
            self.accepted.len() > 1,
            "every order was written before the Region failed: run the drill again"
        );
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for order in &known {
            let state = states.get(&order.order_id).map_or("ACCEPTED", String::as_str);
            *counts.entry(state.to_lowercase()).or_default() += 1;
        }
        let open = known.len().saturating_sub(counts.get("fulfilled").copied().unwrap_or_default());
        ensure!(open > ACCEPTED, "every order had ended before the Region failed: run the drill again");
        Ok(counts)
    }

    /// Those that the other Region can know.
    pub fn written(&self) -> Vec<NewOrder> {
        self.burst.iter().chain([&self.undecided.order, &self.charged.order]).cloned().collect()
    }
}

/// The ids of orders.
pub fn ids(orders: &[NewOrder]) -> Vec<Uuid> {
    orders.iter().map(|order| order.order_id).collect()
}

/// Waits until so many of the orders are fulfilled.
///
/// # Errors
/// If that takes too long.
pub async fn fulfilled(cloud: &Cloud, orders: &[NewOrder], count: usize) -> anyhow::Result<()> {
    let ids = ids(orders);
    eventually(&format!("{count} fulfilled orders in {}", cloud.region), PATIENCE, async || {
        let states = order_states(cloud, &ids).await?;
        let done = states.values().filter(|state| *state == FULFILLED).count();
        Ok(if done >= count {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(format!("{done} of {} are, {} are written", ids.len(), states.len()))
        })
    })
    .await
}

/// Waits for a request for approval with a token other than `stale`.
async fn token(cloud: &Cloud, order: &NewOrder, stale: Option<&str>) -> anyhow::Result<String> {
    eventually(&format!("a request for approval in {}", cloud.region), PATIENCE, async || {
        let records = OrderRecords::read(cloud, order.order_id).await?;
        let token = records.approval().and_then(|approval| approval.get("taskToken")?.as_str());
        Ok(match token {
            Some(token) if Some(token) != stale => ControlFlow::Break(token.to_owned()),
            _ => ControlFlow::Continue(format!("the order is {:?}", records.state())),
        })
    })
    .await
}

/// Waits until every order has ended, and expects each to be fulfilled.
///
/// # Errors
/// If one is lost or has ended in another way.
pub async fn all_fulfilled(shop: &Shop, orders: &[NewOrder], deadline: Duration) -> anyhow::Result<()> {
    let states = shop.all_ended(orders, deadline).await?;
    let others: Vec<_> = states.iter().filter(|(_, state)| *state != FULFILLED).collect();
    ensure!(others.is_empty(), "orders ended in another way: {others:?}");
    Ok(())
}
