//! What opens the payment processor, and its rotation, which the emulator's Secrets Manager does not start by itself.

use anyhow::{Context, ensure};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use serde_json::json;
use uuid::Uuid;

use crate::cloud::Cloud;

/// The steps in which Secrets Manager rotates.
pub const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
const PENDING: &str = "AWSPENDING";

/// The name of the secret with the processor's key; what the labels of our keys begin with, too.
pub fn secret(cloud: &Cloud) -> String {
    format!("{}/payment-processor", cloud.prefix)
}

/// The current key, if there is one.
///
/// # Errors
/// If the secrets cannot be read.
pub async fn current(cloud: &Cloud) -> anyhow::Result<Option<String>> {
    value(cloud, CURRENT).await
}

/// The key before the current one, if there is one.
///
/// # Errors
/// If the secrets cannot be read.
pub async fn previous(cloud: &Cloud) -> anyhow::Result<Option<String>> {
    value(cloud, PREVIOUS).await
}

async fn value(cloud: &Cloud, stage: &str) -> anyhow::Result<Option<String>> {
    let read = cloud.secrets.get_secret_value().secret_id(secret(cloud)).version_stage(stage).send().await;
    match read {
        Ok(value) => Ok(value.secret_string),
        Err(error)
            if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).context("the processor's key cannot be read"),
    }
}

/// Makes `key` the current one, as somebody does by hand.
///
/// # Errors
/// If there is no such secret.
pub async fn put(cloud: &Cloud, key: &str) -> anyhow::Result<()> {
    let put = cloud.secrets.put_secret_value().secret_id(secret(cloud)).secret_string(key);
    put.send().await.context("no secret for the processor's key")?;
    Ok(())
}

/// Sees to it that the current key opens the processor.
///
/// # Errors
/// If there is no secret, or no room for a key.
pub async fn seed(cloud: &Cloud) -> anyhow::Result<()> {
    if let Some(key) = current(cloud).await?
        && cloud.sandbox.key_id(&key).await?.is_some()
    {
        return Ok(());
    }
    let made = cloud.sandbox.issue_key(&format!("{}/by-hand", secret(cloud))).await?;
    put(cloud, &made.key).await?;
    forget_the_empty_version(cloud).await
}

/// A secret that is made without a value has a version without one here, which would be the one before; on AWS it has none.
async fn forget_the_empty_version(cloud: &Cloud) -> anyhow::Result<()> {
    if previous(cloud).await?.is_some() {
        return Ok(());
    }
    let described = cloud.secrets.describe_secret().secret_id(secret(cloud)).send().await?;
    let versions = described.version_ids_to_stages.unwrap_or_default();
    for (version, _) in versions.iter().filter(|(_, stages)| stages.iter().any(|stage| stage == PREVIOUS)) {
        let taken =
            cloud.secrets.update_secret_version_stage().secret_id(secret(cloud)).version_stage(PREVIOUS);
        taken.remove_from_version_id(version).send().await.context("the empty version stays")?;
    }
    Ok(())
}

/// Begins a rotation as Secrets Manager does: with a pending version that has no value. Answers its id.
///
/// # Errors
/// If there is no such secret.
pub async fn begin(cloud: &Cloud, kind: &str) -> anyhow::Result<String> {
    let version = format!("{kind}{}", Uuid::new_v4());
    let put = cloud.secrets.put_secret_value().secret_id(secret(cloud));
    put.client_request_token(&version).version_stages(PENDING).send().await.context("nothing to rotate")?;
    Ok(version)
}

/// Asks for a step of a rotation as Secrets Manager does.
///
/// # Errors
/// If the function fails.
pub async fn step(cloud: &Cloud, step: &str, version: &str) -> anyhow::Result<()> {
    let described = cloud.secrets.describe_secret().secret_id(secret(cloud)).send().await?;
    let request = json!({
        "Step": step, "SecretId": described.arn.context("a secret without ARN")?, "ClientRequestToken": version,
    });
    cloud.signed.invoke(&cloud.name("rotate-processor-key:live"), &request).await?;
    Ok(())
}

/// Rotates as Secrets Manager does.
///
/// # Errors
/// If a step fails.
pub async fn rotate(cloud: &Cloud) -> anyhow::Result<()> {
    let version = begin(cloud, "").await?;
    for asked in STEPS {
        step(cloud, asked, &version).await?;
    }
    let described = cloud.secrets.describe_secret().secret_id(secret(cloud)).send().await?;
    let versions = described.version_ids_to_stages.unwrap_or_default();
    let stages = versions.get(&version).map(Vec::as_slice).unwrap_or_default();
    ensure!(stages == [CURRENT], "the new version stands at {stages:?}");
    Ok(())
}
