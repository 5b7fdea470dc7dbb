//! What a deployment asks of the cloud.

use std::time::Duration;

use crate::{package::Package, target::Target};

/// How a deployment ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is as it was wanted.
    Done,
    /// An alarm rang, and callers have the version from before.
    RolledBack,
}

/// Where an alias points.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// What it gives to those who are not chosen.
    pub version: String,
    /// A second version, and the percentage of invocations that get it.
    pub second: Option<(String, u32)>,
    /// Changes with every write, so that nobody overwrites what he has not seen.
    pub revision: String,
}

/// How a shift by CodeDeploy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shift {
    /// It goes on.
    UnderWay,
    /// All callers have the new version.
    Succeeded,
    /// It was taken back, for this reason.
    TakenBack(String),
}

/// A function's code and configuration as they are, or as they were published.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    /// Digest of the package, in Base64.
    pub code: String,
    /// Everything about it that a published version keeps.
    pub kept: serde_json::Value,
}

/// Lambda, CloudWatch and CodeDeploy.
pub trait Cloud {
    /// Where the alias points.
    async fn alias(&self, target: &Target) -> anyhow::Result<Alias>;
    /// Points it elsewhere, unless it was written since it was read.
    async fn point(
        &self,
        target: &Target,
        seen: &Alias,
        version: &str,
        second: Option<(&str, u32)>,
    ) -> anyhow::Result<Alias>;
    /// A published version, or `$LATEST`.
    async fn edition(&self, function: &str, version: &str) -> anyhow::Result<Edition>;
    /// The published versions, oldest first.
    async fn versions(&self, function: &str) -> anyhow::Result<Vec<u64>>;
    /// Brings code to `$LATEST`, through a bucket's key if there is one, and waits until the function has taken it.
    async fn update(&self, function: &str, package: &Package, at: Option<(&str, &str)>)
    -> anyhow::Result<()>;
    /// Puts a package into a bucket. Answers whether it was not there already.
    async fn upload(&self, bucket: &str, key: &str, package: &Package) -> anyhow::Result<bool>;
    /// Publishes `$LATEST` if it has this code. Answers the version; the one there is if nothing has changed.
    async fn publish(&self, function: &str, code: &str) -> anyhow::Result<String>;
    /// Whether an alarm rings.
    async fn rings(&self, alarm: &str) -> anyhow::Result<bool>;
    /// The shift by CodeDeploy that has not ended, if there is one.
    async fn under_way(&self, application: &str, target: &Target) -> anyhow::Result<Option<String>>;
    /// Begins a shift by CodeDeploy and answers its id.
    async fn begin(
        &self,
        application: &str,
        target: &Target,
        versions: (&str, &str),
        despite_alarm: bool,
    ) -> anyhow::Result<String>;
    /// How a shift stands.
    async fn shift(&self, id: &str) -> anyhow::Result<Shift>;
    /// Stops a shift and has it taken back.
    async fn stop(&self, id: &str) -> anyhow::Result<()>;
    /// Lets time pass.
    async fn wait(&self, time: Duration);
}
