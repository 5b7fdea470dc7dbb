//! Our functions beside the same in Python: `ci/bench`.

use std::path::Path;
use std::process::Command;

use crate::layout::Layout;
use crate::progress::Progress;
use crate::{run, tools};

const MANIFEST: &str = "ci/bench/Cargo.toml";
const SOURCES: &str = "ci/bench/python";

/// Shows that both makes do the same, and measures what each costs. `binaries` is where ours are.
pub fn run(layout: &Layout, progress: &Progress, binaries: &Path) -> anyhow::Result<()> {
    let python = tools::python_of_bench(layout, progress)?.join("python");
    let step = progress.step("see that both makes do the same");
    let mut tests = cargo(layout, "test");
    tests.env("LAKESIDE_BENCH_BINARIES", binaries).env("LAKESIDE_BENCH_PYTHON", &python);
    run::logged(&step, "the comparison of both makes", &mut tests, &layout.logs().join("bench-same.log"))?;
    step.done("");
    let step = progress.step("build the measurement");
    let mut build = cargo(layout, "build");
    run::logged(&step, "cargo build", &mut build, &layout.logs().join("bench-build.log"))?;
    step.done("");
    println!();
    let mut measure = Command::new(layout.target.join("bench/debug/lakeside-bench"));
    measure.current_dir(&layout.root).arg("--binaries").arg(binaries).arg("--python").arg(&python);
    measure.args(["--sources", SOURCES, "--logs"]).arg(layout.logs().join("bench"));
    run::streamed("`lakeside-bench`", &mut measure)
}

fn cargo(layout: &Layout, verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args([
        verb,
        "--locked",
        "--color",
        "never",
        "--manifest-path",
        MANIFEST,
    ]);
    command.arg("--target-dir").arg(layout.target.join("bench"));
    command
}
