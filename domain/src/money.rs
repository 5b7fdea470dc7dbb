//! Money as integers in minor units (cents) with a currency, in checked arithmetic: never a float, never a
//! silent overflow, never a sum over two currencies.

pub use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// An amount in the minor unit of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// Why two amounts could not be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit 64 bits.
    #[error("amount is too large")]
    Overflow,
    /// The amounts are in different currencies.
    #[error("amounts are in different currencies")]
    CurrencyMismatch,
}

impl Money {
    /// `amount` minor units of `currency`.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// ISO 4217 currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// # Errors
    /// [`MoneyError`] on overflow or when the currencies differ.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }

    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn times(self, quantity: Quantity) -> Result<Self, MoneyError> {
        let amount = self.amount.checked_mul(i64::from(quantity)).ok_or(MoneyError::Overflow)?;
        Ok(Self { amount, ..self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn currencies_do_not_mix() {
        let sum = Money::new(1, Currency::USD).plus(Money::new(1, Currency::EUR));
        assert_eq!(sum, Err(MoneyError::CurrencyMismatch));
    }

    proptest! {
        #[test]
        fn a_price_times_a_quantity_is_that_many_sums(price in 0..1_000_000_i64, units in 1..=999_i64) {
            let price = Money::new(price, Currency::USD);
            let product = price.times(Quantity::new(units).unwrap()).unwrap();
            let sum = (0..units).try_fold(Money::zero(Currency::USD), |acc, _| acc.plus(price)).unwrap();
            prop_assert_eq!(product, sum);
        }

        #[test]
        fn arithmetic_refuses_rather_than_wraps(a in any::<i64>(), b in any::<i64>()) {
            let sum = Money::new(a, Currency::USD).plus(Money::new(b, Currency::USD));
            let expected = a.checked_add(b).map(|amount| Money::new(amount, Currency::USD));
            prop_assert_eq!(sum, expected.ok_or(MoneyError::Overflow));
        }
    }
}
