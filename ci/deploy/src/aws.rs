//! Lambda, CloudWatch, CodeDeploy, S3 and SSM behind the port, by signed calls.

mod answers;

use std::time::Duration;

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::answers::{alias, encoded, shift, text};
use crate::{
    deploy::LATEST,
    package::Package,
    ports::{Alias, Cloud, Edition, Shift},
    signed::SignedCalls,
    target::Target,
};

const POLL: Duration = Duration::from_millis(500);
/// How long a function may take to take its new code.
const PATIENCE: Duration = Duration::from_mins(5);
/// What is told of a version, and says when and as what it was published, not what it does.
const PASSING: [&str; 14] = [
    "CodeSize",
    "Description",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "MasterArn",
    "RevisionId",
    "RuntimeVersionConfig",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
];

/// AWS, or what stands for it.
pub struct Aws(SignedCalls);

impl Aws {
    /// As whoever the environment says.
    pub async fn of_environment() -> anyhow::Result<Self> {
        Ok(Self(SignedCalls::of_environment().await?))
    }

    /// The value of an SSM parameter.
    pub async fn parameter(&self, name: &str) -> anyhow::Result<String> {
        let answer = self.0.json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name })).await?;
        text(&answer, "/Parameter/Value")
    }

    async fn code_deploy(&self, action: &str, body: &Value) -> anyhow::Result<Value> {
        self.0.json("codedeploy", &format!("CodeDeploy_20141006.{action}"), body).await
    }

    async fn configuration(&self, function: &str, version: &str) -> anyhow::Result<Value> {
        let which = if version == LATEST { String::new() } else { format!("?Qualifier={version}") };
        self.0.get("lambda", &format!("{}/configuration{which}", path(function))).await
    }
}

impl Cloud for Aws {
    async fn alias(&self, target: &Target) -> anyhow::Result<Alias> {
        let answer =
            self.0.get("lambda", &format!("{}/aliases/{}", path(&target.function), target.alias)).await?;
        alias(&answer)
    }

    async fn point(
        &self,
        target: &Target,
        seen: &Alias,
        version: &str,
        second: Option<(&str, u32)>,
    ) -> anyhow::Result<Alias> {
        let weights: serde_json::Map<String, Value> = second
            .into_iter()
            .map(|(version, percent)| (version.to_owned(), json!(f64::from(percent) / 100.0)))
            .collect();
        let body = json!({
            "FunctionVersion": version,
            "RoutingConfig": { "AdditionalVersionWeights": weights },
            "RevisionId": seen.revision,
        });
        let path = format!("{}/aliases/{}", path(&target.function), target.alias);
        let answer = self.0.rest("lambda", Method::PUT, &path, &body).await;
        alias(&answer.context("cannot move the alias, which somebody else may be moving")?)
    }

    async fn edition(&self, function: &str, version: &str) -> anyhow::Result<Edition> {
        let mut kept = self.configuration(function, version).await?;
        let code = text(&kept, "/CodeSha256")?;
        if let Some(kept) = kept.as_object_mut() {
            kept.retain(|name, _| !PASSING.contains(&name.as_str()));
            // Whoever may not read the variables cannot tell whether they are the same. Lambda can, when it is asked to
            // publish: what is told of the two is therefore made to differ.
            if kept.get("Environment").is_some_and(|environment| environment.get("Error").is_some()) {
                kept.insert("Environment".to_owned(), json!(version));
            }
        }
        Ok(Edition { code, kept })
    }

    async fn versions(&self, function: &str) -> anyhow::Result<Vec<u64>> {
        let mut versions = Vec::new();
        let mut marker = String::new();
        loop {
            let page =
                self.0.get("lambda", &format!("{}/versions?MaxItems=50{marker}", path(function))).await?;
            let listed = page.pointer("/Versions").and_then(Value::as_array).into_iter().flatten();
            // `$LATEST` is listed among them, and is no number.
            versions.extend(listed.filter_map(|version| text(version, "/Version").ok()?.parse::<u64>().ok()));
            match text(&page, "/NextMarker") {
                Ok(next) if !next.is_empty() => marker = format!("&Marker={}", encoded(&next)),
                _ => break,
            }
        }
        versions.sort_unstable();
        Ok(versions)
    }

