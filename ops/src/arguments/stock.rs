//! What can be said to `lakeside stock`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use lakeside_domain::ids::{AdjustmentId, NodeId, Sku};

use crate::stock::handling::PATIENCE_SECONDS;

/// Of stock.
#[derive(Debug, Subcommand)]
pub enum StockTask {
    /// What there is of a SKU: its pools, its nodes, and who holds units
    Get(StockGetOptions),
    /// Book what was counted or came in at a node
    Adjust(StockAdjustOptions),
    /// Compare pools and nodes of all SKUs, or of some; exit code 1 if they differ
    Reconcile(StockReconcileOptions),
}

/// Of which SKU.
#[derive(Debug, Args)]
pub struct StockGetOptions {
    /// The SKU
    #[arg(value_parser = sku)]
    pub sku: Sku,
}

/// What to book.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true))]
pub struct StockAdjustOptions {
    /// The SKU
    #[arg(value_parser = sku)]
    pub sku: Sku,
    /// Where it lies, such as wh-atlanta
    #[arg(value_parser = node)]
    pub node: NodeId,
    /// How many units lie there, as counted
    #[arg(long, value_name = "UNITS", group = "change")]
    pub on_hand: Option<u32>,
    /// By how many units it changes
    #[arg(long, value_name = "UNITS", group = "change", allow_hyphen_values = true)]
    pub by: Option<i64>,
    /// Why
    #[arg(long, value_enum, default_value_t = Why::Count)]
    pub kind: Why,
    /// The node has never had any of it, and that is right
    #[arg(long)]
    pub first: bool,
    /// Under which id it is booked once; a new one if not given
    #[arg(long, value_parser = adjustment)]
    pub id: Option<AdjustmentId>,
    /// For how long is waited for what becomes of it
    #[arg(long, default_value_t = PATIENCE_SECONDS, value_name = "SECONDS")]
    pub timeout: u64,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Say what would be booked, and book nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Why stock changes other than by an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Why {
    /// The shelf holds more or fewer than the books
    Count,
    /// Goods came in
    Receipt,
}

/// Which SKUs.
#[derive(Debug, Args)]
pub struct StockReconcileOptions {
    /// These alone
    #[arg(value_name = "SKU", value_parser = sku)]
    pub skus: Vec<Sku>,
}

fn sku(text: &str) -> Result<Sku, String> {
    Sku::parse(text.trim()).map_err(|error| error.to_string())
}

fn node(text: &str) -> Result<NodeId, String> {
    NodeId::parse(text.trim()).map_err(|error| error.to_string())
}

fn adjustment(text: &str) -> Result<AdjustmentId, String> {
    AdjustmentId::parse(&text.trim().to_lowercase()).map_err(|error| error.to_string())
}
