//! A consumer is written, built and tested as a person would do it, and nothing but its directory may have changed.
//!
//! It is done in the checkout itself, for anywhere else Cargo would build the whole workspace anew, and there is no
//! better place to see that nothing else changes. Whatever happens, the directory goes again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::{CONSUMERS, Options};
use crate::check;
use crate::layout::{Layout, remove_dir};
use crate::progress::Progress;
use crate::run;

const NAME: &str = "rehearse-consumer";
const LOCK: &str = "Cargo.lock";

/// Writes a consumer, checks that nothing else has changed, lints it, tests it, and takes it away.
pub fn rehearse(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let stage = Stage::set(layout)?;
    let before = Surroundings::look(layout)?;
    let options =
        Options { name: NAME.to_owned(), bus: "inventory".to_owned(), event: "StockLevelChanged".to_owned() };
    super::write(layout, progress, &options)?;
    let step = progress.step("nothing else has changed");
    before.compare(&Surroundings::look(layout)?)?;
    step.done("");

    let step = progress.step("clippy");
    check::lints::check(layout, &step, &layout.logs().join("rehearsal-clippy.log"))?;
    step.done("");

    let step = progress.step("its tests");
    let mut command = cargo(layout);
    command.args(["test", "--workspace", "--no-run", "--message-format", "json"]);
    let messages = run::captured("cargo test", &mut command, &layout.logs().join("rehearsal-build.log"))?;
    let tests = test_binaries(&messages, &stage.dir);
    ensure!(!tests.is_empty(), "the new consumer has no tests");
    for test in &tests {
        let log = layout.logs().join("rehearsal-tests.log");
        run::logged(&step, "the tests of a new consumer", &mut Command::new(test), &log)?;
    }
    step.done("");

    let step = progress.step("its Terraform");
    let mut command = Command::new("terraform");
    command.current_dir(&layout.root).env_remove("TF_CLI_CONFIG_FILE");
    command.args(["fmt", "-check", "-recursive"]).arg(&stage.dir);
    run::logged(&step, "terraform fmt", &mut command, &layout.logs().join("rehearsal-fmt.log"))?;
    let runs = check::test_alone(layout, &step, &Path::new(CONSUMERS).join(NAME))?;
    ensure!(runs > 0, "the Terraform of a new consumer has no tests");
    step.done(&format!("{runs} runs"));
    Ok(())
}

fn cargo(layout: &Layout) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&layout.root);
    command
}

/// Where the rehearsal takes place. Dropped, it leaves everything as it was.
struct Stage {
    dir: PathBuf,
    lock: PathBuf,
    lock_before: String,
}

impl Stage {
    fn set(layout: &Layout) -> anyhow::Result<Self> {
        let dir = layout.root.join(CONSUMERS).join(NAME);
        let lock = layout.root.join(LOCK);
        // Left behind by a rehearsal that was killed.
        remove_dir(&dir)?;
        let text = fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        let lock_before = without_rehearsal(&text);
        if lock_before != text {
            fs::write(&lock, &lock_before).with_context(|| format!("cannot write {}", lock.display()))?;
        }
        Ok(Self { dir, lock, lock_before })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = remove_dir(&self.dir) {
            eprintln!("error: {error:#}");
        }
        if let Err(error) = fs::write(&self.lock, &self.lock_before) {
            eprintln!("error: cannot put {} back as it was: {error}", self.lock.display());
        }
    }
}

/// The checkout but for the new directory.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings {
    /// Every file that git does not know, outside of the new directory.
    strangers: BTreeSet<String>,
    /// What differs from the last commit, but for Cargo's lock.
    changes: String,
    /// The packages in Cargo's lock.
    locked: BTreeSet<String>,
}

impl Surroundings {
    fn look(layout: &Layout) -> anyhow::Result<Self> {
        let git = |arguments: &[&str]| -> anyhow::Result<String> {
            let mut command = Command::new("git");
            command.current_dir(&layout.root).args(arguments);
            run::captured("git", &mut command, &layout.logs().join("rehearsal-git.log"))
        };
        let own = format!("{CONSUMERS}/{NAME}/");
        let strangers = git(&["ls-files", "--others", "--exclude-standard"])?;
        let lock = fs::read_to_string(layout.root.join(LOCK))?;
        Ok(Self {
            strangers: strangers.lines().filter(|file| !file.starts_with(&own)).map(str::to_owned).collect(),
            changes: git(&["diff", "HEAD", "--binary", "--", ".", &format!(":!{LOCK}")])?,
            locked: packages(&lock),
        })
    }

    /// # Errors
    /// Says what there is after that was not there before.
    fn compare(&self, after: &Self) -> anyhow::Result<()> {
        if let Some(stranger) = after.strangers.symmetric_difference(&self.strangers).next() {
            bail!("a new consumer changes {stranger}, which is outside of its directory");
        }
        if after.changes != self.changes {
            bail!("a new consumer changes files outside of its directory: see `git diff`");
        }
        let own = format!("name = \"lakeside-{NAME}\"");
        let mut locked = after.locked.symmetric_difference(&self.locked);
        match (locked.next(), locked.next()) {
            (Some(package), None) if package.contains(&own) && after.locked.contains(package) => Ok(()),
            (changed, _) => bail!(
                "a new consumer may add itself to {LOCK} and nothing else, but there is: {}",
                changed.map_or("nothing", String::as_str)
            ),
        }
    }
}

