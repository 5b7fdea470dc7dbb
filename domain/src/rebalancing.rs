//! Evening out the pools of a hot SKU: orders spread over its pools, so each should have something to give.
//!
//! Nobody is refused for want of this: an order takes from any pool before its SKU is sold out. But a SKU whose units
//! lie in one pool is as slow as one that has no other. Moving units moves `received` with them, so that every pool goes
//! on balancing (I1).

use std::collections::BTreeMap;

use crate::stock::PoolId;

/// The most pools that a SKU may have: what a refusal looks at must fit one transaction.
pub const MAX_POOLS: u8 = 32;

/// Units that go from one pool to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The pool that gives: it must have the units available.
    pub from: PoolId,
    /// The pool that gets; it may not exist yet.
    pub to: PoolId,
    /// How many; at least one.
    pub units: u64,
    /// What the getting pool has available: if it has more when the units come, the move is off.
    pub seen: u64,
}

/// The moves after which `wanted` pools have as much available as each other, and any beyond them nothing. None if that
/// is nearly so: a pool that has half of its share is no reason to write.
pub fn moves(available: &BTreeMap<PoolId, u64>, wanted: u8) -> Vec<Move> {
    let wanted = wanted.clamp(1, MAX_POOLS);
    let total: u64 = available.values().fold(0, |sum, units| sum.saturating_add(*units));
    let parts = u64::from(wanted);
    let (share, rest) =
        (total.checked_div(parts).unwrap_or_default(), total.checked_rem(parts).unwrap_or_default());
    let mut pools: BTreeMap<PoolId, u64> = (0..wanted).map(|pool| (PoolId(pool), 0)).collect();
    pools.extend(available);
    let is_fine = |(pool, units): (&PoolId, &u64)| {
        if pool.0 < wanted { units.saturating_mul(2) >= share } else { *units == 0 }
    };
    if pools.iter().all(is_fine) {
        return Vec::new();
    }
    let target = |pool: PoolId| match u64::from(pool.0) {
        n if n >= parts => 0,
        n => share.saturating_add(u64::from(n < rest)),
    };
    let mut moves = Vec::new();
    let mut over: Vec<(PoolId, u64)> = pools
        .iter()
        .filter_map(|(pool, units)| Some((*pool, units.checked_sub(target(*pool)).filter(|n| *n > 0)?)))
        .collect();
    for (to, units) in &pools {
        let mut seen = *units;
        while let Some(lacks) = target(*to).checked_sub(seen).filter(|n| *n > 0) {
            let Some((from, spare)) = over.last_mut() else { break };
            let moved = lacks.min(*spare);
            moves.push(Move { from: *from, to: *to, units: moved, seen });
            *spare = spare.saturating_sub(moved);
            if *spare == 0 {
                over.pop();
            }
            seen = seen.saturating_add(moved);
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pools(units: &[u64]) -> BTreeMap<PoolId, u64> {
        (0..).map(PoolId).zip(units.iter().copied()).collect()
    }

    fn after(mut pools: BTreeMap<PoolId, u64>, moves: &[Move]) -> BTreeMap<PoolId, u64> {
        for Move { from, to, units, seen } in moves {
            let has = pools.get_mut(from).unwrap();
            *has = has.checked_sub(*units).unwrap();
            let gets = pools.entry(*to).or_default();
            assert!(*gets <= *seen, "each move stands after those before it");
            *gets += units;
        }
        pools
    }

    #[test]
    fn a_pool_that_ran_dry_gets_its_share() {
        let moves = moves(&pools(&[10, 0]), 2);
        assert_eq!(moves, [Move { from: PoolId(0), to: PoolId(1), units: 5, seen: 0 }]);
    }

    #[test]
    fn what_is_nearly_even_stays() {
        assert_eq!(moves(&pools(&[10, 5, 12]), 3), []);
        assert_eq!(moves(&pools(&[0, 0]), 2), []);
        assert_eq!(moves(&pools(&[1, 0, 0]), 3), [], "there is less than one for each");
    }

    #[test]
    fn new_pools_are_filled_and_pools_beyond_the_wanted_ones_emptied() {
        assert_eq!(after(pools(&[9]), &moves(&pools(&[9]), 3)), pools(&[3, 3, 3]));
        assert_eq!(after(pools(&[3, 3, 3]), &moves(&pools(&[3, 3, 3]), 1)), pools(&[9, 0, 0]));
    }

    proptest! {
        #[test]
        fn no_unit_is_lost_and_a_second_look_moves_nothing(
            units in prop::collection::vec(0..40_u64, 0..6), wanted in 0..6_u8
        ) {
            let before = pools(&units);
            let after = after(before.clone(), &moves(&before, wanted));
            prop_assert_eq!(before.values().sum::<u64>(), after.values().sum::<u64>());
            prop_assert_eq!(moves(&after, wanted), []);
        }
    }
}
