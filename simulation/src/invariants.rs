//! What must hold at rest: after everything has been told, tried again and repaired.

mod growth;

use std::{collections::BTreeSet, rc::Rc};

use lakeside_domain::{
    adjustment::Effect,
    ids::OrderId,
    label::LabelStatus,
    order::{CANCELLED_BY_CUSTOMER, Order, OrderState},
    order_status::{Status, status},
    reservation::ReservationStatus,
};
use lakeside_fulfilment::payment_record::status_name;
use lakeside_orders::order_record::OrderRecord;

use crate::{
    counted, listings,
    partners::DECLINED,
    queues::Queue,
    workload::{Asked, Cancellation, Day, Submission},
    world::World,
};

/// Checks every promise, and answers a picture of the state to compare with a later one.
pub fn at_rest(world: &Rc<World>, day: &Day) -> String {
    let submissions = &day.submissions;
    stock_balances(world);
    world.view_is_true();
    every_adjustment_was_decided(world, &day.asked);
    every_submission_has_ended(world, submissions);
    conflicts_are_visible(world, submissions);
    let orders: Vec<_> = world.orders.records.borrow().values().cloned().collect();
    records_agree_with_partners(world);
    what_nobody_can_read_was_parked(world);
    growth::at_rest(world);
    listings::at_rest(world);
    counted::at_rest(world);
    for record in &orders {
        cancellations_are_heard(world, record);
        cancelled_by_their_customers_alone(world, record, &day.cancellations);
        if let Some(order) = &record.order {
            match record.state {
                OrderState::Fulfilled => fulfilled(world, order),
                _ => undone(world, order),
            }
            refusals_are_true(world, order, &record.state);
            seen_as(world, record.order_id, &record.state);
        }
    }
    snapshot(world)
}

fn stock_balances(world: &World) {
    let inventory = &world.inventory;
    for ((sku, pool), counts) in inventory.pools.borrow().iter() {
        world.check(counts.held == 0, "I8", || {
            format!("{sku} still holds {} in pool {}", counts.held, pool.0)
        });
        let sum = counts.available + counts.held + counts.sold;
        world.check(sum == counts.received, "I1", || format!("{sku} has {counts:?}"));
    }
    for (order_id, reservation) in inventory.reservations.borrow().iter() {
        world.check(reservation.status != ReservationStatus::Held, "I8", || {
            format!("order {order_id} holds stock")
        });
    }
    let sold: i64 = inventory.pools.borrow().values().map(|c| c.sold).sum();
    let to_orders: u64 = inventory
        .reservations
        .borrow()
        .values()
        .filter(|reservation| reservation.status == ReservationStatus::Committed)
        .flat_map(|reservation| reservation.takes.iter().map(|take| take.units))
        .sum();
    let adjustments = inventory.adjustments.borrow();
    let changes = adjustments.values().flat_map(|record| &record.pools);
    let at_stores: u64 = changes.filter(|c| c.effect == Effect::Sell).map(|c| c.units).sum();
    world.check(u64::try_from(sold) == Ok(to_orders + at_stores), "I1", || {
        format!("{sold} units are sold, {to_orders} to orders and {at_stores} at stores")
    });
    let received: i64 = inventory.pools.borrow().values().map(|c| c.received).sum();
    let on_hand: i64 = inventory.nodes.borrow().values().sum();
    world.check(on_hand == received - sold, "I1", || {
        format!("{on_hand} units lie in the nodes, and {sold} of {received} are sold")
    });
}

/// Each was decided once, and who asks for something else under an id that is taken is not overheard.
fn every_adjustment_was_decided(world: &World, asked: &[Asked]) {
    let records = world.inventory.adjustments.borrow();
    let conflicts = world.inventory.adjustment_conflicts.borrow();
    let distinct: BTreeSet<&Asked> = asked.iter().collect();
    let ids: BTreeSet<_> = asked.iter().map(|asked| asked.id).collect();
    for id in &ids {
        world.check(records.contains_key(id), "I4", || format!("adjustment {id} was never decided"));
    }
    let (known, sent) = (records.len() + conflicts.len(), distinct.len());
    world.check(known == sent, "I2", || format!("{sent} different adjustments were sent, {known} are known"));
}

