//! Choosing the nodes (warehouses, stores) that a paid order leaves from.
//!
//! As few parcels as a greedy choice finds: one node that has everything if there is one, otherwise the node
//! that covers most units, then the rest. Ties go to the node whose name sorts first. The pools have promised the
//! stock already; if the nodes cannot cover it, counts have drifted and the order is not allocated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{NodeId, OrderId, ShipmentId, Sku},
    quantity::Quantity,
    reservation::Line,
};

/// The reason code of an order that the nodes cannot cover.
pub const NODES_SHORT: &str = "NODES_SHORT";

/// The units on hand per node and SKU.
pub type OnHand = BTreeMap<NodeId, BTreeMap<Sku, u64>>;

/// One parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipment {
    /// Its id, derived from order and node.
    pub shipment_id: ShipmentId,
    /// Where it leaves from.
    pub node: NodeId,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// Where an allocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AllocationStatus {
    /// The nodes' units are set aside.
    Allocated,
    /// They went back, or were never set aside because the release came first. Final.
    Released,
}

/// The record of an order's allocation: one per order, forever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// Whose.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: AllocationStatus,
    /// The parcels.
    pub shipments: Vec<Shipment>,
}

/// What a command to release an allocation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseStep {
    /// There is no allocation: record that there may be none any more.
    Close,
    /// Put the nodes' units back and hold the pools' again.
    Release,
    /// There is nothing to put back.
    Done,
}

/// What a command to release the allocation means for one that stands at `current`.
pub fn begin_release(current: Option<&Allocation>) -> ReleaseStep {
    match current.map(|allocation| allocation.status) {
        None => ReleaseStep::Close,
        Some(AllocationStatus::Allocated) => ReleaseStep::Release,
        Some(AllocationStatus::Released) => ReleaseStep::Done,
    }
}

/// The nodes have fewer units of a SKU than the order needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the nodes are {missing} short of sku `{sku}`")]
pub struct Unallocatable {
    /// Of what.
    pub sku: Sku,
    /// By how many units.
    pub missing: u64,
}

/// Splits `lines` over the nodes.
///
/// # Errors
/// [`Unallocatable`] with the first SKU that the nodes together cannot cover.
pub fn allocate(order_id: OrderId, lines: &[Line], on_hand: &OnHand) -> Result<Vec<Shipment>, Unallocatable> {
    let mut wanted: BTreeMap<&Sku, u64> = lines.iter().map(|l| (&l.sku, l.quantity.units())).collect();
    let mut candidates: Vec<&NodeId> = on_hand.keys().collect();
    let mut shipments = Vec::new();
    while let Some((&sku, &missing)) = wanted.iter().find(|(_, units)| **units > 0) {
        let best = candidates
            .iter()
            .copied()
            .map(|node| (covered(node, &wanted, on_hand), node))
            .filter(|(units, _)| *units > 0)
            // The first of the best: `max_by_key` alone would take the last.
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((_, node)) = best else {
            return Err(Unallocatable { sku: sku.clone(), missing });
        };
        let mut parcel = Vec::new();
        for (sku, units) in &mut wanted {
            let taken = (*units).min(on_hand_of(node, sku, on_hand));
            if let Ok(quantity) = Quantity::new(i64::try_from(taken).unwrap_or(i64::MAX)) {
                *units = units.saturating_sub(taken);
                parcel.push(Line { sku: (*sku).clone(), quantity });
            }
        }
        shipments.push(Shipment {
            shipment_id: ShipmentId::derive(order_id, node),
            node: node.clone(),
            lines: parcel,
        });
        candidates.retain(|candidate| *candidate != node);
    }
    Ok(shipments)
}

fn on_hand_of(node: &NodeId, sku: &Sku, on_hand: &OnHand) -> u64 {
    on_hand.get(node).and_then(|skus| skus.get(sku)).copied().unwrap_or_default()
}

