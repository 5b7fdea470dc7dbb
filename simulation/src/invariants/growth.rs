//! What the growth squad owes to every order at rest: its points, and a word about what became of it.

use std::collections::{BTreeMap, BTreeSet};

use lakeside_domain::{
    ids::{CustomerId, OrderId},
    loyalty::{Award, Points},
    notice::{NoticeStatus, What},
    order::{Order, OrderState},
};
use lakeside_growth::{notice_record::status_name, post::Letter};
use serde::Deserialize;

use crate::world::World;

/// Of an event, what it is about.
#[derive(Deserialize)]
struct About {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    order_id: OrderId,
    what: Option<What>,
}

/// What was said on the buses that growth hears or says something about.
#[derive(Default)]
struct Said {
    /// Facts that customers want to hear.
    facts: BTreeSet<(OrderId, What)>,
    told: BTreeSet<(OrderId, What)>,
    accrued: BTreeSet<OrderId>,
    reversed: BTreeSet<OrderId>,
}

impl Said {
    fn on(world: &World) -> Self {
        let mut said = Self::default();
        for event in world.archive.borrow().iter() {
            let about = || serde_json::from_str::<About>(&event.event.detail).unwrap().data;
            match event.event.detail_type.as_str() {
                "OrderConfirmed" => said.fact(&about(), What::Confirmed),
                "OrderFulfilled" => said.fact(&about(), What::Fulfilled),
                "OrderCancelled" => said.fact(&about(), What::Cancelled),
                "OrderRejected" => said.fact(&about(), What::Rejected),
                "CustomerNotified" => {
                    let Data { order_id, what } = about();
                    said.told.extend(what.map(|what| (order_id, what)));
                }
                "LoyaltyPointsAccrued" => {
                    said.accrued.insert(about().order_id);
                }
                "LoyaltyPointsReversed" => {
                    said.reversed.insert(about().order_id);
                }
                _ => {}
            }
        }
        said
    }

    fn fact(&mut self, about: &Data, what: What) {
        self.facts.insert((about.order_id, what));
    }
}

/// Checks points and messages.
pub fn at_rest(world: &World) {
    let said = Said::on(world);
    accounts_have_what_is_earned(world, &said);
    everybody_was_told(world, &said);
}

fn accounts_have_what_is_earned(world: &World, said: &Said) {
    let mut earned: BTreeMap<CustomerId, i64> = BTreeMap::new();
    let (mut accrued, mut reversed) = (BTreeSet::new(), BTreeSet::new());
    for record in world.orders.records.borrow().values() {
        let Some(order) = &record.order else { continue };
        let Some(points) = points_of(world, order) else { continue };
        let order_id = order.order_id;
        let award = world.growth.order_points(order_id).map(|record| record.known.award);
        let fulfilled = record.state == OrderState::Fulfilled;
        let undone = world.undone.borrow().contains(&order_id);
        let right = match award {
            Some(Award::Accrued { points: given }) => fulfilled && !undone && given == points,
            Some(Award::Reversed { points: given }) => fulfilled && undone && given == points,
            // Its end was heard of before its fulfilment.
            Some(Award::Open) => !fulfilled || undone,
            None => false,
        };
        world.check(right, "L1", || {
            format!(
                "order {order_id} is {:?}, undone after all: {undone}, and stands at {award:?}",
                record.state
            )
        });
        if points.count() > 0 {
            accrued.extend(
                matches!(award, Some(Award::Accrued { .. } | Award::Reversed { .. })).then_some(order_id),
            );
            reversed.extend(matches!(award, Some(Award::Reversed { .. })).then_some(order_id));
        }
        let account = earned.entry(order.customer_id.clone()).or_default();
        if fulfilled && !undone {
            *account += i64::try_from(points.count()).unwrap();
        }
    }
    for (customer_id, points) in earned {
        let account = world.growth.accounts.borrow().get(&customer_id).copied().unwrap_or_default();
        world.check(account == points, "L1", || {
            format!("{customer_id} has {account} points and earned {points}")
        });
    }
    world.check(said.accrued == accrued && said.reversed == reversed, "L1", || {
        format!(
            "points given for {accrued:?} and taken for {reversed:?}, announced {:?} and {:?}",
            said.accrued, said.reversed
        )
    });
}

/// What the order earns: that was decided when it was first heard of, by the rate of that time.
fn points_of(world: &World, order: &Order) -> Option<Points> {
    let earning = world.growth.order_points(order.order_id).and_then(|record| record.known.earning);
    let right = earning.as_ref().is_some_and(|earning| {
        let by_a_rate = world.rates.iter().any(|rate| rate.points(order.total) == Ok(earning.points));
        by_a_rate && earning.customer_id == order.customer_id
    });
    world.check(right, "L1", || format!("order {} earns {earning:?}", order.order_id));
    earning.map(|earning| earning.points)
}

/// Every fact was told once to whom it is about, or it is written down why not.
fn everybody_was_told(world: &World, said: &Said) {
    let sent = world.sent.borrow();
    let times = |order_id, what| sent.get(&Letter::about(order_id, what).text).copied().unwrap_or_default();
    for (order_id, what) in &said.facts {
        let records = world.orders.records.borrow();
        let contact = records.get(order_id).and_then(|record| world.directory.contact(&record.customer_id));
        let wished = contact.map_or(Err(NoticeStatus::NoContact), |contact| contact.recipient());
        let status = world.growth.status(*order_id, *what);
        let times = times(*order_id, *what);
        let right = match (&wished, status) {
            (Ok(_), Some(NoticeStatus::Sent { .. })) => times == 1,
            (Ok(_), Some(NoticeStatus::Uncertain { .. })) => times <= 1,
            (Ok(_), Some(NoticeStatus::Undeliverable { .. })) => times == 0,
            (Err(unwanted), Some(status)) => status == *unwanted && times == 0,
            _ => false,
        };
        world.check(right, "all are told", || {
            let wish = wished.as_ref().map_or_else(status_name, |_| "to be told");
            format!(
                "{} of order {order_id} stands at {status:?}, was told {times} times; wished: {wish}",
                what.name()
            )
        });
    }
    let notices = world.growth.notices.borrow();
    let told = notices.iter().filter(|(_, notice)| matches!(notice.status, NoticeStatus::Sent { .. }));
    let told: BTreeSet<_> = told.map(|(about, _)| *about).collect();
    world.check(said.told == told, "all are told", || format!("told {told:?}, announced {:?}", said.told));
    let heard = notices.keys().all(|about| said.facts.contains(about));
    world.check(heard, "all are told", || format!("told {:?} of {:?}", notices.keys(), said.facts));
}

/// Points and messages, as text.
pub fn snapshot(world: &World) -> String {
    let notices = world.growth.notices.borrow();
    let notices: Vec<_> = notices.iter().map(|(about, notice)| (about, notice.status)).collect();
    format!(
        "{:?}\n{:?}\n{notices:?}\n{:?}",
        world.growth.accounts.borrow(),
        world.growth.points.borrow(),
        world.sent.borrow()
    )
}
