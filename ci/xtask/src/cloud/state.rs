//! What is known of a running cloud: its processes, its ports, and what was applied to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::services;
use crate::layout::{CloudPaths, write_atomically};
use crate::process::Identity;

/// A process and where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The process.
    pub identity: Identity,
    /// Its port on the loopback interface.
    pub port: u16,
}

/// Written whenever it changes, so that whatever happens next, the processes can be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The emulator.
    pub emulator: Service,
    /// The payment processor and the carrier.
    pub sandbox: Service,
    /// The fingerprint of each root as it was last applied.
    pub applied: BTreeMap<String, String>,
    /// Whether the demo stock is loaded.
    pub seeded: bool,
}

impl State {
    /// The state of this cloud if all of it runs and answers.
    pub fn of_running(paths: &CloudPaths) -> anyhow::Result<Option<Self>> {
        let Some(state) = Self::load(paths)? else { return Ok(None) };
        let answers = services::is_healthy(&state.emulator, services::EMULATOR_HEALTH)
            && services::is_healthy(&state.sandbox, services::SANDBOX_HEALTH);
        Ok(answers.then_some(state))
    }

    /// Writes the state.
    pub fn save(&self, paths: &CloudPaths) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self).context("cannot write the cloud's state as JSON")?;
        write_atomically(&file(paths), &json)
    }

    fn load(paths: &CloudPaths) -> anyhow::Result<Option<Self>> {
        match fs::read(file(paths)) {
            // What an older version of this program wrote is a cloud to be built anew.
            Ok(json) => Ok(serde_json::from_slice(&json).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file(paths).display())),
        }
    }

    /// Records a process before anything else happens to it.
    pub fn record_process(paths: &CloudPaths, name: &str, identity: &Identity) -> anyhow::Result<()> {
        let json = serde_json::to_vec(identity).context("cannot write a process as JSON")?;
        write_atomically(&paths.run().join(format!("{name}.pid.json")), &json)
    }

    /// The processes recorded so far.
    pub fn identities(paths: &CloudPaths) -> Vec<Identity> {
        let Ok(entries) = fs::read_dir(paths.run()) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".pid.json"))
            .filter_map(|entry| fs::read(entry.path()).ok())
            .filter_map(|json| serde_json::from_slice(&json).ok())
            .collect()
    }

    /// Makes the token that every process of a new cloud carries.
    pub fn new_token(paths: &CloudPaths) -> anyhow::Result<String> {
        let token = format!("{:016x}", getrandom::u64().context("the system gives no random number")?);
        write_atomically(&token_file(paths), token.as_bytes())?;
        Ok(token)
    }

    /// The token of the cloud that was started last.
    pub fn token(paths: &CloudPaths) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(token_file(paths)) {
            Ok(token) => Ok(Some(token).filter(|token| !token.is_empty())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", token_file(paths).display())),
        }
    }
}

fn file(paths: &CloudPaths) -> PathBuf {
    paths.run().join("cloud.json")
}

fn token_file(paths: &CloudPaths) -> PathBuf {
    paths.run().join("token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pid: i32) -> Identity {
        Identity { pid, started: "boot/1".into() }
    }

    #[test]
    fn a_cloud_is_remembered_and_one_of_another_version_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let paths = CloudPaths { dir: dir.path().to_path_buf() };
        assert_eq!(State::load(&paths).unwrap(), None);
        let service = |pid, port| Service { identity: identity(pid), port };
        let state = State {
            emulator: service(1, 10),
            sandbox: service(2, 20),
            applied: BTreeMap::new(),
            seeded: true,
        };
        state.save(&paths).unwrap();
        assert_eq!(State::load(&paths).unwrap(), Some(state));
        fs::write(file(&paths), "{}").unwrap();
        assert_eq!(State::load(&paths).unwrap(), None);
    }

    #[test]
    fn processes_and_the_token_are_found_before_the_cloud_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let paths = CloudPaths { dir: dir.path().to_path_buf() };
        assert_eq!(State::token(&paths).unwrap(), None);
        let token = State::new_token(&paths).unwrap();
        State::record_process(&paths, "emulator", &identity(7)).unwrap();
        assert_eq!(State::token(&paths).unwrap(), Some(token));
        assert_eq!(State::identities(&paths), [identity(7)]);
    }

    #[test]
    fn a_cloud_whose_processes_are_gone_does_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let paths = CloudPaths { dir: dir.path().to_path_buf() };
        let service = Service { identity: identity(i32::MAX), port: 1 };
        let state =
            State { emulator: service.clone(), sandbox: service, applied: BTreeMap::new(), seeded: false };
        state.save(&paths).unwrap();
        assert_eq!(State::of_running(&paths).unwrap(), None);
    }
}
