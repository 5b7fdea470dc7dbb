//! Stock of one SKU in one pool: what may still be promised, what is promised, what is sold.
//!
//! A SKU has one pool, or several when it is hot; the pools of a SKU share nothing. A pool never goes below
//! zero and never loses or gains a unit except by receipt, count, or a move from one pool to another.

use serde::{Deserialize, Serialize};

/// Which of a SKU's pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolId(pub u8);

/// The counts of one pool, in units.
///
/// INVARIANT (I1): `available + held + sold == received`, and none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counts", into = "Counts")]
pub struct Pool {
    available: u64,
    held: u64,
    sold: u64,
    received: u64,
}

/// The counts of a pool as they are stored, before [`Pool`] has checked them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// May still be promised.
    pub available: u64,
    /// Promised to orders that are not yet allocated.
    pub held: u64,
    /// Allocated to paid orders.
    pub sold: u64,
    /// All units that ever came in.
    pub received: u64,
}

/// Why a pool refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// Fewer units than asked for.
    #[error("{available} units, {asked} asked for")]
    Insufficient {
        /// What there is.
        available: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A count does not fit 64 bits.
    #[error("a stock count is too large")]
    Overflow,
    /// The stored counts do not add up (I1).
    #[error("available {} + held {} + sold {} is not received {}", .0.available, .0.held, .0.sold, .0.received)]
    Unbalanced(Counts),
}

impl Pool {
    /// A pool of `units` that were just received.
    pub const fn received(units: u64) -> Self {
        // I1: all of it is available.
        Self { available: units, held: 0, sold: 0, received: units }
    }

    /// Units that may still be promised.
    pub const fn available(self) -> u64 {
        self.available
    }

    /// The counts, for storage.
    pub const fn counts(self) -> Counts {
        Counts { available: self.available, held: self.held, sold: self.sold, received: self.received }
    }

    /// available to held.
    ///
    /// # Errors
    /// [`StockError`] when there is less.
    pub fn reserve(self, units: u64) -> Result<Self, StockError> {
        let (available, held) = shift(self.available, self.held, units)?;
        Ok(Self { available, held, ..self })
    }

    /// held to available.
    ///
    /// # Errors
    /// [`StockError`] when less is held.
    pub fn release(self, units: u64) -> Result<Self, StockError> {
        let (held, available) = shift(self.held, self.available, units)?;
        Ok(Self { available, held, ..self })
    }

    /// held to sold.
    ///
    /// # Errors
    /// [`StockError`] when less is held.
    pub fn commit(self, units: u64) -> Result<Self, StockError> {
        let (held, sold) = shift(self.held, self.sold, units)?;
        Ok(Self { held, sold, ..self })
    }

    /// Units that came in, that a count found, or that another pool gave.
    ///
    /// # Errors
    /// [`StockError::Overflow`] when there are too many.
    pub fn receive(self, units: u64) -> Result<Self, StockError> {
        let added = |count: u64| count.checked_add(units).ok_or(StockError::Overflow);
        // I1: both sides of the equation grow alike.
        Ok(Self { available: added(self.available)?, received: added(self.received)?, ..self })
    }

    /// Units that a count missed, or that another pool gets.
    ///
    /// # Errors
    /// [`StockError`] when fewer are available.
    pub fn remove(self, units: u64) -> Result<Self, StockError> {
        let available = self
            .available
            .checked_sub(units)
            .ok_or(StockError::Insufficient { available: self.available, asked: units })?;
        // I1: `received` has at least what is available, and both shrink alike.
        let received = self.received.checked_sub(units).ok_or(StockError::Overflow)?;
        Ok(Self { available, received, ..self })
    }

    /// available to sold, at once.
    ///
    /// # Errors
    /// [`StockError`] when there is less.
    pub fn sell(self, units: u64) -> Result<Self, StockError> {
        let (available, sold) = shift(self.available, self.sold, units)?;
        Ok(Self { available, sold, ..self })
    }

    /// sold back to held, when an allocation is undone.
    ///
    /// # Errors
    /// [`StockError`] when less is sold.
    pub fn uncommit(self, units: u64) -> Result<Self, StockError> {
        let (sold, held) = shift(self.sold, self.held, units)?;
        Ok(Self { held, sold, ..self })
    }
}

/// Moves `units` between two counts, which keeps their sum and with it I1.
fn shift(from: u64, to: u64, units: u64) -> Result<(u64, u64), StockError> {
    let from_after =
        from.checked_sub(units).ok_or(StockError::Insufficient { available: from, asked: units })?;
    let to_after = to.checked_add(units).ok_or(StockError::Overflow)?;
    Ok((from_after, to_after))
}

impl TryFrom<Counts> for Pool {
    type Error = StockError;

    fn try_from(counts: Counts) -> Result<Self, StockError> {
        let Counts { available, held, sold, received } = counts;
        // I1: checked on every read from storage.
        if available.checked_add(held).and_then(|n| n.checked_add(sold)) == Some(received) {
            Ok(Self { available, held, sold, received })
        } else {
            Err(StockError::Unbalanced(counts))
        }
    }
}

impl From<Pool> for Counts {
    fn from(pool: Pool) -> Self {
        pool.counts()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pool_never_promises_more_than_it_has() {
        let pool = Pool::received(3);
        assert_eq!(pool.reserve(4), Err(StockError::Insufficient { available: 3, asked: 4 }));
        assert_eq!(pool.reserve(3).unwrap().available(), 0);
        let promised = pool.reserve(2).unwrap();
        assert_eq!(promised.remove(2), Err(StockError::Insufficient { available: 1, asked: 2 }));
        assert_eq!(promised.sell(2), Err(StockError::Insufficient { available: 1, asked: 2 }));
        assert_eq!(promised.receive(u64::MAX), Err(StockError::Overflow));
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        let counts = Counts { available: 1, held: 1, sold: 1, received: 4 };
        assert_eq!(Pool::try_from(counts), Err(StockError::Unbalanced(counts)));
    }

    #[test]
    fn each_move_has_its_way_back() {
        let pool = Pool::received(10).reserve(4).unwrap();
        assert_eq!(pool.release(4), Ok(Pool::received(10)));
        assert_eq!(pool.commit(4).unwrap().uncommit(4), Ok(pool));
        assert_eq!(pool.receive(4).unwrap().remove(4), Ok(pool));
    }

    proptest! {
        #[test]
        fn every_history_balances(units in 0..100_u64, moves in prop::collection::vec((0..7_u8, 0..40_u64), 0..60)) {
            let mut pool = Pool::received(units);
            let mut received = units;
            for (kind, n) in moves {
                let moved = match kind {
                    0 => pool.reserve(n),
                    1 => pool.release(n),
                    2 => pool.commit(n),
                    3 => pool.receive(n),
                    4 => pool.remove(n),
                    5 => pool.sell(n),
                    _ => pool.uncommit(n),
                };
                match (kind, moved.is_ok()) {
                    (3, true) => received += n,
                    (4, true) => received -= n,
                    _ => {}
                }
                pool = moved.unwrap_or(pool);
                prop_assert_eq!(Pool::try_from(pool.counts()), Ok(pool));
                prop_assert_eq!(pool.counts().received, received);
            }
        }
    }
}
