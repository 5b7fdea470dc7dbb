//! The bill of a month: what orders use, and what there is anyway.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{amounts::Decimal, data::Data};
use crate::failure::Result;

/// Days of a month, as bills are compared.
pub const DAYS: i64 = 30;
const SECONDS: i64 = DAYS * 24 * 3600;
const MINUTES: i64 = DAYS * 24 * 60;

/// Lambda keeps so many long polls open at an idle queue, each of 20 seconds.
const POLLS_A_MINUTE: i64 = 5 * 3;

/// A queue's data key is used for 300 seconds. Whoever sends asks KMS twice for it and whoever receives once: AWS's own
/// estimate for a queue is `B / D * (2 * P + C)` requests, in the developer guide of SQS under "Key management".
const KEY_USES: i64 = SECONDS / 300 * (2 + 1);

/// Orders are kept; this is the bill of the last month of the first year.
const MONTHS_KEPT: i64 = 12;

/// Whether it is used by orders, or there anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Why {
    /// Used by orders.
    Orders,
    /// There anyway.
    Fixed,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Of which service.
    pub service: String,
    /// What is counted.
    pub unit: String,
    /// Why.
    pub why: Why,
    /// Per order, if orders use it.
    pub per_order: Option<Decimal>,
    /// In a month.
    pub quantity: Decimal,
    /// Dollars for one.
    pub price: Decimal,
    /// Dollars in a month.
    pub usd: Decimal,
}

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// Its lines, by service.
    pub lines: Vec<Line>,
    /// What orders use, in dollars a month.
    pub orders_usd: Decimal,
    /// What is there anyway.
    pub fixed_usd: Decimal,
    /// Both.
    pub total_usd: Decimal,
}

impl Bill {
    fn of(mut lines: Vec<Line>) -> Self {
        lines.retain(|line| line.quantity > Decimal::ZERO);
        lines.sort_by(|a, b| (&a.service, a.why, &a.unit).cmp(&(&b.service, b.why, &b.unit)));
        let sum = |why| lines.iter().filter(|line| line.why == why).map(|line| line.usd).sum::<Decimal>();
        let (orders_usd, fixed_usd) = (sum(Why::Orders), sum(Why::Fixed));
        Self { orders_usd, fixed_usd, total_usd: orders_usd.plus(fixed_usd), lines }
    }

    /// Dollars by service.
    pub fn by_service(&self) -> BTreeMap<&str, Decimal> {
        let mut services: BTreeMap<&str, Decimal> = BTreeMap::new();
        for line in &self.lines {
            let sum = services.entry(&line.service).or_default();
            *sum = sum.plus(line.usd);
        }
        services
    }
}

fn line(data: &Data, unit: &str, why: Why, per_order: Option<Decimal>, quantity: Decimal) -> Result<Line> {
    let price = data.price(unit)?;
    Ok(Line {
        service: price.service.clone(),
        unit: price.unit.clone(),
        why,
        per_order,
        quantity,
        price: price.usd,
        usd: price.usd.times(quantity),
    })
}

/// What so many orders a month use of a flow.
///
/// # Errors
/// If a unit has no price.
pub fn of_orders(data: &Data, flow: &str, orders: i64) -> Result<Vec<Line>> {
    let units = data.flow(flow)?.units();
    units
        .into_iter()
        .map(|(unit, per_order)| {
            // What is stored stays, and is paid for every month.
            let months = if unit.ends_with("-gb-month") { MONTHS_KEPT } else { 1 };
            let quantity = per_order.times(Decimal::whole(orders)).times(Decimal::whole(months));
            line(data, unit, Why::Orders, Some(per_order), quantity)
        })
        .collect()
}

