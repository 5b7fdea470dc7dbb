//! Terraform without a cloud: format, validation and tests with a mocked provider.
//!
//! Terraform writes a lock file beside whatever it initialises. Only roots commit one, so the checks work on a copy
//! below `.local/`, where every module gets the platform's lock and with it the very same provider.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, anyhow, bail};

use super::provider::{self, Provider};
use super::{Context, Outcome};
use crate::fingerprint::files_below;
use crate::interrupt::Interrupted;
use crate::layout::{Layout, create_dir, remove_dir};
use crate::progress::Step;
use crate::run;
use crate::terraform::{PLATFORM, Terraform};

/// Where roots and modules are.
pub const TREES: [&str; 2] = ["platform-terraform", "squad-modules"];
/// What the roots read with `file`, `templatefile` and `fileset`.
const READ: [&str; 4] = ["asl", "contracts/api", "contracts/events", "contracts/registry"];
/// What a root has and a module has not.
pub const LOCK: &str = ".terraform.lock.hcl";

/// `terraform fmt` would change nothing.
pub fn format(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let mut command = Command::new("terraform");
    command
        .env_remove("TF_CLI_CONFIG_FILE")
        .args(["fmt", "-check", "-diff", "-recursive", "-no-color"])
        .args(TREES);
    context.run(step, "terraform-fmt", &mut command)?;
    Ok(Outcome::Passed(String::new()))
}

/// Tests one module alone, in a copy of its own, and answers how many runs passed.
pub fn test_alone(layout: &Layout, step: &Step<'_>, module: &Path) -> anyhow::Result<u32> {
    let terraform = Terraform::prepare(layout)?;
    let copy = Copy::make_in(layout, &layout.terraform().join(slug(module)))?;
    let log = |what: &str| layout.logs().join(format!("check-{}.log", log_name(what, module)));
    let mut command = copy.command(&terraform, module);
    command.args(["init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly"]);
    run::logged(step, "terraform init", &mut command, &log("terraform-init"))?;
    let mut command = copy.command(&terraform, module);
    let provider = Provider::start(&copy.data(module), &log("terraform-provider"))?;
    command.args(["test", "-no-color"]).env(provider::VARIABLE, &provider.address);
    run::logged(step, "terraform test", &mut command, &log("terraform-test"))?;
    let summary = run::tail(&log("terraform-test"), 1).pop().unwrap_or_default();
    remove_dir(&layout.terraform().join(slug(module)))?;
    Ok(passed_runs(&summary))
}

/// Every root, and every module that has tests, is valid.
pub fn validate(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let terraform = Terraform::prepare(context.layout)?;
    let copy = Copy::make(context.layout)?;
    let modules = copy.modules()?;
    // One after the other, for Terraform's plugin cache does not bear two at once.
    for module in &modules {
        let mut command = copy.command(&terraform, module);
        command.args(["init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly"]);
        let what = format!("terraform init of {}", module.display());
        run::logged(step, &what, &mut command, &context.log(&log_name("terraform-init", module)))
            .context("the provider may be out of reach: name a mirror in LAKESIDE_TERRAFORM_MIRROR")?;
    }
    side_by_side(&modules, |module| {
        let mut command = copy.command(&terraform, module);
        command.args(["validate", "-no-color"]);
        let what = format!("terraform validate of {}", module.display());
        run::logged(step, &what, &mut command, &context.log(&log_name("terraform-validate", module)))
    })?;
    Ok(Outcome::Passed(format!("{} modules", modules.len())))
}

/// Every `tests/*.tftest.hcl` passes; runs after [`validate`], in the copy that it has initialised.
pub fn test(context: &Context<'_>, step: &Step<'_>) -> anyhow::Result<Outcome> {
    let terraform = Terraform::prepare(context.layout)?;
    let copy = Copy::at(context.layout);
    let tested: Vec<PathBuf> =
        copy.modules()?.into_iter().filter(|module| has_tests(&copy.dir.join(module))).collect();
    let Some(first) = tested.first() else { bail!("no Terraform module has tests") };
    let provider = Provider::start(&copy.data(first), &context.log("terraform-provider"))?;
    let summaries = Mutex::new(Vec::new());
    side_by_side(&tested, |module| {
        let log = context.log(&log_name("terraform-test", module));
        let mut command = copy.command(&terraform, module);
        command.args(["test", "-no-color"]).env(provider::VARIABLE, &provider.address);
        run::logged(step, &format!("terraform test of {}", module.display()), &mut command, &log)?;
        let summary = run::tail(&log, 1).pop().unwrap_or_default();
        summaries.lock().map_err(|_| anyhow!("a test of a module panicked"))?.push(passed_runs(&summary));
        Ok(())
    })?;
    let runs: u32 = summaries.lock().map_err(|_| anyhow!("a test of a module panicked"))?.iter().sum();
    Ok(Outcome::Passed(format!("{runs} runs in {} modules", tested.len())))
}