    async fn update(
        &self,
        function: &str,
        package: &Package,
        at: Option<(&str, &str)>,
    ) -> anyhow::Result<()> {
        let body = match at {
            Some((bucket, key)) => json!({ "S3Bucket": bucket, "S3Key": key }),
            None => json!({ "ZipFile": STANDARD.encode(&package.bytes) }),
        };
        self.0.rest("lambda", Method::PUT, &format!("{}/code", path(function)), &body).await?;
        let mut left = PATIENCE;
        loop {
            let now = self.configuration(function, LATEST).await?;
            match text(&now, "/LastUpdateStatus").unwrap_or_default().as_str() {
                "Successful" if text(&now, "/CodeSha256")? == package.code => return Ok(()),
                "Successful" => bail!("{function} has other code than was brought: somebody else deploys it"),
                "Failed" => bail!(
                    "{function} does not take its code: {}",
                    now.pointer("/LastUpdateStatusReason").unwrap_or(&Value::Null)
                ),
                _ if left.is_zero() => bail!("{function} has not taken its code in {} s", PATIENCE.as_secs()),
                _ => {}
            }
            sleep(POLL).await;
            left = left.saturating_sub(POLL);
        }
    }

    async fn upload(&self, bucket: &str, key: &str, package: &Package) -> anyhow::Result<bool> {
        self.0.put_object_once(bucket, key, package.bytes.clone()).await
    }

    async fn publish(&self, function: &str, code: &str) -> anyhow::Result<String> {
        let body = json!({ "CodeSha256": code });
        let answer =
            self.0.rest("lambda", Method::POST, &format!("{}/versions", path(function)), &body).await?;
        text(&answer, "/Version")
    }

    async fn rings(&self, alarm: &str) -> anyhow::Result<bool> {
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let answer = self.0.json_1_0("monitoring", target, &json!({ "AlarmNames": [alarm] })).await?;
        match answer.pointer("/MetricAlarms/0/StateValue").and_then(Value::as_str) {
            Some(state) => Ok(state == "ALARM"),
            // A shift that nobody watches must not look like one that goes well.
            None => bail!("there is no alarm {alarm}"),
        }
    }

    async fn under_way(&self, application: &str, target: &Target) -> anyhow::Result<Option<String>> {
        let body = json!({
            "applicationName": application,
            "deploymentGroupName": target.function,
            "includeOnlyStatuses": ["Created", "Queued", "InProgress", "Ready", "Baking"],
        });
        let answer = self.code_deploy("ListDeployments", &body).await?;
        Ok(text(&answer, "/deployments/0").ok())
    }

    async fn begin(
        &self,
        application: &str,
        target: &Target,
        (from, to): (&str, &str),
        despite_alarm: bool,
    ) -> anyhow::Result<String> {
        let revision = json!({
            "version": 0.0,
            "Resources": [{
                "function": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Name": target.function,
                        "Alias": target.alias,
                        "CurrentVersion": from,
                        "TargetVersion": to,
                    },
                },
            }],
        });
        let mut body = json!({
            "applicationName": application,
            "deploymentGroupName": target.function,
            "revision": { "revisionType": "AppSpecContent", "appSpecContent": { "content": revision.to_string() } },
        });
        if despite_alarm && let Some(body) = body.as_object_mut() {
            body.insert("overrideAlarmConfiguration".to_owned(), json!({ "enabled": false }));
        }
        text(&self.code_deploy("CreateDeployment", &body).await?, "/deploymentId")
    }

    async fn shift(&self, id: &str) -> anyhow::Result<Shift> {
        let told = async |id: &str| self.code_deploy("GetDeployment", &json!({ "deploymentId": id })).await;
        let answer = told(id).await?;
        let ended = shift(&answer)?;
        // What takes a shift back is a deployment of its own.
        match text(&answer, "/deploymentInfo/rollbackInfo/rollbackDeploymentId") {
            Ok(back) if matches!(ended, Shift::TakenBack(_)) => match shift(&told(&back).await?)? {
                Shift::UnderWay => Ok(Shift::UnderWay),
                Shift::Succeeded => Ok(ended),
                Shift::TakenBack(reason) => bail!("the shift {id} could not be taken back: {reason}"),
            },
            _ => Ok(ended),
        }
    }

    async fn stop(&self, id: &str) -> anyhow::Result<()> {
        let body = json!({ "deploymentId": id, "autoRollbackEnabled": true });
        self.code_deploy("StopDeployment", &body).await?;
        Ok(())
    }

    async fn wait(&self, time: Duration) {
        sleep(time).await;
    }
}

fn path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}")
}
