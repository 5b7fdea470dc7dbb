//! Instructions and allocations of functions and decisions: `ci/instructions`, counted by Valgrind.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use crate::layout::{Layout, remove_dir};
use crate::progress::Progress;
use crate::{run, tools};

/// Messages in one batch of a function: `BATCH` of `ci/instructions`.
const BATCH: u64 = 10;

/// What Valgrind counted of one function or decision.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    name: String,
    /// Messages or decisions in what was counted.
    times: u64,
    instructions: u64,
    allocations: u64,
    bytes: u64,
}

/// Builds, counts, prints.
pub fn run(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let runner = tools::gungraun_runner(layout, progress)?;
    let home = layout.target.join("gungraun");
    remove_dir(&home)?;
    let step = progress.step("count instructions and allocations");
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args(["bench", "--workspace", "--color", "never"]);
    command.args(["--bench", "instructions", "--", "--save-summary=json"]);
    command.env("GUNGRAUN_RUNNER", runner).env("GUNGRAUN_HOME", &home).env("NO_COLOR", "1");
    run::logged(&step, "cargo bench", &mut command, &layout.logs().join("bench-instructions.log"))?;
    let counted = counted(&home)?;
    step.done(&format!("{} functions and decisions", counted.len()));
    println!();
    print!("{}", table(&counted));
    Ok(())
}

fn counted(home: &Path) -> anyhow::Result<Vec<Counted>> {
    let mut found = Vec::new();
    let mut dirs = vec![home.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|name| name == "summary.json") {
                let text = fs::read_to_string(&path)?;
                let summary = serde_json::from_str(&text).context("a summary of Gungraun is no JSON")?;
                found.push(read(&summary).with_context(|| format!("in {}", path.display()))?);
            }
        }
    }
    found.sort_by_key(|one| Reverse((one.times, one.instructions)));
    Ok(found)
}

fn read(summary: &Value) -> anyhow::Result<Counted> {
    let text = |name: &str| summary.get(name).and_then(Value::as_str).unwrap_or_default();
    let count = |tool: &str, metric: &str| -> anyhow::Result<u64> {
        let profiles = summary.get("profiles").and_then(Value::as_array).into_iter().flatten();
        let profile = profiles.into_iter().find(|p| p.get("tool").and_then(Value::as_str) == Some(tool));
        let value = profile.and_then(|p| p.pointer(&format!("/data/total/metrics/{metric}/values/new")));
        value.and_then(Value::as_u64).with_context(|| format!("{tool} did not count {metric}"))
    };
    Ok(Counted {
        name: text("function_name").replace('_', "-"),
        times: if text("id") == "batch" { BATCH } else { 1 },
        instructions: count("Callgrind", "Ir")?,
        allocations: count("DHAT", "TotalBlocks")?,
        bytes: count("DHAT", "TotalBytes")?,
    })
}

fn table(counted: &[Counted]) -> String {
    let mut text = format!(
        "{:<20} {:>14} {:>12} {:>16}\n",
        "per message", "instructions", "allocations", "allocated bytes"
    );
    let mut of_batches = true;
    for one in counted {
        if of_batches && one.times == 1 {
            let _written = writeln!(text, "per decision");
        }
        of_batches = one.times > 1;
        let each = |count: u64| count.checked_div(one.times).unwrap_or_default();
        let _written = writeln!(
            text,
            "{:<20} {:>14} {:>12} {:>16}",
            one.name,
            each(one.instructions),
            each(one.allocations),
            each(one.bytes)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(id: &str) -> Value {
        let of = |metrics: Value| json!({"total": {"metrics": metrics}});
        let value = |value: u64| json!({"values": {"new": value}});
        json!({"function_name": "order_ingest", "id": id, "profiles": [
            {"tool": "Callgrind", "data": of(json!({"Ir": value(1000)}))},
            {"tool": "DHAT", "data": of(json!({"TotalBlocks": value(50), "TotalBytes": value(700)}))},
        ]})
    }

    #[test]
    fn a_batch_is_told_per_message_and_a_decision_as_it_is() {
        let all = ["batch", "one_fact"].map(|id| read(&summary(id)).unwrap());
        let lines: Vec<Vec<String>> =
            table(&all).lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        assert_eq!(lines[1], ["order-ingest", "100", "5", "70"]);
        assert_eq!(lines[2], ["per", "decision"]);
        assert_eq!(lines[3], ["order-ingest", "1000", "50", "700"]);
    }

    #[test]
    fn what_was_not_counted_is_an_error_and_no_zero() {
        let mut without = summary("batch");
        without["profiles"][1]["tool"] = "Massif".into();
        assert_eq!(read(&without).unwrap_err().to_string(), "DHAT did not count TotalBlocks");
    }
}