/// A Cargo.lock as it is without the crate of a rehearsal.
fn without_rehearsal(lock: &str) -> String {
    let own = format!("name = \"lakeside-{NAME}\"\n");
    lock.split("\n\n").filter(|package| !package.contains(&own)).collect::<Vec<_>>().join("\n\n")
}

/// The paragraphs of a Cargo.lock, one per package.
fn packages(lock: &str) -> BTreeSet<String> {
    lock.split("\n\n").map(|package| package.trim().to_owned()).collect()
}

#[derive(Deserialize)]
struct Built {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The test programs of the crate below `dir`, as Cargo's messages tell.
fn test_binaries(messages: &str, dir: &Path) -> Vec<PathBuf> {
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok());
    built
        .filter(|built| built.reason == "compiler-artifact" && built.manifest_path.starts_with(dir))
        .filter(|built| built.profile.as_ref().is_some_and(|profile| profile.test))
        .filter_map(|built| built.executable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(strangers: &[&str], changes: &str, lock: &str) -> Surroundings {
        Surroundings {
            strangers: strangers.iter().map(|file| (*file).to_owned()).collect(),
            changes: changes.to_owned(),
            locked: packages(lock),
        }
    }

    const LOCK_BEFORE: &str = "# By Cargo.\n\n[[package]]\nname = \"serde\"\n";
    const LOCK_AFTER: &str = "# By Cargo.\n\n[[package]]\nname = \"lakeside-rehearse-consumer\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\n";

    #[test]
    fn a_consumer_adds_itself_to_cargos_lock_and_changes_nothing_else() {
        let before = surroundings(&["notes.txt"], "diff", LOCK_BEFORE);
        let compare = |after: &Surroundings| before.compare(after).map_err(|error| error.to_string());
        assert_eq!(compare(&surroundings(&["notes.txt"], "diff", LOCK_AFTER)), Ok(()));
        for (wrong, told) in [
            (surroundings(&["notes.txt", "ci/new.rs"], "diff", LOCK_AFTER), "ci/new.rs"),
            (surroundings(&[], "diff", LOCK_AFTER), "notes.txt"),
            (surroundings(&["notes.txt"], "another", LOCK_AFTER), "git diff"),
            (surroundings(&["notes.txt"], "diff", LOCK_BEFORE), "nothing"),
            (surroundings(&["notes.txt"], "diff", &LOCK_AFTER.replace("serde", "other")), "but there is"),
            (
                surroundings(
                    &["notes.txt"],
                    "diff",
                    &format!("{LOCK_AFTER}\n\n[[package]]\nname = \"new\"\n"),
                ),
                "but there is",
            ),
        ] {
            let error = compare(&wrong).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn only_test_programs_of_the_consumer_are_run() {
        let messages = [
            r#"{"reason":"compiler-artifact","manifest_path":"/r/c/handlers/Cargo.toml","executable":"/t/a","profile":{"test":true}}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/r/c/handlers/Cargo.toml","executable":"/t/b","profile":{"test":false}}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/r/c/handlers/Cargo.toml","executable":null,"profile":{"test":true}}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/r/d/Cargo.toml","executable":"/t/d","profile":{"test":true}}"#,
            r#"{"reason":"build-finished","success":true}"#,
        ];
        assert_eq!(test_binaries(&messages.join("\n"), Path::new("/r/c")), [PathBuf::from("/t/a")]);
    }

    #[test]
    fn a_rehearsal_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_path_buf();
        fs::write(root.join(LOCK), LOCK_BEFORE).unwrap();
        let layout = Layout { target: root.join("target"), local: root.join(".local"), root: root.clone() };
        let stage = Stage::set(&layout).unwrap();
        fs::create_dir_all(stage.dir.join("handlers")).unwrap();
        fs::write(root.join(LOCK), LOCK_AFTER).unwrap();
        drop(stage);
        assert!(!root.join(CONSUMERS).join(NAME).exists());
        assert_eq!(fs::read_to_string(root.join(LOCK)).unwrap(), LOCK_BEFORE);
    }

    #[test]
    fn what_a_killed_rehearsal_left_behind_goes_with_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_path_buf();
        fs::create_dir_all(root.join(CONSUMERS).join(NAME).join("handlers")).unwrap();
        fs::write(root.join(LOCK), LOCK_AFTER).unwrap();
        let layout = Layout { target: root.join("target"), local: root.join(".local"), root: root.clone() };
        let stage = Stage::set(&layout).unwrap();
        assert!(!stage.dir.exists());
        assert_eq!(fs::read_to_string(root.join(LOCK)).unwrap(), LOCK_BEFORE);
    }
}
