//! Consumers that are one directory: a Terraform root with a state of its own, and the crate of its function. Everything
//! that works on squads finds them by where they lie, so that one comes and goes without a change anywhere else.

pub mod rehearsal;
mod skeleton;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::functions;
use crate::layout::{CloudPaths, Layout};
use crate::progress::Progress;
use crate::terraform::Root;
use crate::{cloud, run};

/// Where their directories lie, beside those of the squads.
pub const CONSUMERS: &str = "squad-modules";
/// The crate in such a directory. A squad has its crate elsewhere, so this is what tells a consumer.
pub const HANDLERS: &str = "handlers";

/// What a new consumer is to be.
#[derive(Args)]
pub struct Options {
    /// The one name of the directory, the function and its queue: a verb and its object, such as `feed-shop`
    pub name: String,
    /// The bus that it listens to
    #[arg(long)]
    pub bus: String,
    /// The event that it wants to hear, as its detail-type
    #[arg(long)]
    pub event: String,
}

/// What to do with a consumer on a running cloud.
#[derive(Clone, Copy, ValueEnum)]
pub enum Action {
    /// Apply its root
    PutIn,
    /// Destroy what its root has made
    TakeOut,
}

/// The names of those that there are, in order.
pub fn names(layout: &Layout) -> anyhow::Result<Vec<String>> {
    let dir = layout.root.join(CONSUMERS);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot list {}", dir.display())),
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join(HANDLERS).join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Puts a consumer into a running cloud, or takes it out.
pub fn deploy(
    layout: &Layout,
    paths: &CloudPaths,
    progress: &Progress,
    action: Action,
    name: &str,
) -> anyhow::Result<()> {
    let known = names(layout)?;
    if !known.iter().any(|other| other == name) {
        bail!("no consumer is called `{name}`; there are: {}", known.join(", "));
    }
    let root = Root::of_consumer(name.to_owned());
    match action {
        Action::PutIn => cloud::put_in(layout, paths, progress, &root),
        Action::TakeOut => cloud::take_out(layout, paths, progress, &root),
    }
}

/// Writes a new consumer, and says what comes next.
pub fn new(layout: &Layout, progress: &Progress, options: &Options) -> anyhow::Result<()> {
    write(layout, progress, options)?;
    let dir = format!("{CONSUMERS}/{}", options.name);
    progress
        .say(&format!("{dir} keeps every {}; what it shall do with it is yours to write:", options.event));
    progress.say(&format!("  {dir}/{HANDLERS}/src/{}.rs", options.name.replace('-', "_")));
    progress.say("`make up` deploys it; docs/new-consumer.md goes through the rest.");
    Ok(())
}

fn write(layout: &Layout, progress: &Progress, options: &Options) -> anyhow::Result<()> {
    let step = progress.step("write the consumer");
    let event = check(layout, options)?;
    let dir = layout.root.join(CONSUMERS).join(&options.name);
    let files = skeleton::files(layout, options, &event)?;
    for (path, content) in &files {
        let file = dir.join(path);
        crate::layout::create_dir(file.parent().unwrap_or(&dir))?;
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    }
    // Names are of different lengths, and lines with them.
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args(["fmt", "--package", &format!("lakeside-{}", options.name)]);
    run::logged(&step, "cargo fmt", &mut command, &layout.logs().join("new-consumer-fmt.log"))?;
    let mut command = Command::new("terraform");
    command.env_remove("TF_CLI_CONFIG_FILE").args(["fmt", "-recursive"]).arg(&dir);
    run::logged(&step, "terraform fmt", &mut command, &layout.logs().join("new-consumer-terraform-fmt.log"))?;
    // Cargo's lock names every crate of the workspace; the new one needs none that is not there.
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root).args(["update", "--workspace", "--offline", "--quiet"]);
    run::logged(&step, "cargo update", &mut command, &layout.logs().join("new-consumer-lock.log"))?;
    step.done(&format!("{} files", files.len()));
    Ok(())
}

/// Refuses what could not work, and answers the event's directory below `contracts/`.
fn check(layout: &Layout, options: &Options) -> anyhow::Result<String> {
    let Options { name, bus, event } = options;
    if !is_name(name) {
        bail!(
            "`{name}` is no name: it takes lower-case words with hyphens between them, 3 to 32 characters in all"
        );
    }
    if layout.root.join(CONSUMERS).join(name).exists() {
        bail!("{CONSUMERS}/{name} is there already");
    }
    if functions::list(layout)?.iter().any(|function| function.name == *name) {
        bail!("another function is called `{name}`");
    }
    let contracts = layout.root.join("contracts/events");
    if !is_name(bus) || !contracts.join(bus).is_dir() {
        bail!("there is no bus `{bus}`; there are: {}", listed(&contracts)?);
    }
    let kebab = kebab(event);
    if !contracts.join(bus).join(&kebab).is_dir() {
        bail!("nothing says `{event}` on the bus {bus}; there are: {}", listed(&contracts.join(bus))?);
    }
    Ok(format!("events/{bus}/{kebab}"))
}

fn listed(dir: &Path) -> anyhow::Result<String> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names.join(", "))
}

fn is_name(name: &str) -> bool {
    (3..=32).contains(&name.len())
        && name.split('-').all(|word| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

/// `stock-level-changed` for `StockLevelChanged`.
fn kebab(detail_type: &str) -> String {
    let mut kebab = String::new();
    for letter in detail_type.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_with_hyphens_between_them() {
        for good in ["feed-shop", "tell-shop2", "abc"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "ab", "Feed-shop", "feed_shop", "feed--shop", "feed-", "-feed", "../shop", "2-shops"]
        {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(!is_name(&"a".repeat(33)));
    }

    #[test]
    fn a_contracts_directory_is_the_detail_type_in_lower_case() {
        assert_eq!(kebab("StockLevelChanged"), "stock-level-changed");
    }

    #[test]
    fn what_could_not_work_is_refused_before_anything_is_written() {
        let layout = Layout::find().unwrap();
        let refused = |name: &str, bus: &str, event: &str| {
            let options = Options { name: name.into(), bus: bus.into(), event: event.into() };
            check(&layout, &options).unwrap_err().to_string()
        };
        let event = "StockLevelChanged";
        assert!(refused("Feed", "inventory", event).contains("is no name"));
        assert!(refused("growth", "inventory", event).contains("is there already"));
        assert!(refused("reserve-stock", "inventory", event).contains("another function"));
        assert!(refused("feed-shop", "stock", event).contains("there is no bus"));
        assert!(refused("feed-shop", "..", event).contains("there is no bus"));
        assert!(refused("feed-shop", "orders", event).contains("nothing says"));
        let options = Options { name: "feed-shop".into(), bus: "inventory".into(), event: event.into() };
        assert_eq!(check(&layout, &options).unwrap(), "events/inventory/stock-level-changed");
    }
}