fn covered(node: &NodeId, wanted: &BTreeMap<&Sku, u64>, on_hand: &OnHand) -> u64 {
    wanted
        .iter()
        .map(|(sku, units)| (*units).min(on_hand_of(node, sku, on_hand)))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn lines(wanted: &[(&str, i64)]) -> Vec<Line> {
        wanted.iter().map(|(s, q)| Line { sku: sku(s), quantity: Quantity::new(*q).unwrap() }).collect()
    }

    fn nodes(stock: &[(&str, &[(&str, u64)])]) -> OnHand {
        stock
            .iter()
            .map(|(node, skus)| {
                (NodeId::parse(node).unwrap(), skus.iter().map(|(s, n)| (sku(s), *n)).collect())
            })
            .collect()
    }

    const ORDER: OrderId = OrderId::from_uuid(Uuid::from_u128(1));

    #[test]
    fn one_parcel_if_one_node_has_everything() {
        let on_hand = nodes(&[("store-1", &[("TENT", 1)]), ("wh-east", &[("TENT", 1), ("STOVE", 1)])]);
        let shipments = allocate(ORDER, &lines(&[("TENT", 1), ("STOVE", 1)]), &on_hand).unwrap();
        assert_eq!(shipments.len(), 1);
        assert_eq!(shipments[0].node.as_str(), "wh-east");
    }

    #[test]
    fn split_when_no_node_has_everything() {
        let on_hand = nodes(&[("store-1", &[("TENT", 2)]), ("wh-east", &[("TENT", 1), ("STOVE", 3)])]);
        let shipments = allocate(ORDER, &lines(&[("TENT", 2), ("STOVE", 1)]), &on_hand).unwrap();
        assert_eq!(shipments.iter().map(|s| s.node.as_str()).collect::<Vec<_>>(), ["store-1", "wh-east"]);
        assert_eq!(shipments[1].lines, lines(&[("STOVE", 1)]));
    }

    #[test]
    fn a_shortfall_is_refused_and_named() {
        let on_hand = nodes(&[("wh-east", &[("TENT", 1)])]);
        assert_eq!(
            allocate(ORDER, &lines(&[("TENT", 3)]), &on_hand),
            Err(Unallocatable { sku: sku("TENT"), missing: 2 })
        );
    }

    proptest! {
        #[test]
        fn parcels_sum_to_the_order_and_no_node_gives_more_than_it_has(
            stock in prop::collection::vec(prop::collection::vec(0..8_u64, 3), 1..5),
            wanted in prop::collection::btree_map(0..3_usize, 1..10_i64, 1..4),
        ) {
            let names = ["A", "B", "C"];
            let on_hand: OnHand = stock.iter().enumerate().map(|(n, counts)| (
                NodeId::parse(&format!("node-{n}")).unwrap(),
                names.iter().map(|s| sku(s)).zip(counts.iter().copied()).collect(),
            )).collect();
            let wanted: Vec<(&str, i64)> = wanted.into_iter().map(|(i, q)| (names[i], q)).collect();
            let wanted = lines(&wanted);
            let enough = wanted.iter().all(|l| {
                on_hand.values().map(|skus| skus[&l.sku]).sum::<u64>() >= l.quantity.units()
            });
            match allocate(ORDER, &wanted, &on_hand) {
                Err(_) => prop_assert!(!enough),
                Ok(shipments) => {
                    prop_assert!(enough);
                    for line in &wanted {
                        let sum: u64 = shipments.iter().flat_map(|s| &s.lines)
                            .filter(|l| l.sku == line.sku).map(|l| l.quantity.units()).sum();
                        prop_assert_eq!(sum, line.quantity.units());
                    }
                    for shipment in &shipments {
                        prop_assert!(!shipment.lines.is_empty());
                        for line in &shipment.lines {
                            prop_assert!(line.quantity.units() <= on_hand[&shipment.node][&line.sku]);
                        }
                    }
                    let mut ids: Vec<_> = shipments.iter().map(|s| s.shipment_id).collect();
                    ids.sort_unstable();
                    ids.dedup();
                    prop_assert_eq!(ids.len(), shipments.len());
                }
            }
        }
    }
}
