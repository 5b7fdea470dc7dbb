//! Changing stock other than by an order: goods come in, are counted, or leave over a store's counter.
//!
//! What changes at a node changes with it what may be promised, or the next order would be promised what is not there.
//! Units that are promised already stay: who counts fewer, or sells over the counter what an order is to get, is
//! refused. [`decide`] says under which conditions its decision holds, and the store applies it only if they do; this
//! module never writes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{AdjustmentId, NodeId, Sku},
    reservation::{Availability, Take, shortness, take, total},
    stock::PoolId,
};

/// The reason code of a change that would take more than the node has.
pub const NODE_SHORT: &str = "NODE_SHORT";
/// The reason code of a change that would take what is promised to orders.
pub const STOCK_PROMISED: &str = "STOCK_PROMISED";
/// The reason code of a change that names nothing, or a SKU twice.
pub const INVALID_LINES: &str = "INVALID_LINES";
/// The reason code of a receipt or a sale of less than nothing.
pub const INVALID_UNITS: &str = "INVALID_UNITS";

/// Why stock changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Units came in.
    Receipt,
    /// A count found more or fewer units than the books have.
    Count,
    /// Units were sold and taken along at a store.
    StoreSale,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Receipt, Self::Count, Self::StoreSale];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receipt => "RECEIPT",
            Self::Count => "COUNT",
            Self::StoreSale => "STORE_SALE",
        }
    }
}

/// A change of a node's units, never zero and bounded: negative only where a count found fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Units(i32);

/// The number is zero or too far from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("units must be from -{max} to {max} and not 0, got `{0}`", max = Units::MAX)]
pub struct UnitsError(pub i64);

impl Units {
    /// The largest change of one line.
    pub const MAX: i32 = 1_000_000;

    /// # Errors
    /// [`UnitsError`] for 0, and beyond [`Units::MAX`].
    pub fn new(units: i64) -> Result<Self, UnitsError> {
        match i32::try_from(units) {
            Ok(n) if n != 0 && (-Self::MAX..=Self::MAX).contains(&n) => Ok(Self(n)),
            _ => Err(UnitsError(units)),
        }
    }

    /// The number.
    pub const fn count(self) -> i64 {
        self.0 as i64
    }
}

impl TryFrom<i64> for Units {
    type Error = UnitsError;

    fn try_from(units: i64) -> Result<Self, UnitsError> {
        Self::new(units)
    }
}

impl From<Units> for i64 {
    fn from(units: Units) -> Self {
        units.count()
    }
}

/// What changes of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// By how much.
    pub units: Units,
}

/// A change that somebody asks for: all of its lines or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    /// The same id again is the same change.
    pub adjustment_id: AdjustmentId,
    /// Why.
    pub kind: Kind,
    /// Where.
    pub node: NodeId,
    /// What.
    pub lines: Vec<Line>,
}

impl Adjustment {
    /// What it names.
    pub fn skus(&self) -> BTreeSet<&Sku> {
        self.lines.iter().map(|line| &line.sku).collect()
    }
}

/// What there is of the SKUs of a change, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// What each pool has available.
    pub pools: Availability,
    /// What the node has. A SKU that is not there is one that was never there.
    pub on_hand: BTreeMap<Sku, u64>,
}

/// What a change does to a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Effect {
    /// The units are there from now on; where there was no count, it begins.
    Add,
    /// The units never were there, as a count says.
    Remove,
    /// The units are sold.
    Sell,
}

/// What changes in one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolChange {
    /// What.
    pub sku: Sku,
    /// In which of its pools.
    pub pool: PoolId,
    /// How.
    pub effect: Effect,
    /// By how much.
    pub units: u64,
}

/// The decision to make a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What the node gets or, if negative, gives. It must have what it gives.
    pub node: BTreeMap<Sku, i64>,
    /// What the pools get or give, each at most once. They must have available what they give.
    pub pools: Vec<PoolChange>,
}

/// The decision not to make it, and what it relies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as a code.
    pub reason: &'static str,
    /// The pools must have no more than this available.
    pub pools: BTreeMap<(Sku, PoolId), u64>,
    /// The node must have no more than this.
    pub node: Option<(Sku, u64)>,
}

