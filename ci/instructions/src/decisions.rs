//! The domain's decisions, with what they decide on.

use std::collections::BTreeMap;

use lakeside_domain::{
    allocation::{OnHand, Shipment, Unallocatable, allocate},
    ids::{AddressId, CustomerId, NodeId, OrderId, PaymentMethod, Sku},
    money::{Currency, Money},
    order::{Catalogue, Channel, Fact, Order, OrderEvent, OrderState, Rejection, Submission, advance, place},
    quantity::Quantity,
    reservation::{Availability, Line, Plan, Request, plan},
    stock::PoolId,
    time::Timestamp,
};
use uuid::Uuid;

use crate::BATCH;

/// Lines of an order.
const LINES: u8 = 3;
/// Pools of a SKU.
const POOLS: u8 = 8;
/// Nodes that have it.
const NODES: usize = 4;

fn skus() -> impl Iterator<Item = Sku> {
    (0..LINES).filter_map(|number| Sku::parse(&format!("SKU-{number}")).ok())
}

fn lines() -> Vec<Line> {
    skus().filter_map(|sku| Some(Line { sku, quantity: Quantity::new(2).ok()? })).collect()
}

fn order_id(number: u32) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number.into()))
}

/// An order of three lines, and the catalogue.
pub fn to_place() -> Option<(Submission, Catalogue)> {
    let submission = Submission {
        order_id: order_id(1),
        customer_id: CustomerId::parse("customer-1").ok()?,
        channel: Channel::Web,
        lines: skus().map(|sku| (sku, 2)).collect(),
        expected_total: Money::new(6_000, Currency::USD),
        payment_method: PaymentMethod::parse("pm_1").ok()?,
        shipping_address_id: AddressId::parse("addr_1").ok()?,
    };
    Some((submission, skus().map(|sku| (sku, Money::new(1_000, Currency::USD))).collect()))
}

/// Prices and checks it.
pub fn decide_order((submission, catalogue): &(Submission, Catalogue)) -> Result<Order, Rejection> {
    place(submission, catalogue, Timestamp::from_millis(0))
}

/// Ten orders of three lines each, and eight pools of each SKU.
pub fn to_reserve() -> (Vec<Request>, Availability) {
    let requests = (1..=BATCH).filter_map(|number| Request::new(order_id(number), lines()).ok()).collect();
    let pools: BTreeMap<PoolId, u64> = (0..POOLS).map(|pool| (PoolId(pool), 15)).collect();
    (requests, skus().map(|sku| (sku, pools.clone())).collect())
}

/// Plans what each of them gets, and from where.
pub fn decide_reservations((requests, availability): &(Vec<Request>, Availability)) -> Plan {
    plan(requests, availability)
}

/// An order of three lines, of which no node has everything.
pub fn to_allocate() -> (OrderId, Vec<Line>, OnHand) {
    let skus: Vec<Sku> = skus().collect();
    let nodes = (0..NODES).filter_map(|number| NodeId::parse(&format!("wh-{number}")).ok());
    let on_hand = nodes.zip(skus.iter().cycle()).map(|(node, sku)| (node, [(sku.clone(), 5)].into()));
    (order_id(1), lines(), on_hand.collect())
}

/// Chooses the nodes that send it.
pub fn decide_allocation(
    (order_id, lines, on_hand): &(OrderId, Vec<Line>, OnHand),
) -> Result<Vec<Shipment>, Unallocatable> {
    allocate(*order_id, lines, on_hand)
}

/// A fact, and the order that it is about.
pub fn to_advance() -> (OrderState, Fact) {
    (OrderState::Created, Fact::FulfilmentCompleted)
}

/// Says what it means for the order.
pub fn decide_state((state, fact): &(OrderState, Fact)) -> Vec<OrderEvent> {
    advance(state, fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_counted_decides_for_the_order() {
        assert!(decide_order(&to_place().unwrap()).is_ok());
        assert!(format!("{:?}", decide_reservations(&to_reserve())).contains("SKU-2"));
        assert_eq!(decide_allocation(&to_allocate()).unwrap().len(), 3);
        assert_eq!(decide_state(&to_advance()).len(), 2);
    }
}
