//! The values that a cloud's users need: Terraform's variables before it is applied, the environment file after.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::state::State;
use crate::envfile;
use crate::layout::{Layout, write_atomically};
use crate::terraform::{FULFILMENT, PLATFORM, Workspace};

/// The emulator's default region; a local cloud has one.
pub const REGION: &str = "us-east-1";
/// Id and secret of the emulator's root user, whose account is 000000000000.
pub const ACCESS_KEY: &str = "test";

/// The marketplaces of the sandbox.
const MARKETPLACES: [&str; 2] = ["alpine-market", "trailhead"];

/// Names and values in the order in which they are written.
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// The value of a variable, empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// The same, with these values instead of others of their names.
    #[must_use]
    pub fn with(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in values {
            self.0.retain(|(other, _)| *other != name);
            self.0.push((name, value));
        }
        self
    }

    /// Writes the environment file.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        write_atomically(file, envfile::render(&self.0).as_bytes())
    }

    #[cfg(test)]
    pub fn of<const N: usize>(values: [(&str, &str); N]) -> Self {
        Self(values.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// All of them, for a command's environment.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Points Terraform's provider at the emulator and tells the roots what only this machine knows.
pub fn for_terraform(layout: &Layout, state: &State) -> Vec<(String, String)> {
    let sandbox = format!("http://127.0.0.1:{}", state.sandbox.port);
    let mut variables = aws(state);
    variables.extend(
        [
            ("TF_VAR_artifacts_dir", layout.artifacts().to_string_lossy().into_owned()),
            ("TF_VAR_payment_processor_url", sandbox.clone()),
            ("TF_VAR_carrier_url", sandbox.clone()),
            ("TF_VAR_marketplaces", marketplaces(&sandbox)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    variables
}

/// The sandbox's marketplaces, as Terraform takes a map.
fn marketplaces(sandbox: &str) -> String {
    let marketplaces: BTreeMap<&str, Value> = MARKETPLACES
        .into_iter()
        .map(|name| (name, json!({ "url": format!("{sandbox}/marketplaces/{name}") })))
        .collect();
    json!(marketplaces).to_string()
}

/// What is in the environment file.
pub fn for_users(workspace: &Workspace<'_>, state: &State) -> anyhow::Result<Variables> {
    let platform = workspace.outputs(&PLATFORM)?;
    let fulfilment = workspace.outputs(&FULFILMENT)?;
    let endpoint = endpoint(state);
    let api = format!(
        "{endpoint}/restapis/{}/{}/_user_request_",
        text(&platform, "/platform/api/id")?,
        text(&platform, "/platform/api/stage")?
    );
    let mut variables: Vec<(String, String)> = [
        ("LAKESIDE_API_URL", api),
        ("LAKESIDE_PREFIX", text(&platform, "/platform/prefix")?),
        ("LAKESIDE_USER_POOL_ID", text(&platform, "/platform/user_pool/id")?),
        ("LAKESIDE_USER_POOL_CLIENT_ID", text(&platform, "/platform/user_pool/client_id")?),
        ("LAKESIDE_SANDBOX_URL", format!("http://127.0.0.1:{}", state.sandbox.port)),
        ("LAKESIDE_STATE_MACHINE_ARN", text(&fulfilment, "/state_machine_arn")?),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    variables.extend(aws(state));
    Ok(Variables(variables))
}

fn aws(state: &State) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint(state)),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn endpoint(state: &State) -> String {
    format!("http://127.0.0.1:{}", state.emulator.port)
}

fn text(outputs: &Value, pointer: &str) -> anyhow::Result<String> {
    let value = outputs.pointer(pointer).and_then(Value::as_str);
    value.map(str::to_owned).ok_or_else(|| {
        anyhow!("Terraform has no output `{}`", pointer.trim_start_matches('/').replace('/', "."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_marketplace_has_its_own_place_in_the_sandbox() {
        let marketplaces: Value = serde_json::from_str(&marketplaces("http://127.0.0.1:1")).unwrap();
        for name in MARKETPLACES {
            assert_eq!(marketplaces[name]["url"], format!("http://127.0.0.1:1/marketplaces/{name}"));
        }
    }

    #[test]
    fn a_missing_output_is_named() {
        let outputs = serde_json::json!({"platform": {"api": {"id": "abc"}}});
        assert_eq!(text(&outputs, "/platform/api/id").unwrap(), "abc");
        let error = text(&outputs, "/platform/api/stage").unwrap_err().to_string();
        assert_eq!(error, "Terraform has no output `platform.api.stage`");
    }
}