/// What the fulfilment squad believes of money and labels is what the processor and the carrier say.
fn records_agree_with_partners(world: &World) {
    let fulfilment = &world.fulfilment;
    let processor = world.processor.borrow();
    for payment in fulfilment.payments.borrow().values() {
        let outside = processor.payments.get(&payment.order_id).cloned().unwrap_or_default();
        let (captured, kept) = (outside.captured > 0, outside.captured > outside.refunded);
        let agrees = match status_name(&payment.status) {
            "CAPTURED" => kept,
            "REFUNDED" => captured && !kept,
            _ => !captured,
        };
        let status = &payment.status;
        world.check(agrees, "I3", || {
            format!("payment {} is {status:?} here and {outside:?} there", payment.order_id)
        });
    }
    let carrier = world.carrier.borrow();
    for label in fulfilment.labels.borrow().values() {
        let outside = carrier.labels.get(&label.shipment_id).cloned().unwrap_or_default();
        let valid = outside.issued > 0 && !outside.closed;
        let agrees = valid == matches!(label.status, LabelStatus::Created { .. });
        let status = &label.status;
        world.check(agrees, "I3", || {
            format!("label {} is {status:?} here and {outside:?} there", label.shipment_id)
        });
    }
}

/// Who submits something else under an id that is taken is not overheard.
fn conflicts_are_visible(world: &World, submissions: &[Submission]) {
    let conflicts = world.orders.conflicts.borrow();
    for order_id in world.orders.records.borrow().keys() {
        let of_order = submissions.iter().filter(|s| s.order_id == *order_id);
        let sent: BTreeSet<_> = of_order.map(|s| (s.customer, &s.body)).collect();
        let known = conflicts.keys().filter(|(id, ..)| id == order_id).count();
        world.check(known + 1 == sent.len(), "I2", || {
            format!("{} submissions of order {order_id}, {known} known as conflicts", sent.len())
        });
    }
}

/// Nobody is told that a card was declined that was not.
fn refusals_are_true(world: &World, order: &Order, state: &OrderState) {
    let OrderState::Cancelled { reason } = state else { return };
    let declined = order.payment_method.as_str() == DECLINED;
    world.check(reason.as_str() != "PAYMENT_DECLINED" || declined, "no false refusal", || {
        format!("order {} was cancelled because of its card", order.order_id)
    });
}

/// A request that was recorded has closed what the saga had not begun, and one that was kept has kept its order from
/// being accepted.
fn cancellations_are_heard(world: &World, record: &OrderRecord) {
    let order_id = record.order_id;
    let closed = world.fulfilment.closed.borrow().contains_key(&order_id);
    let paid = world.fulfilment.payments.borrow().contains_key(&order_id);
    world.check(record.cancellation_requested_at.is_none() || (closed && paid), "I4", || {
        format!("nobody heard that order {order_id} is to be cancelled")
    });
    let early = world.orders.early.borrow().contains_key(&(order_id, record.customer_id.to_string()));
    world.check(!early || matches!(record.state, OrderState::Rejected { .. }), "I4", || {
        format!("order {order_id} was cancelled before it came and is {:?}", record.state)
    });
}

/// Nobody cancels an order of somebody else.
fn cancelled_by_their_customers_alone(world: &World, record: &OrderRecord, cancellations: &[Cancellation]) {
    let (OrderState::Cancelled { reason } | OrderState::Rejected { reason }) = &record.state else { return };
    let asked = cancellations
        .iter()
        .any(|asked| asked.order_id == record.order_id && asked.customer == record.customer_id.as_str());
    world.check(reason.as_str() != CANCELLED_BY_CUSTOMER || asked, "no false refusal", || {
        format!("order {} was cancelled, and its customer did not ask", record.order_id)
    });
}

fn what_nobody_can_read_was_parked(world: &World) {
    let in_queues: usize = world.queues.borrow().values().map(Queue::parked).sum();
    let (sent, parked) = (world.unreadable.get(), world.parked.get() + in_queues);
    world.check(sent == parked, "I4", || {
        format!("{parked} of {sent} messages that nobody can read were parked")
    });
}

fn every_submission_has_ended(world: &World, submissions: &[Submission]) {
    let records = world.orders.records.borrow();
    for submission in submissions {
        let record = records.get(&submission.order_id);
        let ended = record.is_some_and(|record| record.state.is_final());
        world.check(ended, "I4", || {
            format!("order {} is {:?}", submission.order_id, record.map(|record| &record.state))
        });
    }
    let distinct: BTreeSet<_> = submissions.iter().map(|s| s.order_id).collect();
    world.check(records.len() == distinct.len(), "I2", || {
        format!("{} orders for {} ids", records.len(), distinct.len())
    });
}

