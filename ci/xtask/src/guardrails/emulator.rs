//! The emulator of the guardrails: its process, and questions to its API.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use crate::layout::{CloudPaths, Layout, create_dir};
use crate::progress::Progress;
use crate::{http, interrupt, ports, run, tools};

const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
const REGION: &str = "us-east-1";
const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
/// The account that whoever shows any credentials is in: the management account here, and a workload's.
pub const MANAGEMENT: &str = "123456789012";

/// A running emulator, which ends when this is dropped.
pub struct Emulator {
    child: Child,
    port: u16,
}

/// The organization that the guardrails bind.
pub struct Organization {
    /// The id of its root.
    pub root: String,
    /// The unit of the workload accounts.
    pub unit: String,
    /// The security account.
    pub security: String,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        run::end(&mut self.child);
    }
}

impl Emulator {
    /// Starts it on a free port and waits until it answers.
    pub fn start(layout: &Layout, paths: &CloudPaths, progress: &Progress) -> anyhow::Result<Self> {
        let bin = tools::python(layout, progress)?;
        let step = progress.step("start the emulator of accounts");
        create_dir(&paths.logs())?;
        create_dir(&paths.run())?;
        let port = ports::free()?;
        let log = paths.logs().join("moto.log");
        let file =
            std::fs::File::create(&log).with_context(|| format!("cannot write the log {}", log.display()))?;
        let mut command = Command::new(bin.join("moto_server"));
        command
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .env("HOME", paths.run())
            // The policies of AWS that roles are given.
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .current_dir(paths.run())
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("cannot share the log")?)
            .stderr(file)
            .process_group(0);
        let child = command.spawn().context("cannot start the emulator of accounts (`moto_server`)")?;
        let mut emulator = Self { child, port };
        let deadline = Instant::now() + PATIENCE;
        while http::get_status(port, "/moto-api/").is_err() {
            interrupt::check()?;
            if emulator.child.try_wait().context("cannot watch the emulator")?.is_some() {
                bail!("the emulator ended at once; its output is in {}", log.display());
            }
            if Instant::now() > deadline {
                bail!("the emulator did not answer within {} s; see {}", PATIENCE.as_secs(), log.display());
            }
            sleep(POLL);
        }
        step.done(&format!("port {port}"));
        Ok(emulator)
    }

    /// What a company has before it applies guardrails: accounts, a unit, and the two settings that README asks for.
    pub fn found_organization(&self) -> anyhow::Result<Organization> {
        let ask =
            |action: &str, body: Value| self.json(MANAGEMENT, "organizations", ORGANIZATIONS, action, &body);
        ask("CreateOrganization", json!({"FeatureSet": "ALL"}))?;
        let root = text(&ask("ListRoots", json!({}))?, "/Roots/0/Id")?;
        ask("EnablePolicyType", json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"}))?;
        ask("EnableAWSServiceAccess", json!({"ServicePrincipal": "cloudtrail.amazonaws.com"}))?;
        let unit = ask("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "workloads"}))?;
        let account =
            ask("CreateAccount", json!({"Email": "security@example.com", "AccountName": "security"}))?;
        Ok(Organization {
            root,
            unit: text(&unit, "/OrganizationalUnit/Id")?,
            security: text(&account, "/CreateAccountStatus/AccountId")?,
        })
    }

    /// What points Terraform at the emulator, and the variables that only it knows.
    pub fn environment(&self, organization: &Organization) -> Vec<(String, String)> {
        let Organization { unit, security, .. } = organization;
        let pairs = [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("TF_VAR_security_account", json!({"id": security}).to_string()),
            ("TF_VAR_workload_targets", json!({"squads": unit}).to_string()),
            // Both roots are applied at the same time, so the account is told the key's form and not its id.
            (
                "TF_VAR_audit",
                json!({
                    "bucket": format!("lakeside-audit-{security}-{REGION}"),
                    "key_arn": format!("arn:aws:kms:{REGION}:{security}:key/00000000-0000-0000-0000-000000000000"),
                })
                .to_string(),
            ),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Asks a service that speaks JSON.
    pub fn json(
        &self,
        account: &str,
        service: &str,
        target: &str,
        action: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let head = format!(
            "{}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}.{action}",
            Self::head("POST", "/", account, service)
        );
        parse(action, &self.send(action, &head, &body.to_string())?)
    }

    /// Asks a service that speaks REST.
    pub fn get(&self, account: &str, service: &str, path: &str) -> anyhow::Result<Value> {
        parse(path, &self.send(path, &Self::head("GET", path, account, service), "")?)
    }

    /// Asks a service that speaks XML.
    pub fn query(&self, service: &str, form: &str) -> anyhow::Result<String> {
        let head = format!(
            "{}\r\nContent-Type: application/x-www-form-urlencoded",
            Self::head("POST", "/", MANAGEMENT, service)
        );
        self.send(form, &head, form)
    }

    /// The emulator reads the service from the signature's scope, and checks no signature.
    fn head(method: &str, path: &str, account: &str, service: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nx-moto-account-id: {account}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=none"
        )
    }

    fn send(&self, what: &str, head: &str, body: &str) -> anyhow::Result<String> {
        let (status, answer) =
            http::exchange(self.port, head, body).with_context(|| format!("`{what}` failed"))?;
        if status != 200 {
            bail!("the emulator answers `{what}` with {status}: {answer}");
        }
        Ok(answer)
    }
}

fn parse(what: &str, answer: &str) -> anyhow::Result<Value> {
    serde_json::from_str(answer)
        .with_context(|| format!("the emulator answers `{what}` without JSON: `{answer}`"))
}

/// The text at a place of an answer.
pub fn text(answer: &Value, place: &str) -> anyhow::Result<String> {
    let found = answer.pointer(place).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| anyhow!("there is no {place} in `{answer}`"))
}
