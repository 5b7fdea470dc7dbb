//! What can be said to `lakeside cost`.

use clap::Args;

/// What the bill is of.
#[derive(Debug, Args)]
pub struct CostOptions {
    /// Orders on a day
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(i64).range(0..=10_000_000))]
    pub orders_per_day: i64,
    /// Customers who sign in during a month
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(i64).range(0..=100_000_000))]
    pub customers: i64,
    /// Every line of the bill, not only the services
    #[arg(long)]
    pub lines: bool,
}