impl Refusal {
    /// A refusal that stands whatever there is.
    pub const fn outright(reason: &'static str) -> Self {
        Self { reason, pools: BTreeMap::new(), node: None }
    }
}

/// Decides a change.
///
/// # Errors
/// [`Refusal`], by the first line that cannot be.
pub fn decide(adjustment: &Adjustment, stock: &Stock) -> Result<Changes, Refusal> {
    if adjustment.lines.is_empty() || adjustment.skus().len() < adjustment.lines.len() {
        return Err(Refusal::outright(INVALID_LINES));
    }
    if adjustment.kind != Kind::Count && adjustment.lines.iter().any(|line| line.units.count() < 0) {
        return Err(Refusal::outright(INVALID_UNITS));
    }
    let mut left = stock.pools.clone();
    let mut changes = Changes::default();
    for Line { sku, units } in &adjustment.lines {
        let count = units.count().unsigned_abs();
        let effect = match adjustment.kind {
            Kind::StoreSale => Effect::Sell,
            Kind::Receipt | Kind::Count if units.count() > 0 => Effect::Add,
            Kind::Receipt | Kind::Count => Effect::Remove,
        };
        let takes = if effect == Effect::Add {
            vec![Take { sku: sku.clone(), pool: poorest(&stock.pools, sku), units: count }]
        } else {
            let on_hand = stock.on_hand.get(sku).copied().unwrap_or_default();
            if on_hand < count {
                let node = Some((sku.clone(), on_hand));
                return Err(Refusal { node, ..Refusal::outright(NODE_SHORT) });
            }
            if total(&left, sku) < u128::from(count) {
                let seen = shortness(&stock.pools, sku).into_iter();
                let pools = seen.map(|(pool, seen)| ((sku.clone(), pool), seen)).collect();
                return Err(Refusal { pools, ..Refusal::outright(STOCK_PROMISED) });
            }
            take(&mut left, sku, count, adjustment.adjustment_id.as_uuid())
        };
        let at_node = if effect == Effect::Add { 1 } else { -1_i64 };
        let at_node = at_node.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        changes.node.insert(sku.clone(), at_node);
        let of = |Take { sku, pool, units }| PoolChange { sku, pool, effect, units };
        changes.pools.extend(takes.into_iter().map(of));
    }
    Ok(changes)
}

