//! Quantities and money as exact decimals.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Digits after the point that are kept: prices go down to a hundred-millionth of a cent.
const DIGITS: u32 = 12;
const ONE: i128 = 10_i128.pow(DIGITS);

/// A decimal with twelve digits after the point: dollars, or units of anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many.
    pub const fn whole(count: i64) -> Self {
        Self(count as i128 * ONE)
    }

    /// `part` of `whole`, cut off after the last digit; nothing of nothing.
    pub fn share(part: i64, whole: i64) -> Self {
        Self((i128::from(part) * ONE).checked_div(i128::from(whole)).unwrap_or_default())
    }

    /// Reads a decimal such as `0.0000002`.
    ///
    /// # Errors
    /// If it is none, or has more digits than are kept.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no decimal with at most {DIGITS} digits after the point");
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 || !digits(whole) || !digits(fraction) {
            return Err(refused());
        }
        let kept = usize::try_from(DIGITS).map_err(|_| refused())?;
        if fraction.len() > kept {
            return Err(refused());
        }
        format!("{whole}{fraction:0<kept$}").parse().map(Self).map_err(|_| refused())
    }

    /// The product, cut off after the last digit.
    #[must_use]
    pub const fn times(self, other: Self) -> Self {
        // Whole and fraction apart, so that large quantities stay within range.
        let (whole, fraction) = (other.0 / ONE, other.0 % ONE);
        Self(self.0.saturating_mul(whole).saturating_add(self.0.saturating_mul(fraction) / ONE))
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, if it is more than nothing.
    #[must_use]
    pub const fn beyond(self, other: Self) -> Self {
        if self.0 > other.0 { Self(self.0 - other.0) } else { Self::ZERO }
    }

    /// With so many digits after the point, rounded half up.
    pub fn rounded(self, digits: u32) -> String {
        let digits = digits.min(DIGITS);
        let step = 10_i128.pow(DIGITS - digits);
        let rounded = self.0.saturating_add(step / 2).div_euclid(step);
        let one = 10_i128.pow(digits);
        if digits == 0 {
            return rounded.to_string();
        }
        let width = usize::try_from(digits).unwrap_or_default();
        format!("{}.{:0width$}", rounded / one, rounded % one)
    }

    /// With all its digits.
    fn exact(self) -> String {
        let text = self.rounded(DIGITS);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl std::iter::Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::ZERO, Self::plus)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact())
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn a_price_of_a_fraction_of_a_cent_is_exact() {
        let million = Decimal::whole(1_000_000);
        assert_eq!(decimal("0.0000002").times(million), decimal("0.2"));
        assert_eq!(decimal("0.0000133334").times(decimal("0.123456")).exact(), "0.000001646088");
        assert_eq!(million.times(decimal("0.0000002")), decimal("0.2"));
        let large = Decimal::whole(900_000_000_000).times(decimal("0.5"));
        assert_eq!(large, Decimal::whole(450_000_000_000), "no quantity of a year is out of range");
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for wrong in ["", ".5", "-1", "1e3", "1.0000000000001", "1,5", "1.2.3", "1234567890123456"] {
            assert!(Decimal::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(decimal("15"), Decimal::whole(15));
    }

    #[test]
    fn rounding_is_for_showing_alone() {
        assert_eq!(decimal("1.005").rounded(2), "1.01");
        assert_eq!(decimal("1.0049").rounded(2), "1.00");
        assert_eq!(decimal("0.995").rounded(0), "1");
        assert_eq!(Decimal::share(2, 3).rounded(4), "0.6667");
        assert_eq!(Decimal::share(1, 0), Decimal::ZERO);
        assert_eq!(decimal("3").beyond(decimal("5")), Decimal::ZERO);
        assert_eq!(serde_json::to_string(&decimal("2.50")).unwrap(), r#""2.5""#);
    }
}
