//! Measuring both makes in one run, turn by turn, and telling them apart by ratios.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    batches,
    makes::{Function, Make, environment},
    sandbox::Sandbox,
    table::Tables,
};

/// Batches before anything is counted.
const WARM_UP: u64 = 20;

/// What a make of a function costs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The make.
    pub make: &'static str,
    /// From start to first poll, sorted.
    pub starts: Vec<Duration>,
    /// CPU time for each message.
    pub cpu: Duration,
    /// Messages a second of one sandbox, DynamoDB's answers included.
    pub throughput: f64,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Starts of each make.
    pub starts: u32,
    /// Batches of ten messages for each make.
    pub batches: u64,
}

/// Measures the makes of a function, whose logs go below `logs`.
pub async fn measure(
    function: Function,
    makes: &[Make],
    amount: Amount,
    logs: &Path,
) -> anyhow::Result<Vec<Cost>> {
    std::fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let log = |make: &Make| logs.join(format!("{}-{}.log", function.name(), make.name));
    let tables = Tables::serve().await?;
    let environment = environment(function, &tables.endpoint);
    let mut starts = vec![Vec::new(); makes.len()];
    // The first start of each reads it from the disk and is not counted.
    for round in 0..=amount.starts {
        for (make, starts) in makes.iter().zip(&mut starts) {
            let sandbox = Sandbox::start(make, &environment, &log(make)).await?;
            if round > 0 {
                starts.push(sandbox.start);
            }
        }
    }
    let mut costs = Vec::new();
    for (make, mut starts) in makes.iter().zip(starts) {
        starts.sort_unstable();
        let tables = Tables::serve().await?;
        let environment = crate::makes::environment(function, &tables.endpoint);
        let mut sandbox = Sandbox::start(make, &environment, &log(make)).await?;
        for batch in 0..WARM_UP {
            handled(&mut sandbox, function, batch).await?;
        }
        let (before, began) = (sandbox.usage()?, Instant::now());
        for batch in WARM_UP..WARM_UP + amount.batches {
            handled(&mut sandbox, function, batch).await?;
        }
        let (wall, after) = (began.elapsed(), sandbox.usage()?);
        let messages = u32::try_from(amount.batches * batches::SIZE).context("too many messages")?;
        costs.push(Cost {
            make: make.name,
            starts,
            cpu: after.cpu.saturating_sub(before.cpu) / messages,
            throughput: f64::from(messages) / wall.as_secs_f64(),
            peak: after.peak,
        });
    }
    Ok(costs)
}

async fn handled(sandbox: &mut Sandbox, function: Function, batch: u64) -> anyhow::Result<()> {
    let answer = sandbox.invoke(batches::plain(function, batch)).await?;
    let failures = answer.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(failures == 0, "{failures} messages of batch {batch} failed: {answer}");
    Ok(())
}

/// The middle one.
pub fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The costs as a Markdown table, each against the first.
pub fn table(function: Function, costs: &[Cost]) -> String {
    let mut lines = vec![
        format!("### {}\n", function.name()),
        "| | start to first poll | CPU per message | messages a second | most memory |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    for cost in costs {
        lines.push(format!(
            "| {} | {:.1} ms | {:.3} ms | {:.0} | {:.1} MB |",
            cost.make,
            millis(median(&cost.starts)),
            millis(cost.cpu),
            cost.throughput,
            megabytes(cost.peak),
        ));
    }
    if let [first, others @ ..] = costs {
        for other in others {
            lines.push(format!(
                "| {} to {} | {:.1} | {:.1} | {:.2} | {:.1} |",
                other.make,
                first.make,
                ratio(median(&other.starts), median(&first.starts)),
                ratio(other.cpu, first.cpu),
                other.throughput / first.throughput,
                megabytes(other.peak) / megabytes(first.peak),
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn megabytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from) * 1024.0 / 1_000_000.0
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(make: &'static str, times: u32, peak: u64) -> Cost {
        let starts = [4, 5, 90].map(|millis| Duration::from_millis(millis) * times).to_vec();
        let cpu = Duration::from_micros(200) * times;
        Cost { make, starts, cpu, throughput: 500.0 / f64::from(times), peak }
    }

    #[test]
    fn each_is_compared_with_the_first() {
        let table =
            table(Function::OrderIngest, &[cost("Rust", 1, 8_192_000), cost("Python", 100, 81_920_000)]);
        assert!(table.contains("| Rust | 5.0 ms | 0.200 ms | 500 | 8.2 MB |"), "{table}");
        assert!(table.contains("| Python to Rust | 100.0 | 100.0 | 0.01 | 10.0 |"), "{table}");
    }
}