/// The number in `Success! 12 passed, 0 failed.`
fn passed_runs(summary: &str) -> u32 {
    let word = summary
        .split_whitespace()
        .zip(summary.split_whitespace().skip(1))
        .find(|(_, next)| next.starts_with("passed"));
    word.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

/// Does the work for every module, as many at a time as there are processors, and answers the first failure.
pub fn side_by_side<T: Sync>(
    modules: &[T],
    work: impl Fn(&T) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let queue = Mutex::new(modules.iter());
    let failures: Vec<anyhow::Error> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    while let Some(module) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                        failures.extend(work(module).err());
                    }
                    failures
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| vec![anyhow!("a check panicked")]))
            .collect()
    });
    let mut failures = failures.into_iter();
    match failures.next() {
        None => Ok(()),
        Some(first) => {
            failures
                .filter(|failure| !failure.is::<Interrupted>())
                .for_each(|failure| crate::print_error(&failure));
            Err(first)
        }
    }
}

fn log_name(what: &str, module: &Path) -> String {
    format!("{what}-{}", slug(module))
}

fn slug(module: &Path) -> String {
    module.to_string_lossy().replace('/', "-")
}

fn has_tests(module: &Path) -> bool {
    let tests = fs::read_dir(module.join("tests"));
    tests.is_ok_and(|mut tests| {
        tests.any(|test| test.is_ok_and(|test| test.file_name().to_string_lossy().ends_with(".tftest.hcl")))
    })
}

/// The copy that the checks work on.
struct Copy {
    dir: PathBuf,
    data: PathBuf,
}

impl Copy {
    fn at(layout: &Layout) -> Self {
        Self::below(&layout.terraform().join("check"))
    }

    fn below(dir: &Path) -> Self {
        Self { dir: dir.join("source"), data: dir.join("data") }
    }

    fn make(layout: &Layout) -> anyhow::Result<Self> {
        Self::make_in(layout, &layout.terraform().join("check"))
    }

    /// Copies anew what the checks need, and the platform's lock into every module that has none.
    fn make_in(layout: &Layout, dir: &Path) -> anyhow::Result<Self> {
        let copy = Self::below(dir);
        remove_dir(&copy.dir)?;
        for tree in TREES.iter().chain(&READ) {
            let from = layout.root.join(tree);
            for file in files_below(&from)? {
                let to = copy.dir.join(file.strip_prefix(&layout.root).unwrap_or(&file));
                create_dir(to.parent().unwrap_or(&copy.dir))?;
                fs::copy(&file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
            }
        }
        let lock = layout.root.join(&*PLATFORM.dir).join(LOCK);
        for module in copy.modules()? {
            let missing = copy.dir.join(module).join(LOCK);
            if !missing.exists() {
                fs::copy(&lock, &missing).with_context(|| format!("cannot copy {}", lock.display()))?;
            }
        }
        Ok(copy)
    }

    /// Roots, which commit a lock, and modules that have tests, below the copy.
    fn modules(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut modules = BTreeSet::new();
        for tree in TREES {
            for file in files_below(&self.dir.join(tree))? {
                let relative = file.strip_prefix(&self.dir).unwrap_or(&file);
                let module = match relative.file_name() {
                    Some(name) if name == LOCK => relative.parent(),
                    Some(name) if name.to_string_lossy().ends_with(".tftest.hcl") => {
                        relative.ancestors().nth(2)
                    }
                    _ => None,
                };
                modules.extend(module.map(Path::to_path_buf));
            }
        }
        Ok(modules.into_iter().collect())
    }

    /// Where Terraform keeps what `init` fetched for a module.
    fn data(&self, module: &Path) -> PathBuf {
        self.data.join(slug(module))
    }

    fn command(&self, terraform: &Terraform, module: &Path) -> Command {
        let mut command = terraform.command(&self.dir.join(module), &self.data(module));
        // Tests run with a mocked provider: whatever account the user has must stay out of reach.
        for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_passed_runs_is_read_from_the_last_line() {
        assert_eq!(passed_runs("Success! 12 passed, 0 failed."), 12);
        assert_eq!(passed_runs("Success! 3 passed, 0 failed, 1 skipped."), 3);
        assert_eq!(passed_runs("nothing"), 0);
    }

    #[test]
    fn roots_and_modules_with_tests_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let copy = Copy { dir: dir.path().to_path_buf(), data: dir.path().join("data") };
        for file in [
            "platform-terraform/region/.terraform.lock.hcl",
            "squad-modules/modules/q/tests/q.tftest.hcl",
            "squad-modules/modules/plain/main.tf",
        ] {
            let file = dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let found = copy.modules().unwrap();
        assert_eq!(
            found,
            [PathBuf::from("platform-terraform/region"), PathBuf::from("squad-modules/modules/q")]
        );
        assert!(has_tests(&dir.path().join("squad-modules/modules/q")));
        assert!(!has_tests(&dir.path().join("squad-modules/modules/plain")));
    }

    #[test]
    fn every_module_is_worked_on_and_failures_are_told() {
        let modules: Vec<PathBuf> = (0..7).map(|number| PathBuf::from(number.to_string())).collect();
        let done = Mutex::new(BTreeSet::new());
        let work = |module: &PathBuf| {
            done.lock().unwrap().insert(module.clone());
            anyhow::ensure!(module != Path::new("3"), "three fails");
            Ok(())
        };
        assert_eq!(side_by_side(&modules, work).unwrap_err().to_string(), "three fails");
        assert_eq!(done.lock().unwrap().len(), 7);
    }
}
