//! Whether what lies at the nodes and what the pools say of a SKU agree, at any moment and not only at rest.
//!
//! Every change of stock moves both in one transaction. A difference is therefore never an order under way: something
//! wrote past the rules, and nobody knows yet which of the counts is right. This module says what differs and mends
//! nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ids::NodeId, stock::PoolId};

/// The counts of a pool as they are stored, whatever they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCounts {
    /// May still be promised.
    pub available: i64,
    /// Promised to orders that are not yet allocated.
    pub held: i64,
    /// Allocated to paid orders, or sold at a store.
    pub sold: i64,
    /// All units that ever came in.
    pub received: i64,
    /// How often it was written.
    #[serde(default)]
    pub version: u64,
}

/// What lies at a node, as it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCount {
    /// Units that are there and not set aside.
    pub on_hand: i64,
    /// How often it was written.
    #[serde(default)]
    pub version: u64,
}

/// All items of one SKU, as they were read one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkuStock {
    /// Its pools.
    pub pools: BTreeMap<PoolId, PoolCounts>,
    /// Its nodes.
    pub nodes: BTreeMap<NodeId, NodeCount>,
    /// How many pools it should have, where operations have said so.
    pub wanted_pools: Option<u8>,
}

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "what", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Difference {
    /// A pool does not add up, or a count of it is negative (I1).
    #[error(
        "pool {}: {} available, {} held and {} sold are not the {} received",
        .pool.0, .counts.available, .counts.held, .counts.sold, .counts.received
    )]
    Pool {
        /// Which.
        pool: PoolId,
        /// Its counts.
        counts: PoolCounts,
    },
    /// A node has less than nothing.
    #[error("there are {on_hand} units at {node}")]
    Node {
        /// Which.
        node: NodeId,
        /// What it is said to have.
        on_hand: i64,
    },
    /// The nodes together do not have what the pools together have not sold. No sum is told that is wider than a count: what
    /// is tagged inside is not read back with one.
    #[error("{on_hand} units lie at the nodes, and {unsold} are not sold")]
    Nodes {
        /// Over all nodes.
        on_hand: i64,
        /// Available and held, over all pools.
        unsold: i64,
    },
}

/// Everything that does not agree.
pub fn differences(stock: &SkuStock) -> Vec<Difference> {
    let mut differences = Vec::new();
    let wide = |n: i64| i128::from(n);
    let (mut unsold, mut on_hand) = (0_i128, 0_i128);
    for (pool, counts) in &stock.pools {
        let PoolCounts { available, held, sold, received, .. } = *counts;
        let promised = wide(available).saturating_add(wide(held));
        let negative = [available, held, sold].iter().any(|count| *count < 0);
        if negative || promised.saturating_add(wide(sold)) != wide(received) {
            differences.push(Difference::Pool { pool: *pool, counts: *counts });
        }
        unsold = unsold.saturating_add(promised);
    }
    for (node, count) in &stock.nodes {
        if count.on_hand < 0 {
            differences.push(Difference::Node { node: node.clone(), on_hand: count.on_hand });
        }
        on_hand = on_hand.saturating_add(wide(count.on_hand));
    }
    if on_hand != unsold {
        differences.push(Difference::Nodes { on_hand: narrow(on_hand), unsold: narrow(unsold) });
    }
    differences
}

/// The nearest count to a sum.
fn narrow(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(pools: &[[i64; 4]], nodes: &[i64]) -> SkuStock {
        let counts = |[available, held, sold, received]: [i64; 4]| PoolCounts {
            available,
            held,
            sold,
            received,
            version: 1,
        };
        let node = |n: usize| NodeId::parse(&format!("wh-{n}")).unwrap();
        SkuStock {
            pools: (0..).map(PoolId).zip(pools.iter().copied().map(counts)).collect(),
            nodes: (0..)
                .map(node)
                .zip(nodes.iter().map(|on_hand| NodeCount { on_hand: *on_hand, version: 1 }))
                .collect(),
            wanted_pools: None,
        }
    }

    #[test]
    fn pools_and_nodes_that_agree_have_no_difference() {
        assert_eq!(differences(&stock(&[[3, 1, 2, 6], [0, 0, 5, 5]], &[4, 0])), []);
        assert_eq!(differences(&SkuStock::default()), []);
    }

    #[test]
    fn a_pool_that_does_not_add_up_is_told() {
        let unbalanced = differences(&stock(&[[3, 1, 2, 7]], &[4]));
        assert!(matches!(unbalanced[..], [Difference::Pool { pool: PoolId(0), .. }]), "{unbalanced:?}");
    }

    #[test]
    fn less_than_nothing_is_told_though_the_sum_is_right() {
        for pool in [[-1, 1, 0, 0], [1, -1, 0, 0]] {
            let negative = differences(&stock(&[pool], &[0]));
            assert!(matches!(negative[..], [Difference::Pool { .. }]), "{negative:?}");
        }
        let sold = differences(&stock(&[[1, 0, -1, 0]], &[1]));
        assert!(matches!(sold[..], [Difference::Pool { .. }]), "{sold:?}");
        let node = differences(&stock(&[[1, 0, 0, 1]], &[-1, 2]));
        assert!(matches!(node[..], [Difference::Node { on_hand: -1, .. }]), "{node:?}");
    }

    #[test]
    fn a_unit_that_only_one_side_knows_is_told() {
        assert_eq!(differences(&stock(&[[3, 1, 2, 6]], &[3])), [Difference::Nodes { on_hand: 3, unsold: 4 }]);
        assert_eq!(differences(&stock(&[], &[1])), [Difference::Nodes { on_hand: 1, unsold: 0 }]);
    }

    #[test]
    fn a_sum_that_is_wider_than_a_count_is_told_as_the_nearest() {
        let wide = differences(&stock(&[[i64::MAX, i64::MAX, 0, 0]], &[i64::MIN, i64::MIN]));
        assert!(wide.contains(&Difference::Nodes { on_hand: i64::MIN, unsold: i64::MAX }), "{wide:?}");
    }
}