/// What a profile has anyway.
///
/// # Errors
/// If there is no such profile, or a unit has no price.
pub fn of_profile(data: &Data, profile: &str) -> Result<Vec<Line>> {
    let there = data.profile(profile)?;
    let count = |kind: &str| there.get(kind).copied().unwrap_or_default();
    let gigabytes = Decimal::share(count("provisioned-mb"), 1024);
    let consumers = count("queue-consumers");
    let quantities = [
        ("alarm-metric", Decimal::whole(count("alarm-metrics"))),
        // The first three of an account are free, and not counted as such.
        ("dashboard", Decimal::whole(count("dashboards"))),
        ("custom-metric", Decimal::whole(count("custom-metrics"))),
        ("kms-key", Decimal::whole(count("keys"))),
        ("kms-request", Decimal::whole(consumers * KEY_USES)),
        ("secret", Decimal::whole(count("secrets"))),
        ("firewall", Decimal::whole(count("firewalls"))),
        ("firewall-rule", Decimal::whole(count("firewall-rules"))),
        ("sqs-request", Decimal::whole(consumers * POLLS_A_MINUTE * MINUTES)),
        ("provisioned-gb-second", gigabytes.times(Decimal::whole(SECONDS))),
        ("scheduler-invocation", Decimal::whole(count("scheduled-runs-a-day") * DAYS)),
        ("lambda-request", Decimal::whole(count("scheduled-runs-a-day") * DAYS)),
        ("endpoint-hour", Decimal::whole(count("endpoints") * DAYS * 24)),
        ("nat-hour", Decimal::whole(count("nat-gateways") * DAYS * 24)),
        ("health-check", Decimal::whole(count("health-checks"))),
    ];
    quantities.into_iter().map(|(unit, quantity)| line(data, unit, Why::Fixed, None, quantity)).collect()
}

/// The month of an installation with this profile and so many orders a day.
///
/// # Errors
/// As its parts.
pub fn month(data: &Data, profile: &str, orders_a_day: i64) -> Result<Bill> {
    let mut lines = of_orders(data, "order", orders_a_day.saturating_mul(DAYS))?;
    lines.extend(of_profile(data, profile)?);
    Ok(Bill::of(lines))
}

/// The month of the smaller flow alone: what so many orders use, and nothing that is there anyway.
///
/// # Errors
/// As its part.
pub fn intake(data: &Data, orders_a_month: i64) -> Result<Bill> {
    Ok(Bill::of(of_orders(data, "intake", orders_a_month)?))
}

/// Dollars for customers who signed in during a month, beyond those that are free.
///
/// # Errors
/// If there is no price.
pub fn sign_in(data: &Data, customers: i64) -> Result<Decimal> {
    const FREE: i64 = 10_000;
    let paid = Decimal::whole(customers).beyond(Decimal::whole(FREE));
    Ok(data.price("active-customer")?.usd.times(paid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Data {
        let mut data = Data::read().unwrap();
        for (unit, usd) in [("sqs-request", "0.0000004"), ("state-transition", "0.000025"), ("kms-key", "1")]
        {
            data.prices.prices.get_mut(unit).unwrap().usd = Decimal::parse(usd).unwrap();
        }
        let flow = data.units.flows.get_mut("order").unwrap();
        flow.counted = [("state-transition".to_owned(), Decimal::whole(14))].into();
        flow.at_most = BTreeMap::new();
        data.fixed.profiles =
            [("tiny".to_owned(), [("keys".to_owned(), 6), ("queue-consumers".to_owned(), 1)].into())].into();
        data
    }

    fn usd(bill: &Bill, service: &str) -> String {
        bill.by_service()[service].rounded(4)
    }

    #[test]
    fn orders_pay_for_what_they_use_and_the_rest_is_there_anyway() {
        let bill = month(&data(), "tiny", 3_000).unwrap();
        // 14 transitions for each of 90,000 orders.
        assert_eq!(bill.orders_usd.rounded(2), "31.50");
        assert_eq!(usd(&bill, "Step Functions"), "31.5000");
        // Five polls of 20 s at one queue: 648,000 in 30 days.
        assert_eq!(usd(&bill, "SQS"), "0.2592");
        assert_eq!(bill.total_usd, bill.orders_usd.plus(bill.fixed_usd));
        let idle = month(&data(), "tiny", 0).unwrap();
        assert_eq!(idle.total_usd, bill.fixed_usd);
        assert!(month(&data(), "huge", 1).is_err());
    }

    #[test]
    fn what_is_stored_is_paid_for_as_long_as_it_is_kept() {
        let mut data = data();
        let flow = data.units.flows.get_mut("order").unwrap();
        flow.counted = [("table-gb-month".to_owned(), Decimal::parse("0.00001").unwrap())].into();
        let lines = of_orders(&data, "order", 100_000).unwrap();
        assert_eq!(lines[0].quantity, Decimal::whole(12));
    }

    #[test]
    fn customers_who_are_free_cost_nothing() {
        let data = data();
        assert_eq!(sign_in(&data, 10_000).unwrap(), Decimal::ZERO);
        let one = sign_in(&data, 10_001).unwrap();
        assert_eq!(one, data.price("active-customer").unwrap().usd);
    }
}
