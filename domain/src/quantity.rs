//! How many units of a SKU an order may ask for.

use serde::{Deserialize, Serialize};

/// A positive, bounded number of units on one order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

/// The number is not between 1 and [`Quantity::MAX`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quantity must be from 1 to {max}, got `{0}`", max = Quantity::MAX)]
pub struct QuantityError(pub i64);

impl Quantity {
    /// The largest quantity of one line; larger orders are quoted by people.
    pub const MAX: u32 = 999;

    /// # Errors
    /// [`QuantityError`] outside of 1 to [`Quantity::MAX`].
    pub fn new(units: i64) -> Result<Self, QuantityError> {
        match u32::try_from(units) {
            Ok(n) if (1..=Self::MAX).contains(&n) => Ok(Self(n)),
            _ => Err(QuantityError(units)),
        }
    }

    /// The number of units, 1 to [`Quantity::MAX`].
    pub const fn units(self) -> u64 {
        self.0 as u64
    }
}

impl TryFrom<i64> for Quantity {
    type Error = QuantityError;

    fn try_from(units: i64) -> Result<Self, QuantityError> {
        Self::new(units)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_positive_and_bounded() {
        assert_eq!(Quantity::new(1).map(Quantity::units), Ok(1));
        assert_eq!(Quantity::new(999).map(Quantity::units), Ok(999));
        for bad in [0, -1, 1000, i64::MAX, i64::MIN] {
            assert_eq!(Quantity::new(bad), Err(QuantityError(bad)));
        }
    }
}
