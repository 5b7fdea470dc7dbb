//! Changing stock other than by an order: goods come in, are counted, or leave over a store's counter.

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_bounded_and_never_zero() {
        for good in [1, -1, 1_000_000, -1_000_000] {
            assert_eq!(Units::new(good).map(Units::count), Ok(good));
        }
        for bad in [0, 1_000_001, -1_000_001, i64::MAX, i64::MIN] {
            assert_eq!(Units::new(bad), Err(UnitsError(bad)));
        }
    }
}
