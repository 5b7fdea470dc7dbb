//! `lakeside cost`: the bill of a month, beside what others pay. It asks no cloud.

use serde::Serialize;

use crate::{
    arguments::cost::CostOptions,
    cost::{
        amounts::Decimal,
        bill::{Bill, DAYS, Why, intake, month, sign_in},
        data::Data,
    },
    failure::Result,
    output::{Output, Paint, table},
};

/// The story's bill, in dollars a month at 3,000 orders a day.
const STORY: (i64, i64) = (1_800, 2_500);
const STORY_ORDERS: i64 = 3_000;
/// What we mean to stay below, in dollars a month at as many orders.
const GOAL: i64 = 450;
/// The warehouse sample's bill, in cents a year at a million orders a month.
const WAREHOUSE_CENTS: i64 = 22_284;
const WAREHOUSE_ORDERS: i64 = 1_000_000;
/// What we mean to stay below for its flow, in dollars a year.
const WAREHOUSE_GOAL: i64 = 150;

/// A bill beside another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Beside {
    what: &'static str,
    ours_usd: Decimal,
    theirs: String,
    goal_usd: Decimal,
    missed_by_usd: Decimal,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    region: String,
    prices_as_of: String,
    units_counted_on: String,
    profile: String,
    orders_per_day: i64,
    per_order_usd: Decimal,
    sign_in_usd: Decimal,
    #[serde(flatten)]
    bill: Bill,
    beside: Vec<Beside>,
}

/// Does what is asked.
pub fn run(output: Output, options: &CostOptions, profile: &str) -> Result<()> {
    let data = Data::read()?;
    let bill = month(&data, profile, options.orders_per_day)?;
    let document = Document {
        region: data.prices.region.clone(),
        prices_as_of: data.prices.as_of.clone(),
        units_counted_on: data.units.counted_on.clone(),
        profile: profile.to_owned(),
        orders_per_day: options.orders_per_day,
        per_order_usd: per_order(&bill, options.orders_per_day),
        sign_in_usd: sign_in(&data, options.customers)?,
        beside: beside(&data, profile)?,
        bill,
    };
    output.show(&document, || text(output, &document, options))
}

fn per_order(bill: &Bill, orders_per_day: i64) -> Decimal {
    // In hundredths of a cent and less, so a whole division of the sum would not do.
    let one = Decimal::share(1, orders_per_day.saturating_mul(DAYS));
    bill.orders_usd.times(one)
}

fn beside(data: &Data, profile: &str) -> Result<Vec<Beside>> {
    let story = month(data, profile, STORY_ORDERS)?.total_usd;
    let year = intake(data, WAREHOUSE_ORDERS)?.total_usd.times(Decimal::whole(12));
    let (goal, warehouse_goal) = (Decimal::whole(GOAL), Decimal::whole(WAREHOUSE_GOAL));
    Ok(vec![
        Beside {
            what: "the story, a month at 3,000 orders a day",
            ours_usd: story,
            theirs: format!("{} to {}", STORY.0, STORY.1),
            goal_usd: goal,
            missed_by_usd: story.beyond(goal),
        },
        Beside {
            what: "the warehouse sample's flow, a year at 1,000,000 orders a month",
            ours_usd: year,
            theirs: Decimal::share(WAREHOUSE_CENTS, 100).rounded(2),
            goal_usd: warehouse_goal,
            missed_by_usd: year.beyond(warehouse_goal),
        },
    ])
}

fn text(output: Output, document: &Document, options: &CostOptions) -> String {
    let bill = &document.bill;
    let shown = if options.lines { lines(bill) } else { services(bill) };
    let others = document.beside.iter().map(|beside| {
        let verdict = if beside.missed_by_usd == Decimal::ZERO {
            output.paint(Paint::Good, "reached")
        } else {
            output.paint(Paint::Bad, format!("missed by {}", beside.missed_by_usd.rounded(2)))
        };
        [
            beside.what.to_owned(),
            beside.theirs.clone(),
            beside.ours_usd.rounded(2),
            beside.goal_usd.rounded(0),
            verdict,
        ]
    });
    let others = table(["USD beside", "theirs", "ours", "goal at most", ""], others);
    format!(
        "{} orders a day, profile {}, one Region, list prices of {} as of {}; units counted on {}\n\n{shown}\n\n{} for each order, {} a month without any order\n{} for {} customers who sign in, which is in none of these\n\n{others}",
        document.orders_per_day,
        document.profile,
        document.region,
        document.prices_as_of,
        document.units_counted_on,
        usd(document.per_order_usd, 6),
        usd(bill.fixed_usd, 2),
        usd(document.sign_in_usd, 2),
        options.customers,
    )
}

fn usd(amount: Decimal, digits: u32) -> String {
    format!("USD {}", amount.rounded(digits))
}

/// One row for each service, what orders use apart from what is there anyway.
fn services(bill: &Bill) -> String {
    let of = |service: &str, why| -> Decimal {
        let lines = bill.lines.iter().filter(|line| line.service == service && line.why == why);
        lines.map(|line| line.usd).sum()
    };
    let rows = bill.by_service().into_iter().map(|(service, all)| {
        let parts = [of(service, Why::Orders), of(service, Why::Fixed), all];
        let [orders, fixed, all] = parts.map(|part| part.rounded(2));
        [service.to_owned(), orders, fixed, all]
    });
    let total = [bill.orders_usd, bill.fixed_usd, bill.total_usd].map(|sum| sum.rounded(2));
    let [orders, fixed, all] = total;
    let total = ["all".to_owned(), orders, fixed, all];
    table(["USD a month", "orders", "anyway", "together"], rows.chain([total]))
}

/// One row for each line.
fn lines(bill: &Bill) -> String {
    let rows = bill.lines.iter().map(|line| {
        [
            line.service.clone(),
            line.unit.clone(),
            line.per_order.map(|count| count.rounded(6)).unwrap_or_default(),
            line.quantity.rounded(2),
            line.price.rounded(10),
            line.usd.rounded(2),
        ]
    });
    table(["service", "unit", "per order", "a month", "USD for one", "USD a month"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/cost.md");

    #[test]
    fn the_document_says_what_the_command_says() {
        let data = Data::read().unwrap();
        for profile in ["startup", "enterprise"] {
            let orders = if profile == "startup" { 800 } else { 3_000 };
            let bill = month(&data, profile, orders).unwrap();
            let block = services(&bill);
            assert!(DOCUMENT.contains(&block), "docs/cost.md does not have:\n{block}");
        }
        for beside in beside(&data, "enterprise").unwrap() {
            let ours = usd(beside.ours_usd, 2);
            assert!(DOCUMENT.contains(&ours), "docs/cost.md does not say {ours} for {}", beside.what);
        }
    }

    #[test]
    fn an_order_costs_its_share_of_what_orders_use() {
        let data = Data::read().unwrap();
        let bill = month(&data, "enterprise", 3_000).unwrap();
        let back = per_order(&bill, 3_000).times(Decimal::whole(90_000));
        assert!(bill.orders_usd.beyond(back) < Decimal::parse("0.01").unwrap());
        assert_eq!(per_order(&bill, 0), Decimal::ZERO);
    }
}