/// The pool that what comes in goes to: the one with least, and the first of a SKU that has none.
fn poorest(pools: &Availability, sku: &Sku) -> PoolId {
    let pools = pools.get(sku).into_iter().flatten();
    pools.min_by_key(|(_, units)| **units).map_or(PoolId(0), |(pool, _)| *pool)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        ids::OrderId,
        quantity::Quantity,
        reservation::{self, Request, plan},
        stock::Pool,
    };

    #[test]
    fn units_are_bounded_and_never_zero() {
        for good in [1, -1, 1_000_000, -1_000_000] {
            assert_eq!(Units::new(good).map(Units::count), Ok(good));
        }
        for bad in [0, 1_000_001, -1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(Units::new(bad), Err(UnitsError(bad)));
        }
    }

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn adjustment(kind: Kind, lines: &[(&str, i64)]) -> Adjustment {
        Adjustment {
            adjustment_id: AdjustmentId::from_uuid(Uuid::from_u128(1)),
            kind,
            node: NodeId::parse("wh-east").unwrap(),
            lines: lines
                .iter()
                .map(|(name, units)| Line { sku: sku(name), units: Units::new(*units).unwrap() })
                .collect(),
        }
    }

    /// So many tents in these pools, and at the node.
    fn tents(pools: &[u64], on_hand: u64) -> Stock {
        let pools = (0_u8..).map(PoolId).zip(pools.iter().copied()).collect();
        Stock { pools: [(sku("TENT"), pools)].into(), on_hand: [(sku("TENT"), on_hand)].into() }
    }

    fn change(pool: u8, effect: Effect, units: u64) -> PoolChange {
        PoolChange { sku: sku("TENT"), pool: PoolId(pool), effect, units }
    }

    #[test]
    fn what_comes_in_goes_to_the_pool_with_least() {
        let changes = decide(&adjustment(Kind::Receipt, &[("TENT", 5)]), &tents(&[3, 1, 2], 6)).unwrap();
        assert_eq!(changes.pools, [change(1, Effect::Add, 5)]);
        assert_eq!(changes.node, [(sku("TENT"), 5)].into());
    }

    #[test]
    fn the_first_receipt_of_a_sku_begins_its_first_pool() {
        let changes = decide(&adjustment(Kind::Receipt, &[("TENT", 5)]), &Stock::default()).unwrap();
        assert_eq!(changes.pools, [change(0, Effect::Add, 5)]);
    }

    #[test]
    fn a_count_takes_what_is_missing_from_several_pools_if_need_be() {
        let changes = decide(&adjustment(Kind::Count, &[("TENT", -4)]), &tents(&[3, 3], 6)).unwrap();
        assert_eq!(changes.pools, [change(1, Effect::Remove, 3), change(0, Effect::Remove, 1)]);
        assert_eq!(changes.node, [(sku("TENT"), -4)].into());
    }

    #[test]
    fn a_store_sells_what_it_has_and_nobody_else_was_promised() {
        let changes = decide(&adjustment(Kind::StoreSale, &[("TENT", 2)]), &tents(&[2], 2)).unwrap();
        assert_eq!(changes.pools, [change(0, Effect::Sell, 2)]);
        assert_eq!(changes.node, [(sku("TENT"), -2)].into());
        let promised = decide(&adjustment(Kind::StoreSale, &[("TENT", 2)]), &tents(&[1, 0], 9)).unwrap_err();
        let seen =
            [((sku("TENT"), PoolId(0)), 1), ((sku("TENT"), PoolId(1)), 0), ((sku("TENT"), PoolId(2)), 0)];
        assert_eq!(promised, Refusal { pools: seen.into(), ..Refusal::outright(STOCK_PROMISED) });
        let short = decide(&adjustment(Kind::StoreSale, &[("TENT", 2)]), &tents(&[9], 1)).unwrap_err();
        assert_eq!(short, Refusal { node: Some((sku("TENT"), 1)), ..Refusal::outright(NODE_SHORT) });
    }

    #[test]
    fn units_that_are_promised_cannot_be_counted_away() {
        let refusal = decide(&adjustment(Kind::Count, &[("TENT", -3)]), &tents(&[2], 9)).unwrap_err();
        assert_eq!(refusal.reason, STOCK_PROMISED);
    }

    #[test]
    fn one_line_that_cannot_be_and_nothing_of_the_change_is_made() {
        let lines = [("TENT", 1), ("STOVE", 1)];
        let refusal = decide(&adjustment(Kind::StoreSale, &lines), &tents(&[2], 2)).unwrap_err();
        assert_eq!(refusal.node, Some((sku("STOVE"), 0)));
    }

    #[test]
    fn a_change_names_each_sku_once_and_only_counts_find_less() {
        let refused =
            |kind, lines: &[(&str, i64)]| decide(&adjustment(kind, lines), &tents(&[9], 9)).unwrap_err();
        assert_eq!(refused(Kind::Receipt, &[]), Refusal::outright(INVALID_LINES));
        assert_eq!(refused(Kind::Count, &[("TENT", 1), ("TENT", 2)]), Refusal::outright(INVALID_LINES));
        for kind in [Kind::Receipt, Kind::StoreSale] {
            assert_eq!(refused(kind, &[("TENT", -1)]), Refusal::outright(INVALID_UNITS));
        }
    }

    /// Stock of two SKUs in pools and at two nodes, changed as a store would.
    #[derive(Debug, Default)]
    struct Books {
        pools: BTreeMap<(Sku, PoolId), Pool>,
        nodes: BTreeMap<(Sku, NodeId), u64>,
        held: Vec<Take>,
    }

    impl Books {
        fn read(&self, node: &NodeId) -> Stock {
            let mut stock = Stock::default();
            for ((sku, pool), counts) in &self.pools {
                stock.pools.entry(sku.clone()).or_default().insert(*pool, counts.available());
            }
            let at_node = self.nodes.iter().filter(|((_, at), _)| at == node);
            stock.on_hand = at_node.map(|((sku, _), units)| (sku.clone(), *units)).collect();
            stock
        }

        fn apply(&mut self, node: &NodeId, changes: Changes) {
            for (sku, units) in changes.node {
                let on_hand = self.nodes.entry((sku, node.clone())).or_default();
                *on_hand = on_hand.checked_add_signed(units).unwrap();
            }
            for PoolChange { sku, pool, effect, units } in changes.pools {
                let counts = self.pools.entry((sku, pool)).or_insert_with(|| Pool::received(0));
                let changed = match effect {
                    Effect::Add => counts.receive(units),
                    Effect::Remove => counts.remove(units),
                    Effect::Sell => counts.sell(units),
                };
                *counts = changed.unwrap();
            }
        }

        /// An order is promised its units; what was promised longest leaves from wherever it lies.
        fn order(&mut self, n: u128, name: &str, units: i64, ships: bool) {
            let lines = vec![reservation::Line { sku: sku(name), quantity: Quantity::new(units).unwrap() }];
            let request = Request::new(OrderId::from_uuid(Uuid::from_u128(n)), lines).unwrap();
            let read = self.read(&NodeId::parse("wh-east").unwrap());
            for take in plan(&[request], &read.pools).grants.into_iter().flat_map(|grant| grant.takes) {
                let counts = self.pools.get_mut(&(take.sku.clone(), take.pool)).unwrap();
                *counts = counts.reserve(take.units).unwrap();
                self.held.push(take);
            }
            if !ships || self.held.is_empty() {
                return;
            }
            let take = self.held.remove(0);
            let counts = self.pools.get_mut(&(take.sku.clone(), take.pool)).unwrap();
            *counts = counts.commit(take.units).unwrap();
            let mut left = take.units;
            for (_, on_hand) in self.nodes.iter_mut().filter(|((sku, _), _)| *sku == take.sku) {
                let gone = left.min(*on_hand);
                *on_hand -= gone;
                left -= gone;
            }
            assert_eq!(left, 0, "what is promised is there");
        }
    }

    proptest! {
        #[test]
        fn every_history_of_orders_and_adjustments_balances(
            steps in prop::collection::vec((0..5_u8, 0..2_usize, 0..2_usize, 1..7_i64, any::<u128>()), 1..80)
        ) {
            let mut books = Books::default();
            for name in ["TENT", "STOVE"] {
                for pool in 0..3 {
                    books.pools.insert((sku(name), PoolId(pool)), Pool::received(0));
                }
            }
            for (what, name, node, units, n) in steps {
                let name = ["TENT", "STOVE"][name];
                let (kind, units) = match what {
                    0 => (Kind::Receipt, units),
                    1 => (Kind::Count, units - 3),
                    2 => (Kind::StoreSale, units),
                    _ => {
                        books.order(n, name, units, what == 3);
                        continue;
                    }
                };
                let Ok(units) = Units::new(units) else { continue };
                let node = NodeId::parse(["wh-east", "store-lake"][node]).unwrap();
                let adjustment = Adjustment {
                    adjustment_id: AdjustmentId::from_uuid(Uuid::from_u128(n)),
                    kind,
                    node: node.clone(),
                    lines: vec![Line { sku: sku(name), units }],
                };
                let read = books.read(&node);
                match decide(&adjustment, &read) {
                    Ok(changes) => books.apply(&node, changes),
                    Err(refusal) => {
                        let wanted = units.count().unsigned_abs();
                        let available: u64 = read.pools[&sku(name)].values().sum();
                        let on_hand = read.on_hand.get(&sku(name)).copied().unwrap_or_default();
                        prop_assert!(available.min(on_hand) < wanted, "refused for {}", refusal.reason);
                    }
                }
                for name in ["TENT", "STOVE"] {
                    let unsold = books.pools.iter().filter(|((of, _), _)| *of == sku(name));
                    let unsold: u64 = unsold.map(|(_, pool)| pool.counts().available + pool.counts().held).sum();
                    let on_hand = books.nodes.iter().filter(|((of, _), _)| *of == sku(name));
                    prop_assert_eq!(on_hand.map(|(_, units)| units).sum::<u64>(), unsold);
                }
            }
        }
    }
}
