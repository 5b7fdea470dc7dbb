//! What is counted and what it costs, as it is kept in `ops/data`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amounts::Decimal;
use crate::failure::{Failure, Result};

const PRICES: &str = include_str!("../../data/prices-us-east-1.json");
const UNITS: &str = include_str!("../../data/units.json");
const FIXED: &str = include_str!("../../data/fixed.json");

/// A list price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// Whose it is on the bill.
    pub service: String,
    /// What is counted.
    pub unit: String,
    /// Dollars for one of it.
    pub usd: Decimal,
    /// Where the price is published.
    pub source: String,
    /// Where it was read, and when; nothing if it is from memory.
    #[serde(default)]
    pub read: Option<String>,
}

/// All prices of one Region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prices {
    /// Which.
    pub region: String,
    /// The day of which they are.
    pub as_of: String,
    /// What they leave out.
    pub about: String,
    /// By unit.
    pub prices: BTreeMap<String, Price>,
}

/// What one order uses, by unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// What happens to the order.
    pub about: String,
    /// Counted in a run.
    pub counted: BTreeMap<String, Decimal>,
    /// At most so many, or taken for so many, of what no run on the local cloud can count.
    #[serde(default)]
    pub at_most: BTreeMap<String, Decimal>,
}

impl Flow {
    /// Counted or bounded, by unit.
    pub fn units(&self) -> BTreeMap<&str, Decimal> {
        let mut units: BTreeMap<&str, Decimal> = BTreeMap::new();
        for (unit, count) in self.counted.iter().chain(&self.at_most) {
            let sum = units.entry(unit).or_default();
            *sum = sum.plus(*count);
        }
        units
    }
}

/// What orders use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Units {
    /// When it was counted.
    pub counted_on: String,
    /// How.
    pub how: String,
    /// By the flow's name.
    pub flows: BTreeMap<String, Flow>,
}

/// What there is whether anybody orders or not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fixed {
    /// From what it was counted.
    pub how: String,
    /// How many, by profile and kind.
    pub profiles: BTreeMap<String, BTreeMap<String, i64>>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Prices.
    pub prices: Prices,
    /// What orders use.
    pub units: Units,
    /// What there is anyway.
    pub fixed: Fixed,
}

impl Data {
    /// Reads what was built in.
    ///
    /// # Errors
    /// If a file is malformed.
    pub fn read() -> Result<Self> {
        let wrong = |file: &str, error: &serde_json::Error| {
            Failure::wrong(format!("ops/data/{file} is malformed: {error}"))
        };
        Ok(Self {
            prices: serde_json::from_str(PRICES).map_err(|error| wrong("prices-us-east-1.json", &error))?,
            units: serde_json::from_str(UNITS).map_err(|error| wrong("units.json", &error))?,
            fixed: serde_json::from_str(FIXED).map_err(|error| wrong("fixed.json", &error))?,
        })
    }

    /// The price of `unit`.
    ///
    /// # Errors
    /// If there is none.
    pub fn price(&self, unit: &str) -> Result<&Price> {
        let price = self.prices.prices.get(unit);
        price.ok_or_else(|| Failure::wrong(format!("there is no price of `{unit}` in ops/data")))
    }

    /// A flow.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn flow(&self, name: &str) -> Result<&Flow> {
        let flow = self.units.flows.get(name);
        flow.ok_or_else(|| Failure::not_found(format!("no flow `{name}` was counted")))
    }

    /// What a profile has whether anybody orders or not.
    ///
    /// # Errors
    /// If there is no such profile.
    pub fn profile(&self, name: &str) -> Result<&BTreeMap<String, i64>> {
        let names = || self.fixed.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        self.fixed
            .profiles
            .get(name)
            .ok_or_else(|| Failure::not_found(format!("there is no profile `{name}`; there are {}", names())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_counted_has_a_price_with_its_source() {
        let data = Data::read().unwrap();
        for flow in data.units.flows.values() {
            for unit in flow.units().keys() {
                data.price(unit).unwrap();
            }
        }
        for (unit, price) in &data.prices.prices {
            assert!(price.source.starts_with("https://aws.amazon.com/"), "{unit} has no source of AWS");
            assert!(price.usd > Decimal::ZERO, "{unit} is free");
            let read = price.read.as_deref().unwrap_or_default();
            assert!(
                read.starts_with("https://") && read.contains(" on 20"),
                "nobody says where the price of {unit} was read, and when"
            );
        }
    }

    #[test]
    fn what_was_counted_and_what_is_bounded_add_up() {
        let one = |unit: &str, count: i64| BTreeMap::from([(unit.to_owned(), Decimal::whole(count))]);
        let flow = Flow { about: String::new(), counted: one("log-gb", 2), at_most: one("log-gb", 3) };
        assert_eq!(flow.units(), BTreeMap::from([("log-gb", Decimal::whole(5))]));
    }
}
