//! What the functions have counted, against what they have decided.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use lakeside_domain::{label::LabelStatus, notice::NoticeStatus, order::OrderState, payment::PaymentStatus};
use lakeside_kit::metrics::{
    CUSTOMERS_NOTIFIED, LABELS_CREATED, Measure, Metric, ORDERS_ACCEPTED, ORDERS_CANCELLED, ORDERS_FULFILLED,
    ORDERS_REJECTED, PAYMENTS_CAPTURED, PAYMENTS_DECLINED, RESERVATIONS_FAILED, RESERVATIONS_MADE,
    SAGAS_PARKED, Unit,
};

use crate::world::World;

/// How many of each metric were told.
#[derive(Default)]
pub struct Counted(RefCell<BTreeMap<&'static str, u64>>);

impl Counted {
    pub fn tell(&self, measures: &[Measure]) {
        let counts = measures.iter().filter(|measure| measure.metric.unit == Unit::Count);
        for Measure { metric, value, .. } in counts {
            *self.0.borrow_mut().entry(metric.name).or_default() += value;
        }
    }

    fn of(&self, metric: Metric) -> u64 {
        self.0.borrow().get(metric.name).copied().unwrap_or_default()
    }
}

/// However often anything was delivered, nothing counts twice. Who dies before it counts does not count.
pub fn at_rest(world: &World) {
    let orders = world.orders.records.borrow();
    let in_state = |is: fn(&OrderState) -> bool| orders.values().filter(|order| is(&order.state)).count();
    let payments = world.fulfilment.payments.borrow();
    let paid = |is: fn(&PaymentStatus) -> bool| payments.values().filter(|p| is(&p.status)).count();
    let labels = world.fulfilment.labels.borrow();
    let reservations = world.inventory.reservations.borrow();
    let notices = world.growth.notices.borrow();
    // One that is told again is told in the same words.
    let archive = world.archive.borrow();
    let told = archive.iter().map(|published| &published.event);
    let parked: BTreeSet<&str> = told
        .filter(|event| event.detail_type == "FulfilmentParked")
        .map(|event| event.detail.as_str())
        .collect();
    let decided = [
        (&[ORDERS_ACCEPTED][..], orders.values().filter(|order| order.order.is_some()).count()),
        (&[ORDERS_REJECTED], in_state(|state| matches!(state, OrderState::Rejected { .. }))),
        (&[ORDERS_CANCELLED], in_state(|state| matches!(state, OrderState::Cancelled { .. }))),
        (&[ORDERS_FULFILLED], in_state(|state| *state == OrderState::Fulfilled)),
        (&[SAGAS_PARKED], parked.len()),
        (&[RESERVATIONS_MADE, RESERVATIONS_FAILED], reservations.len()),
        (&[PAYMENTS_DECLINED], paid(|status| !matches!(status, PaymentStatus::Captured))),
        (&[PAYMENTS_CAPTURED, PAYMENTS_DECLINED], payments.len()),
        (&[LABELS_CREATED], labels.values().filter(|l| l.status != LabelStatus::Requested).count()),
        (&[CUSTOMERS_NOTIFIED], notices.values().filter(|n| is_sent(n.status)).count()),
    ];
    for (metrics, decisions) in decided {
        let counted: u64 = metrics.iter().map(|metric| world.counted.of(*metric)).sum();
        world.check(counted <= u64::try_from(decisions).unwrap(), "nothing counts twice", || {
            let names: Vec<_> = metrics.iter().map(|metric| metric.name).collect();
            format!("{} of {decisions} are counted {counted} times", names.join(" and "))
        });
    }
}

const fn is_sent(status: NoticeStatus) -> bool {
    matches!(status, NoticeStatus::Sent { .. })
}