fn fulfilled(world: &World, order: &Order) {
    let order_id = order.order_id;
    let processor = world.processor.borrow();
    let kept = processor.payments.get(&order_id).map_or(0, |p| p.captured - p.refunded);
    world.check(kept == order.total.amount(), "I3", || {
        format!("order {order_id} is fulfilled and paid {kept}")
    });
    let inventory = &world.inventory;
    let reservation = inventory.reservation(order_id);
    let sold: u64 = reservation
        .filter(|r| r.status == ReservationStatus::Committed)
        .map_or(0, |r| r.takes.iter().map(|t| t.units).sum());
    let wanted: u64 = order.lines.iter().map(|line| line.quantity.units()).sum();
    world.check(sold == wanted, "I1", || format!("order {order_id} wanted {wanted} units and got {sold}"));
    let carrier = world.carrier.borrow();
    let parcels = inventory.allocation(order_id).map(|a| a.shipments).unwrap_or_default();
    for parcel in parcels {
        let label = carrier.labels.get(&parcel.shipment_id);
        let valid = label.is_some_and(|label| label.issued == 1 && !label.closed);
        world.check(valid, "I3", || {
            format!("parcel {} of order {order_id} has {label:?}", parcel.shipment_id)
        });
    }
}

fn undone(world: &World, order: &Order) {
    let order_id = order.order_id;
    let processor = world.processor.borrow();
    let kept = processor.payments.get(&order_id).map_or(0, |p| p.captured - p.refunded);
    world.check(kept == 0, "I3", || format!("order {order_id} was given up and paid {kept}"));
    let inventory = &world.inventory;
    let status = inventory.reservation(order_id).map(|r| r.status);
    world.check(status != Some(ReservationStatus::Committed), "I8", || {
        format!("order {order_id} was given up and its stock is sold")
    });
    let fulfilment = &world.fulfilment;
    let carrier = world.carrier.borrow();
    for label in fulfilment.labels.borrow().values().filter(|label| label.order_id == order_id) {
        let outside = carrier.labels.get(&label.shipment_id);
        let valid = outside.is_some_and(|label| label.issued > 0 && !label.closed);
        world.check(!valid, "I3", || {
            format!("order {order_id} was given up and parcel {} has a label", label.shipment_id)
        });
    }
}

/// The customer sees what is the case.
fn seen_as(world: &World, order_id: OrderId, state: &OrderState) {
    let expected = match state {
        OrderState::Created => Status::Accepted,
        OrderState::Confirmed => Status::Confirmed,
        OrderState::Fulfilled => Status::Fulfilled,
        OrderState::Cancelled { .. } => Status::Cancelled,
        OrderState::Rejected { .. } => Status::Rejected,
    };
    let facts_of = world.status.facts.borrow();
    let facts: Vec<_> =
        facts_of.get(&order_id).into_iter().flat_map(|f| f.values().cloned().map(Into::into)).collect();
    let seen = status(&facts).map(|(status, _)| status);
    world.check(seen == Some(expected), "I4", || {
        format!("order {order_id} is {expected:?} and seen as {seen:?}")
    });
    let owner = world.status.owners.borrow().get(&order_id).cloned();
    let list = owner.map(|owner| world.status.page(&owner, usize::MAX, None).orders).unwrap_or_default();
    let times = list.iter().filter(|listed| listed.position.order_id == order_id).count();
    world.check(times == 1, "I4", || format!("order {order_id} is {times} times in its customer's list"));
    let repeated = facts_of.get(&order_id).into_iter().flat_map(|facts| facts.values()).filter(|known| {
        matches!(
            known.event.as_str(),
            "OrderCreated" | "StockReserved" | "PaymentCaptured" | "OrderFulfilled"
        )
    });
    let mut kinds: Vec<&str> = repeated.map(|known| known.event.as_str()).collect();
    let all = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    world.check(kinds.len() == all, "I7", || format!("order {order_id} has a fact under two ids"));
}

/// Stock, payments, labels, orders, points and messages, as text.
fn snapshot(world: &World) -> String {
    let inventory = &world.inventory;
    let orders = &world.orders;
    let fulfilment = &world.fulfilment;
    let payments = fulfilment.payments.borrow();
    let payments: Vec<_> = payments.values().map(|p| (p.order_id, status_name(&p.status))).collect();
    let records = orders.records.borrow();
    let states: Vec<_> = records.values().map(|r| (r.order_id, &r.state, r.version)).collect();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{payments:?}\n{states:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{}\n{}",
        inventory.pools.borrow(),
        inventory.nodes.borrow(),
        inventory.reservations.borrow(),
        inventory.adjustments.borrow(),
        world.store_stock.available.borrow(),
        world.store_stock.on_hand.borrow(),
        world.processor.borrow().payments,
        world.carrier.borrow().labels,
        world.executions.borrow().keys().collect::<Vec<_>>(),
        fulfilment.closed.borrow(),
        fulfilment.approvals.borrow(),
        orders.early.borrow(),
        growth::snapshot(world),
        listings::snapshot(world),
    )
}
