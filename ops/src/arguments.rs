//! What can be said to `lakeside`.

pub mod console;
pub mod cost;
pub mod doctor;
pub mod events;
pub mod load;
pub mod stock;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use lakeside_domain::ids::OrderId;

use self::{console::ConsoleOptions, doctor::DoctorOptions, events::EventsTask, stock::StockTask};
use crate::{
    cloud::Selection,
    dead_letters::moving::{RATE, SAMPLE, SAMPLE_SECONDS},
    output::Output,
};

/// What exit codes mean.
pub const EXIT_CODES: &str = "\
0  done, and nothing is wrong
1  something is wrong, or could not be done
2  the arguments do not fit together
3  there is no such order, saga, queue or installation
4  a guard refused: nothing was done
5  the cloud does not answer, or not to these credentials";

/// See one order's whole journey, and repair it with safety
#[derive(Debug, Parser)]
#[command(name = "lakeside", version, after_help = "Exit codes: `lakeside help exit-codes`.")]
pub struct Arguments {
    /// What the names of the installation begin with
    #[arg(long, global = true, env = "LAKESIDE_PREFIX", default_value = "lakeside")]
    prefix: String,
    /// The Region, if not the one of AWS_REGION or of the profile
    #[arg(long, global = true)]
    region: Option<String>,
    /// The profile of the AWS configuration, if not the one of AWS_PROFILE
    #[arg(long, global = true)]
    profile: Option<String>,
    /// Say it as one JSON document, for programs
    #[arg(long, global = true)]
    json: bool,
    /// Use no colours, as NO_COLOR does
    #[arg(long, global = true)]
    no_color: bool,
    /// What to do
    #[command(subcommand)]
    pub task: Task,
}

impl Arguments {
    /// How to show what is found.
    pub fn output(&self) -> Output {
        Output::new(self.json, self.no_color)
    }

