//! The processes of a local cloud: the AWS emulator, and the sandbox of payment processor and carrier.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::state::{Service, State};
use super::variables::{ACCESS_KEY, REGION};
use crate::layout::{CloudPaths, Layout, create_dir, remove_dir};
use crate::process::{self, Identity};
use crate::progress::Progress;
use crate::{http, interrupt, ports, run};

/// Where the emulator says that it takes requests.
pub const EMULATOR_HEALTH: &str = "/_ministack/ready";
/// Where the sandbox says so.
pub const SANDBOX_HEALTH: &str = "/health";

const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// A port found free may be taken by somebody else before the emulator listens to it.
const ATTEMPTS: u32 = 3;

/// Whether the very process of the service runs and answers.
pub fn is_healthy(service: &Service, health: &str) -> bool {
    service.identity.is_alive() && http::get_status(service.port, health).is_ok_and(|status| status == 200)
}

/// Starts both and waits until both answer.
pub fn start(layout: &Layout, paths: &CloudPaths, progress: &Progress) -> anyhow::Result<State> {
    remove_dir(&paths.run())?;
    create_dir(&paths.logs())?;
    let token = State::new_token(paths)?;
    let step = progress.step("start the sandbox");
    let sandbox = start_sandbox(layout, paths, &token)?;
    step.done(&format!("port {}", sandbox.port));
    let step = progress.step("start the emulator");
    let emulator = start_emulator(layout, paths, &token)?;
    step.done(&format!("port {}", emulator.port));
    let state = State { emulator, sandbox, applied: std::collections::BTreeMap::new(), seeded: false };
    state.save(paths)?;
    Ok(state)
}

fn start_sandbox(layout: &Layout, paths: &CloudPaths, token: &str) -> anyhow::Result<Service> {
    let given = ports::given("LAKESIDE_SANDBOX_PORT")?;
    refuse_taken("LAKESIDE_SANDBOX_PORT", given)?;
    let log = paths.logs().join("sandbox.log");
    let mut command = Command::new(layout.binary("lakeside-sandbox"));
    command.args(["--port", &given.unwrap_or(0).to_string()]).current_dir(paths.run());
    let (mut child, identity) = process::start_detached("the sandbox", &mut command, token, &log)?;
    State::record_process(paths, "sandbox", &identity)?;
    let port = wait_until("the sandbox", &mut child, &log, || {
        let port = listening_port(&run::tail(&log, 20))?;
        http::get_status(port, SANDBOX_HEALTH).is_ok_and(|status| status == 200).then_some(port)
    })?;
    Ok(Service { identity, port })
}

/// The port in the line `listening on http://127.0.0.1:PORT`.
fn listening_port(lines: &[String]) -> Option<u16> {
    lines.iter().find_map(|line| line.split_once("listening on http://127.0.0.1:")?.1.trim().parse().ok())
}

fn start_emulator(layout: &Layout, paths: &CloudPaths, token: &str) -> anyhow::Result<Service> {
    let given = ports::given("LAKESIDE_PORT")?;
    refuse_taken("LAKESIDE_PORT", given)?;
    let log = paths.logs().join("emulator.log");
    let mut attempt = 1;
    loop {
        let port = given.map_or_else(ports::free, Ok)?;
        match start_emulator_at(layout, paths, token, port, &log) {
            Err(_) if attempt < ATTEMPTS && given.is_none() && !ports::is_free(port) => attempt += 1,
            Ok(identity) => return Ok(Service { identity, port }),
            Err(error) => return Err(error),
        }
    }
}

fn start_emulator_at(
    layout: &Layout,
    paths: &CloudPaths,
    token: &str,
    port: u16,
    log: &Path,
) -> anyhow::Result<Identity> {
    let scratch = paths.run().join("emulator");
    create_dir(&scratch.join("tmp"))?;
    let mut command = Command::new(layout.venv().join("bin/python"));
    command.arg(layout.root.join("ci/emulator/lakeside_emulator.py")).current_dir(&scratch).env_clear();
    command.envs(emulator_environment(&scratch, port));
    command.env("LAKESIDE_AUTHORIZATIONS", paths.authorizations());
    command.env("LAKESIDE_METER", paths.meter());
    command.env("LAKESIDE_REPLAY_PAUSE", paths.replay_pause());
    let (mut child, identity) = process::start_detached("the emulator", &mut command, token, log)?;
    State::record_process(paths, "emulator", &identity)?;
    wait_until("the emulator", &mut child, log, || {
        http::get_status(port, EMULATOR_HEALTH).is_ok_and(|status| status == 200).then_some(())
    })?;
    Ok(identity)
}

/// All that the emulator and the functions which it runs get to see: nothing of the user's own settings.
fn emulator_environment(scratch: &Path, port: u16) -> Vec<(&'static str, String)> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut environment = vec![
        ("GATEWAY_PORT", port.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        // Functions call this address instead of AWS.
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("AUTH", "true".to_owned()),
        // The saga's retries wait for minutes, which nobody wants to on a laptop.
        ("SFN_WAIT_SCALE", "0.02".to_owned()),
        // Listeners on fixed ports would keep a second clone from running.
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        // The emulator clears away containers of its own kind: it shall not see this machine's.
        ("DOCKER_HOST", format!("unix://{}", path(scratch.join("no-docker.sock")))),
        ("TMPDIR", path(scratch.join("tmp"))),
        ("STATE_DIR", path(scratch.join("state"))),
        ("S3_DATA_DIR", path(scratch.join("s3"))),
        ("HOME", path(scratch.to_path_buf())),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
    ];
    environment.extend(
        ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"]
            .into_iter()
            .filter_map(|name| Some((name, std::env::var(name).ok()?))),
    );
    environment
}

fn refuse_taken(variable: &str, given: Option<u16>) -> anyhow::Result<()> {
    match given {
        Some(port) if !ports::is_free(port) => {
            bail!("{variable} asks for port {port}, where something else listens already")
        }
        _ => Ok(()),
    }
}

/// Polls until `ready` answers, the process ends, or patience does.
fn wait_until<T>(
    what: &str,
    child: &mut Child,
    log: &Path,
    mut ready: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let failure = |how: &str| {
        let last = run::tail(log, 1).pop().unwrap_or_default();
        anyhow!("{what} {how}, its log {} ends with `{last}`", log.display())
    };
    loop {
        if let Some(answer) = ready() {
            return Ok(answer);
        }
        if child.try_wait().with_context(|| format!("cannot watch {what}"))?.is_some() {
            return Err(failure("ended at once"));
        }
        if Instant::now() > deadline {
            return Err(failure(&format!("did not answer within {} s", PATIENCE.as_secs())));
        }
        interrupt::check()?;
        sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_tells_its_port() {
        let lines = |text: &str| vec!["starting".to_owned(), text.to_owned()];
        assert_eq!(listening_port(&lines("listening on http://127.0.0.1:4567")), Some(4567));
        assert_eq!(listening_port(&lines("listening soon")), None);
    }

    #[test]
    fn the_emulator_keeps_to_its_own_directory_and_sees_no_settings_of_the_user() {
        let environment = emulator_environment(Path::new("/clone/.local/run/emulator"), 4566);
        let value = |name: &str| {
            environment.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
        };
        for name in ["TMPDIR", "STATE_DIR", "S3_DATA_DIR", "HOME"] {
            assert!(value(name).unwrap().starts_with("/clone/.local/run/emulator"), "{name}");
        }
        assert_eq!(value("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:4566"));
        assert_eq!(value("AUTH"), Some("true"));
        assert_eq!(value("AWS_PROFILE"), None);
    }
}
