//! `make bench`: how large each function is, how long it takes from its start to its first poll, what it holds in memory
//! then, what a message costs it, and how long an order takes from accepted to fulfilled on the local cloud.

mod instructions;
mod runtime_api;
mod side_by_side;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use self::runtime_api::RuntimeApi;
use crate::functions::{self, Function};
use crate::layout::{Layout, create_dir};
use crate::progress::Progress;
use crate::{cloud, interrupt, run};

/// What `bench` can be asked for.
#[derive(Args)]
pub struct Options {
    /// Starts of each function; the median of them is reported
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(10..))]
    runs: u32,
    /// Cargo profile of the measured functions: `lambda` for what is deployed to AWS
    #[arg(long, default_value = "release")]
    profile: String,
    /// Start only this function, which can be said of many, and measure nothing else
    #[arg(long = "function", value_name = "FUNCTION")]
    only: Vec<String>,
    /// Leave out instructions and allocations, which want Valgrind
    #[arg(long)]
    no_instructions: bool,
    /// Leave out the comparison with Python
    #[arg(long)]
    no_python: bool,
    /// Leave out the orders on the local cloud
    #[arg(long)]
    no_orders: bool,
    /// Acceptance under load too, which takes half an hour, in the end with so many orders waiting
    #[arg(long, value_name = "ORDERS")]
    load: Option<u32>,
}

struct Measured {
    name: String,
    bytes: u64,
    starts: Vec<Duration>,
    /// What it holds in memory when it first polls, in bytes; none where no system tells that.
    resident: Option<u64>,
}

/// Builds, measures, prints.
pub fn bench(layout: &Layout, progress: &Progress, options: &Options) -> anyhow::Result<()> {
    let functions = chosen(functions::list(layout)?, &options.only)?;
    let dir = build(layout, progress, &functions, &options.profile)?;
    let step = progress.step("start each function");
    let mut all = Vec::new();
    for function in &functions {
        step.note(&function.name);
        all.push(measure(layout, &dir, function, options.runs)?);
    }
    step.done(&format!("{} times", options.runs));
    print!("{}", table(&all, &options.profile, options.runs));
    if !options.only.is_empty() {
        return Ok(());
    }
    if !options.no_instructions {
        instructions::run(layout, progress)?;
    }
    if !options.no_python {
        println!();
        side_by_side::run(layout, progress, &dir)?;
    }
    hot_sku(layout, progress)?;
    if options.no_orders {
        return Ok(());
    }
    let cloud = cloud::up(layout, &layout.cloud(), progress)?;
    println!();
    let mut command = Command::new(layout.binary("lakeside-demo"));
    command.current_dir(&layout.root).arg("--bench").envs(cloud.variables.iter());
    run::streamed("`lakeside-demo --bench`", &mut command)?;
    let Some(queued) = options.load else { return Ok(()) };
    println!();
    let mut command = Command::new(layout.binary("lakeside-demo"));
    command.current_dir(&layout.root).args(["--bench-load", &queued.to_string()]);
    run::streamed("`lakeside-demo --bench-load`", command.envs(cloud.variables.iter()))
}

/// Those of all functions that are named, or all where none is.
fn chosen(mut all: Vec<Function>, named: &[String]) -> anyhow::Result<Vec<Function>> {
    let unknown = named.iter().find(|name| all.iter().all(|function| function.name != **name));
    if let Some(name) = unknown {
        bail!("there is no function `{name}`: `handlers/README.md` names them");
    }
    all.retain(|function| named.is_empty() || named.contains(&function.name));
    Ok(all)
}

/// What a rush on one SKU costs, counted on a simulated table.
fn hot_sku(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let step = progress.step("build the simulation");
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args(["build", "--workspace", "--bin", "lakeside-simulation"]);
    run::logged(&step, "cargo build", &mut command, &layout.logs().join("bench-build.log"))?;
    step.done("");
    println!();
    let mut command = Command::new(layout.binary("lakeside-simulation"));
    command.current_dir(&layout.root).arg("--hot-sku");
    run::streamed("`lakeside-simulation --hot-sku`", &mut command)
}

fn build(
    layout: &Layout,
    progress: &Progress,
    functions: &[Function],
    profile: &str,
) -> anyhow::Result<PathBuf> {
    let step = progress.step(&format!("build the functions ({profile})"));
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args([
        "build",
        "--workspace",
        "--color",
        "never",
        "--profile",
        profile,
    ]);
    for function in functions {
        command.args(["--bin", &function.name]);
    }
    run::logged(&step, "cargo build", &mut command, &layout.logs().join("bench-build.log"))?;
    step.done("");
    let dir = match profile {
        "dev" => "debug",
        other => other,
    };
    Ok(layout.target.join(dir))
}

fn measure(layout: &Layout, dir: &Path, function: &Function, runs: u32) -> anyhow::Result<Measured> {
    let binary = dir.join(&function.name);
    let bytes = fs::metadata(&binary).with_context(|| format!("cannot read {}", binary.display()))?.len();
    let log = layout.logs().join("bench").join(format!("{}.log", function.name));
    create_dir(log.parent().unwrap_or(&layout.local))?;
    let (mut starts, mut resident) = (Vec::new(), None);
    // The first start reads the binary from the disk; it is not counted.
    for run in 0..=runs {
        interrupt::check()?;
        let (start, held) = start_to_first_poll(&binary, function, &log)?;
        if run > 0 {
            starts.push(start);
            resident = resident.max(held);
        }
    }
    starts.sort();
    Ok(Measured { name: function.name.clone(), bytes, starts, resident })
}

/// Ends the function however the measurement ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is just as well.
        let _ended = self.0.kill();
        let _collected = self.0.wait();
    }
}

/// The most that a process has held in memory, as Linux tells it.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