    /// Whom is meant.
    pub fn selection(&self) -> Selection {
        Selection { prefix: self.prefix.clone(), region: self.region.clone(), profile: self.profile.clone() }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Place, read, watch or cancel an order
    #[command(subcommand)]
    Order(OrderTask),
    /// Everything that is known of one order, as one timeline, and where it stands or why it is stuck
    Trace(TraceOptions),
    /// The sagas of orders: list, show, decide, and repair
    #[command(subcommand)]
    Saga(SagaTask),
    /// Dead-letter queues: list, look, send back, and drop
    #[command(subcommand)]
    Dlq(DlqTask),
    /// What was said on the buses: tell it again
    #[command(subcommand)]
    Events(EventsTask),
    /// Stock: look, book what was counted, and compare pools with nodes
    #[command(subcommand)]
    Stock(StockTask),
    /// Check an installation, and say what to do; exit code 1 if anything is wrong
    Doctor(DoctorOptions),
    /// Put load on an installation by a schedule, then reconcile, and write a report
    Load(load::LoadOptions),
    /// What a month costs, by service, beside what others pay; asks no cloud
    Cost(cost::CostOptions),
    /// Serve a page for those who would rather look than read, to this machine only
    Console(ConsoleOptions),
    /// Print what completes this command line in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// What exit codes mean
    #[command(hide = true, long_about = EXIT_CODES)]
    ExitCodes,
}

/// An order.
#[derive(Debug, Args)]
pub struct Whose {
    /// The order's id
    #[arg(value_name = "ORDER", value_parser = order_id)]
    pub order_id: OrderId,
}

/// Ids are UUIDs in lower case, and people paste them in any.
fn order_id(text: &str) -> Result<OrderId, String> {
    OrderId::parse(&text.trim().to_lowercase()).map_err(|error| error.to_string())
}

/// Whoever is signed in at the door.
#[derive(Debug, Args)]
pub struct Token {
    /// The customer's ID token, as the shop has it
    #[arg(long, env = "LAKESIDE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Where the door is, if not where the platform's contract says
    #[arg(long, env = "LAKESIDE_API_URL", value_name = "URL")]
    pub door: Option<String>,
}

/// Of one order.
#[derive(Debug, Subcommand)]
pub enum OrderTask {
    /// Where the order and all its records stand
    Get(Whose),
    /// Place an order through the public door, as its customer
    Place(PlaceOptions),
    /// Ask to cancel an order through the public door, as its customer
    Cancel(CancelOptions),
    /// Follow an order until it has ended; exit code 1 if it ends otherwise than fulfilled
    Watch(WatchOptions),
}

/// How to place an order.
#[derive(Debug, Args)]
pub struct PlaceOptions {
    /// The order's id, by which it is known ever after; a new one if not given
    #[arg(long, value_parser = order_id)]
    pub id: Option<OrderId>,
    /// What and how many, such as `TENT-2P=1`; may be given again
    #[arg(long = "line", value_name = "SKU=UNITS", value_parser = line, required = true)]
    pub lines: Vec<(String, i64)>,
    /// What it costs in minor units; the catalogue's prices if not given
    #[arg(long, value_name = "MINOR UNITS")]
    pub expected_total: Option<i64>,
    /// The currency of the total
    #[arg(long, default_value = "USD")]
    pub currency: String,
    /// The processor's handle of the payment method
    #[arg(long, default_value = "pm_card_on_file")]
    pub payment_method: String,
    /// The directory's id of the address
    #[arg(long, default_value = "addr_home")]
    pub address: String,
    /// Where the order comes from
    #[arg(long, default_value = "web")]
    pub channel: String,
    /// Follow it until it has ended
    #[arg(long)]
    pub watch: bool,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who asks.
    #[command(flatten)]
    pub token: Token,
}

fn line(text: &str) -> Result<(String, i64), String> {
    let (sku, units) = text.split_once('=').ok_or("a line is SKU=UNITS, such as TENT-2P=1")?;
    let units = units.parse().map_err(|_| format!("`{units}` is no number of units"))?;
    Ok((sku.to_owned(), units))
}

/// How to cancel an order.
#[derive(Debug, Args)]
pub struct CancelOptions {
    /// Which.
    #[command(flatten)]
    pub whose: Whose,
    /// Who asks.
    #[command(flatten)]
    pub token: Token,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// How to watch an order.
#[derive(Debug, Args)]
pub struct WatchOptions {
    /// Which.
    #[command(flatten)]
    pub whose: Whose,
    /// For how long at most
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub timeout: u64,
}

/// How to trace.
#[derive(Debug, Args)]
pub struct TraceOptions {
    /// Which.
    #[command(flatten)]
    pub whose: Whose,
    /// Leave the logs out, which take longest
    #[arg(long)]
    pub no_logs: bool,
}

/// Of sagas.
#[derive(Debug, Subcommand)]
pub enum SagaTask {
    /// Sagas that failed or run, newest first
    List(SagaListOptions),
    /// Draw what the saga of an order did
    Show(Whose),
    /// Say yes to an order that waits for approval
    Approve(DecideOptions),
    /// Say no to an order that waits for approval: it is cancelled
    Deny(DecideOptions),
    /// Have a saga that could not say its completion, or died, go on
    Redrive(DecideOptions),
    /// Undo what a saga that gave up or died left behind: the order is cancelled
    Compensate(CompensateOptions),
}

/// Which sagas.
#[derive(Debug, Args)]
pub struct SagaListOptions {
    /// Which; those that failed, in any way, if not given
    #[arg(long, value_enum)]
    pub status: Vec<SagaStatus>,
    /// How many at most
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

/// How an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SagaStatus {
    /// Under way
    Running,
    /// Fulfilled or undone
    Succeeded,
    /// Given up, or at fault
    Failed,
    /// Ended by somebody
    Aborted,
    /// Ended by time
    TimedOut,
}

/// How to do something with the saga of an order.
#[derive(Debug, Args)]
pub struct DecideOptions {
    /// Which.
    #[command(flatten)]
    pub whose: Whose,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How to undo.
#[derive(Debug, Args)]
pub struct CompensateOptions {
    /// How.
    #[command(flatten)]
    pub decide: DecideOptions,
    /// Undo an order whose saga ended while it completed it, once it is sure that it is not fulfilled
    #[arg(long)]
    pub although_completing: bool,
}

/// Of dead-letter queues.
#[derive(Debug, Subcommand)]
pub enum DlqTask {
    /// Every dead-letter queue that is not empty, by what lies there and why
    List(DlqListOptions),
    /// Look at the letters of one queue, as far as they may be shown
    Peek(DlqPeekOptions),
    /// Send letters back to their queue: a sample first, then the rest at a rate
    Redrive(DlqRedriveOptions),
    /// Write letters into a file, then delete them
    Drop(DlqDropOptions),
}

/// What to list.
#[derive(Debug, Args)]
pub struct DlqListOptions {
    /// Empty queues too
    #[arg(long)]
    pub all: bool,
    /// Letters of each queue that are looked at
    #[arg(long, default_value_t = 200)]
    pub limit: usize,
}

/// Which letters.
#[derive(Debug, Args)]
pub struct Chosen {
    /// The queue, by the name of its function, its own, or its dead-letter queue's
    pub queue: String,
    /// Only this message, by its id; may be given again
    #[arg(long = "message", value_name = "ID")]
    pub messages: Vec<String>,
    /// Only what is about this order
    #[arg(long, value_parser = order_id)]
    pub order: Option<OrderId>,
    /// Only those whose kind or reason has this text in it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 1000)]
    pub limit: usize,
}

/// How to look.
#[derive(Debug, Args)]
pub struct DlqPeekOptions {
    /// Which.
    #[command(flatten)]
    pub chosen: Chosen,
}

/// How to send back.
#[derive(Debug, Args)]
pub struct DlqRedriveOptions {
    /// Which.
    #[command(flatten)]
    pub chosen: Chosen,
    /// How many go first, to see whether the cause is gone; 0 for all at once
    #[arg(long, default_value_t = SAMPLE)]
    pub sample: usize,
    /// For how long is waited for what becomes of the sample
    #[arg(long, default_value_t = SAMPLE_SECONDS, value_name = "SECONDS")]
    pub sample_seconds: u64,
    /// Messages in a second at most, afterwards; 1 to 1000
    #[arg(long, default_value_t = RATE)]
    pub rate: u32,
    /// Say what would be sent back, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// How to drop.
#[derive(Debug, Args)]
pub struct DlqDropOptions {
    /// Which.
    #[command(flatten)]
    pub chosen: Chosen,
    /// All letters of the queue, where none are named
    #[arg(long)]
    pub all: bool,
    /// Where they are written, whole; a file of this name must not be there. It may hold task tokens: keep it to yourself
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Without it nothing is dropped
    #[arg(long)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_order_may_be_pasted_in_capitals_and_a_line_says_how_many() {
        assert!(order_id(" 7E57D004-2B97-4E7A-B45F-5387367791CD ").is_ok());
        assert!(order_id("42").is_err());
        assert_eq!(line("TENT-2P=3"), Ok(("TENT-2P".into(), 3)));
        assert!(line("TENT-2P").is_err());
    }

    #[test]
    fn every_exit_code_is_documented() {
        let lines: Vec<_> =
            EXIT_CODES.lines().filter_map(|line| line.split_once("  ")).map(|(code, _)| code).collect();
        assert_eq!(lines, ["0", "1", "2", "3", "4", "5"]);
    }
}
