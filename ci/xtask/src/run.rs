//! Commands in the foreground: their output goes to a log, their end is awaited, and a signal ends them first.
//!
//! Each command gets a process group of its own, so that Ctrl-C reaches it once and through here only: Terraform
//! takes a second interrupt as an order to drop its state.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;
use crate::layout::create_dir;
use crate::progress::Step;

const POLL: Duration = Duration::from_millis(40);
/// How long an interrupted command may take to put its things in order.
const GRACE: Duration = Duration::from_secs(15);
const TAIL_LINES: usize = 25;
const TAIL_BYTES: u64 = 16 * 1024;

/// A command that ended with an error, and the end of what it said.
#[derive(Debug)]
pub struct CommandFailed {
    what: String,
    status: ExitStatus,
    log: Option<PathBuf>,
    /// The last lines of the log.
    pub tail: Vec<String>,
}

impl std::fmt::Display for CommandFailed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} failed ({})", self.what, self.status)?;
        match &self.log {
            Some(log) => write!(formatter, "; its whole output is in {}", log.display()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CommandFailed {}

/// Runs a command with both outputs in `log`, and shows the log's last line as the step's note.
pub fn logged(step: &Step<'_>, what: &str, command: &mut Command, log: &Path) -> anyhow::Result<()> {
    let file = create_log(log)?;
    command.stdout(file.try_clone().context("cannot share the log")?).stderr(file);
    let mut child = start(what, command)?;
    let mut noted = Instant::now();
    let status = wait(&mut child, || {
        if noted.elapsed() > Duration::from_millis(200) {
            noted = Instant::now();
            if let Some(line) = tail(log, 1).pop() {
                step.note(&line);
            }
        }
    })?;
    succeeded(what, status, Some(log))
}

/// Runs a command and answers its standard output; standard error goes to `log`.
pub fn captured(what: &str, command: &mut Command, log: &Path) -> anyhow::Result<String> {
    let (status, output) = captured_status(what, command, log)?;
    succeeded(what, status, Some(log))?;
    Ok(output)
}

/// As [`captured`], for commands whose exit code says more than success or failure.
pub fn captured_status(
    what: &str,
    command: &mut Command,
    log: &Path,
) -> anyhow::Result<(ExitStatus, String)> {
    let mut name = log.file_name().unwrap_or_default().to_os_string();
    name.push(".stdout");
    let output_path = log.with_file_name(name);
    command.stderr(create_log(log)?);
    command.stdout(create_log(&output_path)?);
    let mut child = start(what, command)?;
    let status = wait(&mut child, || ())?;
    let output =
        fs::read_to_string(&output_path).with_context(|| format!("cannot read what {what} printed"))?;
    fs::remove_file(&output_path).with_context(|| format!("cannot remove {}", output_path.display()))?;
    Ok((status, output))
}

/// Runs a command whose output the user reads as it comes.
pub fn streamed(what: &str, command: &mut Command) -> anyhow::Result<()> {
    let mut child = start(what, command)?;
    let status = wait(&mut child, || ())?;
    succeeded(what, status, None)
}

fn succeeded(what: &str, status: ExitStatus, log: Option<&Path>) -> anyhow::Result<()> {
    if status.success() {
        return Ok(());
    }
    let tail = log.map(|log| tail(log, TAIL_LINES)).unwrap_or_default();
    Err(CommandFailed { what: what.to_owned(), status, log: log.map(relative), tail }.into())
}

fn relative(path: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|dir| path.strip_prefix(dir).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| path.to_path_buf())
}

fn create_log(log: &Path) -> anyhow::Result<File> {
    if let Some(dir) = log.parent() {
        create_dir(dir)?;
    }
    File::create(log).with_context(|| format!("cannot write the log {}", log.display()))
}

fn start(what: &str, command: &mut Command) -> anyhow::Result<Child> {
    interrupt::check()?;
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {what} (`{}`)", command.get_program().to_string_lossy()))
}

/// Waits for the end of a command; a signal to this program ends the command first.
fn wait(child: &mut Child, mut meanwhile: impl FnMut()) -> anyhow::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a command")? {
            return Ok(status);
        }
        if let Err(interrupted) = interrupt::check() {
            end(child);
            return Err(interrupted.into());
        }
        meanwhile();
        sleep(POLL);
    }
}

/// Ends a command and everything in its process group: asks, waits, then insists.
pub fn end(child: &mut Child) {
    let group = Pid::from_child(child);
    for (signal, patience) in [(Signal::INT, GRACE), (Signal::TERM, Duration::from_secs(3))] {
        if kill_process_group(group, signal).is_err() {
            break;
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if matches!(child.try_wait(), Ok(Some(_))) {
                // Whatever of its group has stayed behind gets the last signal below.
                let _gone_already = kill_process_group(group, Signal::KILL);
                return;
            }
            sleep(POLL);
        }
    }
    let _gone_already = kill_process_group(group, Signal::KILL);
    let _unreachable_by_now = child.wait();
}

/// The last lines of a file that are not blank, oldest first.
pub fn tail(file: &Path, lines: usize) -> Vec<String> {
    let Ok(mut file) = File::open(file) else { return Vec::new() };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).is_err()
        || file.read_to_end(&mut bytes).is_err()
    {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut last: Vec<String> =
        text.lines().rev().filter(|line| !line.trim().is_empty()).take(lines).map(printable).collect();
    last.reverse();
    last
}

/// Without the control characters that would move the cursor of whoever reads it.
fn printable(line: &str) -> String {
    line.chars().filter(|character| !character.is_control() || *character == '\t').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines_in_order_without_blanks_and_control_characters() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "one\n\ntwo\n\u{1b}three\n\n").unwrap();
        assert_eq!(tail(&log, 2), ["two", "three"]);
        assert!(tail(&dir.path().join("absent"), 2).is_empty());
    }

    #[test]
    fn a_failing_command_reports_its_status_and_the_end_of_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let progress = crate::progress::Progress::new();
        let step = progress.step("a failing command");
        let error =
            logged(&step, "the command", Command::new("sh").args(["-c", "echo reason; exit 3"]), &log)
                .unwrap_err();
        step.done("as expected");
        let failed = error.downcast_ref::<CommandFailed>().unwrap();
        assert_eq!(failed.tail, ["reason"]);
        assert!(
            failed.to_string().starts_with("the command failed (exit status: 3); its whole output is in")
        );
    }

    #[test]
    fn what_a_command_prints_is_answered_without_its_standard_error() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo answer; echo remark >&2"]);
        assert_eq!(captured("the command", &mut command, &log).unwrap(), "answer\n");
        assert_eq!(tail(&log, 5), ["remark"]);
    }

    #[test]
    fn ending_a_command_ends_its_children_too() {
        let mut child = Command::new("sh").args(["-c", "sleep 60 & wait"]).process_group(0).spawn().unwrap();
        let group = Pid::from_child(&child);
        end(&mut child);
        let deadline = Instant::now() + Duration::from_secs(5);
        while crate::process::snapshot().iter().any(|process| process.group == group.as_raw_nonzero().get()) {
            assert!(Instant::now() < deadline, "a child stayed behind");
            sleep(POLL);
        }
    }
}