/// How long that takes, and what it holds in memory then.
fn start_to_first_poll(
    binary: &Path,
    function: &Function,
    log: &Path,
) -> anyhow::Result<(Duration, Option<u64>)> {
    let api = RuntimeApi::listen()?;
    let output = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(binary);
    command.env_clear().envs(environment(function, api.port()));
    command.stdin(Stdio::null()).stderr(output.try_clone().context("cannot share the log")?).stdout(output);
    let started = Instant::now();
    let mut running = Running(command.spawn().with_context(|| format!("cannot start {}", binary.display()))?);
    loop {
        if let Some(polled) = api.first_poll()? {
            return Ok((polled.duration_since(started), resident(running.0.id())));
        }
        if let Some(status) = running.0.try_wait().context("cannot watch a function")? {
            let last = run::tail(log, 1).pop().unwrap_or_default();
            bail!("{} ended before its first poll ({status}): {last}", function.name);
        }
        if started.elapsed() > Duration::from_secs(10) {
            bail!("{} did not poll within 10 s", function.name);
        }
    }
}

/// What Lambda sets, and a value for every setting that any function reads when it starts.
fn environment(function: &Function, port: u16) -> Vec<(&'static str, String)> {
    let nowhere = "http://127.0.0.1:9".to_owned();
    vec![
        ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}")),
        ("AWS_LAMBDA_FUNCTION_NAME", format!("lakeside-{}", function.name)),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/lakeside-{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_ENDPOINT_URL", nowhere.clone()),
        ("ORDERS_TABLE", "lakeside-orders".to_owned()),
        ("ORDER_STATUS_TABLE", "lakeside-order-status".to_owned()),
        ("PARTNERS_TABLE", "lakeside-partners".to_owned()),
        ("INVENTORY_TABLE", "lakeside-inventory".to_owned()),
        ("STORE_STOCK_TABLE", "lakeside-store-stock".to_owned()),
        ("FULFILMENT_TABLE", "lakeside-fulfilment".to_owned()),
        ("GROWTH_TABLE", "lakeside-growth".to_owned()),
        ("DIRECTORY_TABLE", "lakeside-directory".to_owned()),
        ("TABLE_NAME", "lakeside-of-a-consumer".to_owned()),
        ("LOYALTY_MINOR_PER_POINT", "100".to_owned()),
        ("LOYALTY_CURRENCY", "USD".to_owned()),
        ("MARKETPLACES", format!(r#"{{"bazaar": {{"url": "{nowhere}", "secret": "bazaar"}}}}"#)),
        ("MARKETPLACE_QUEUES", format!(r#"{{"bazaar": "{nowhere}"}}"#)),
        ("SENDER_ADDRESS", "orders@lakeside.example".to_owned()),
        ("BUS_NAME", "lakeside-orders".to_owned()),
        (
            "STATE_MACHINE_ARN",
            "arn:aws:states:us-east-1:000000000000:stateMachine:lakeside-order-fulfilment".to_owned(),
        ),
        ("RESERVATION_HOLD_SECONDS", "900".to_owned()),
        ("SWEEP_GRACE_SECONDS", "3600".to_owned()),
        ("APPROVAL_THRESHOLD_MINOR", "100000".to_owned()),
        ("PAYMENT_PROCESSOR_URL", nowhere.clone()),
        ("PAYMENT_PROCESSOR_SECRET", "lakeside/payment-processor".to_owned()),
        ("PROCESSOR_KEY_OWNER", "lakeside/payment-processor".to_owned()),
        ("CARRIER_URL", nowhere),
    ]
}

fn table(all: &[Measured], profile: &str, runs: u32) -> String {
    let width = all.iter().map(|measured| measured.name.len()).max().unwrap_or_default();
    let mut lines = vec![format!(
        "{:<width$}  {:>9}  {:>9}  start to first poll, median of {runs} (least to most)",
        "function", "size", "memory"
    )];
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    for Measured { name, bytes, starts, resident } in all {
        let millis = |start: Option<&Duration>| start.map_or(0.0, |start| start.as_secs_f64() * 1000.0);
        lines.push(format!(
            "{name:<width$}  {:>9}  {:>9}  {:>5.1} ms ({:.1} to {:.1})",
            megabytes(*bytes),
            resident.map_or_else(|| "unknown".to_owned(), megabytes),
            millis(starts.get(starts.len() / 2)),
            millis(starts.first()),
            millis(starts.last()),
        ));
    }
    lines.push(format!("cargo profile: {profile}\n"));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_reported_between_the_extremes() {
        let starts = [9, 10, 30].map(Duration::from_millis).to_vec();
        let all =
            [Measured { name: "order-query".into(), bytes: 5_640_000, starts, resident: Some(7_990_000) }];
        let table = table(&all, "lambda", 3);
        assert!(table.contains("order-query     5.6 MB     7.9 MB   10.0 ms (9.0 to 30.0)\n"), "{table}");
    }

    #[test]
    fn only_functions_that_are_named_are_started_and_each_of_them_is_known() {
        let all = ["allocate", "order-ingest"];
        let all = all.map(|name| Function { name: name.into(), squad: "orders".into() }).to_vec();
        let names = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
            chosen(all.clone(), &named).map(|chosen| chosen.into_iter().map(|of| of.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["allocate", "order-ingest"]);
        assert_eq!(names(&["order-ingest"]).unwrap(), ["order-ingest"]);
        let unknown = names(&["order-ingest", "nobody"]).unwrap_err();
        assert!(unknown.to_string().starts_with("there is no function `nobody`"), "{unknown}");
    }

    #[test]
    fn a_process_holds_something_in_memory() {
        if cfg!(target_os = "linux") {
            assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 1_000_000));
        }
    }
}
