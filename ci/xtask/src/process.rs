//! Processes that outlive this program, and how to end exactly them later.
//!
//! A process id alone may belong to somebody else by the time it is used, so every record also carries when
//! the process started and a token that its environment holds. The emulator runs each function as a child which
//! inherits the environment: the token finds those children even when the emulator itself is gone.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// The environment variable that marks every process of one cloud.
pub const TOKEN_VARIABLE: &str = "LAKESIDE_CLOUD_TOKEN";

/// How long a process may take to end by itself once asked.
const GRACE: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(50);

/// What identifies a process for as long as the machine is up, and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: i32,
    /// When it started, in whatever form the system tells it.
    pub started: String,
}

/// One running process as the system lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Id and start.
    pub identity: Identity,
    /// Its process group.
    pub group: i32,
}

impl Identity {
    /// Whether this very process still runs.
    pub fn is_alive(&self) -> bool {
        snapshot().iter().any(|process| process.identity == *self)
    }
}

/// Starts a process that outlives this program: in a group of its own, without a terminal, output in `log`.
pub fn start_detached(
    what: &str,
    command: &mut Command,
    token: &str,
    log: &Path,
) -> anyhow::Result<(Child, Identity)> {
    let file = File::create(log).with_context(|| format!("cannot write the log {}", log.display()))?;
    let child = command
        .env(TOKEN_VARIABLE, token)
        .stdin(Stdio::null())
        .stdout(file.try_clone().context("cannot share the log")?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {what} (`{}`)", command.get_program().to_string_lossy()))?;
    let pid = Pid::from_child(&child).as_raw_nonzero().get();
    let identity = snapshot()
        .into_iter()
        .map(|process| process.identity)
        .find(|identity| identity.pid == pid)
        .ok_or_else(|| {
            anyhow!("{what} ended as soon as it was started; its output is in {}", log.display())
        })?;
    Ok((child, identity))
}

/// Ends the recorded processes and every process that carries the token. Answers how many were still there.
pub fn end_all(recorded: &[Identity], token: &str) -> usize {
    let ours = || members(&snapshot(), recorded, token, &environment_has_token);
    let recorded_ones = || -> Vec<Process> {
        ours().into_iter().filter(|process| recorded.contains(&process.identity)).collect()
    };
    let found = ours().len();
    // The recorded ones first and gently: the emulator ends the functions that it runs.
    send_to_all(&recorded_ones(), Signal::TERM);
    if !gone_within(GRACE, &recorded_ones) {
        send_to_all(&recorded_ones(), Signal::KILL);
    }
    send_to_all(&ours(), Signal::TERM);
    if !gone_within(Duration::from_secs(2), &ours) {
        send_to_all(&ours(), Signal::KILL);
        gone_within(Duration::from_secs(5), &ours);
    }
    found
}

fn gone_within(patience: Duration, left: &dyn Fn() -> Vec<Process>) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if left().is_empty() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(POLL);
    }
}

fn send_to_all(processes: &[Process], signal: Signal) {
    for pid in processes.iter().filter_map(|process| Pid::from_raw(process.identity.pid)) {
        // A process that has ended meanwhile is what was wanted.
        let _ended_meanwhile = kill_process(pid, signal);
    }
}

/// The processes of one cloud: the recorded ones, and those marked with its token.
fn members(
    all: &[Process],
    recorded: &[Identity],
    token: &str,
    has_token: &dyn Fn(i32, &str) -> bool,
) -> Vec<Process> {
    all.iter()
        .filter(|process| recorded.contains(&process.identity) || has_token(process.identity.pid, token))
        .cloned()
        .collect()
}

/// Every process that runs now, dead ones that nobody has collected left out.
#[cfg(target_os = "linux")]
pub fn snapshot() -> Vec<Process> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| parse_stat(&stat, boot.trim()))
        .collect()
}

/// Reads one line of `/proc/<pid>/stat`. The command's name may hold spaces and parentheses.
#[cfg(target_os = "linux")]
fn parse_stat(stat: &str, boot: &str) -> Option<Process> {
    let (head, rest) = stat.rsplit_once(')')?;
    let pid = head.split_whitespace().next()?.parse().ok()?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let ticks = fields.nth(16)?;
    let dead = matches!(state, "Z" | "X" | "x");
    (!dead).then(|| Process { identity: Identity { pid, started: format!("{boot}/{ticks}") }, group })
}

#[cfg(target_os = "linux")]
fn environment_has_token(pid: i32, token: &str) -> bool {
    let wanted = format!("{TOKEN_VARIABLE}={token}");
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    })
}

/// Every process that runs now, from `ps`.
#[cfg(not(target_os = "linux"))]
pub fn snapshot() -> Vec<Process> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,pgid=,stat=,lstart="]).output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_ps).collect()
}

#[cfg(not(target_os = "linux"))]
fn parse_ps(line: &str) -> Option<Process> {
    let mut fields = line.split_whitespace();
    let pid = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let state = fields.next()?;
    let started = fields.collect::<Vec<_>>().join(" ");
    (!state.starts_with('Z')).then_some(Process { identity: Identity { pid, started }, group })
}

#[cfg(not(target_os = "linux"))]
fn environment_has_token(pid: i32, token: &str) -> bool {
    let output = Command::new("ps").args(["-E", "-o", "command=", "-p", &pid.to_string()]).output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains(&format!("{TOKEN_VARIABLE}={token}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, started: &str) -> Process {
        Process { identity: Identity { pid, started: started.into() }, group: pid }
    }

    #[test]
    fn a_recycled_process_id_is_not_ours() {
        let recorded = [Identity { pid: 7, started: "boot/100".into() }];
        let recycled = [process(7, "boot/200")];
        assert!(members(&recycled, &recorded, "token", &|_, _| false).is_empty());
    }

    #[test]
    fn functions_are_found_by_the_token_when_the_emulator_is_gone() {
        let recorded = [Identity { pid: 7, started: "boot/100".into() }];
        let all = [process(8, "boot/150"), process(9, "boot/160")];
        let found = members(&all, &recorded, "token", &|pid, token| pid == 9 && token == "token");
        assert_eq!(found, [process(9, "boot/160")]);
    }

    #[test]
    fn a_detached_process_and_its_children_end_and_others_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let token = format!("test-{}", std::process::id());
        let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let (mut child, identity) =
            start_detached("a test", &mut command, &token, &dir.path().join("log")).unwrap();
        assert!(identity.is_alive());
        let pid = identity.pid;
        while snapshot().iter().filter(|process| process.group == pid).count() < 2 {
            sleep(POLL);
        }
        assert_eq!(end_all(std::slice::from_ref(&identity), &token), 2);
        assert!(!identity.is_alive());
        assert!(snapshot().iter().all(|process| process.group != pid));
        child.wait().unwrap();
        assert!(bystander.try_wait().unwrap().is_none(), "a process that is not ours was ended");
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_line_is_read_whatever_the_command_is_called() {
        let stat = "42 (a (b) c) S 1 40 39 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 8675309 1000 1";
        let parsed = parse_stat(stat, "boot").unwrap();
        assert_eq!(parsed.identity, Identity { pid: 42, started: "boot/8675309".into() });
        assert_eq!(parsed.group, 40);
        assert_eq!(parse_stat(&stat.replace(" S ", " Z "), "boot"), None);
    }
}
