//! Has a new key take the place of the payment processor's, while payments go on.
//!
//! Consumes: a step of a rotation, from Secrets Manager: create, set, test and finish a version of the secret.
//! Emits: nothing.
//! Idempotency key: the version. Its value, once it has one, stays; every step may be repeated, and may begin again where
//! another attempt at it has ended.
//! Retries: when the processor or the secrets are not there, or leave the outcome open.
//! Parks: steps for another secret or for a version that does not pend, a processor that no key of ours opens or that has
//! no room for another, and a new key that opens nothing.
//!
//! Two keys work at any time, the current and the previous one: a function goes on with what it has read until it reads
//! again, and what went wrong goes back by moving a stage. What is neither, and has our label, is ended: at the end of a
//! rotation, and before a new key is made.

use std::time::Duration;

use lakeside_domain::time::Timestamp;
use lakeside_kit::{
    clock::Pauses,
    disposition::{Disposed, Disposition},
    runtime::Invocation,
    secret::{Secret, SecretError},
    secret_versions::{SecretVersions, Stages},
};
use serde::Deserialize;

use crate::{
    outside::{OutsideError, patiently},
    processor_keys::{Issued, KeyId, KnownKey, ProcessorKeys},
};

/// No attempt lasts as long: Lambda ends every one before.
const ATTEMPT_SECONDS: u32 = 900;

/// A new key may need a moment before it opens.
const TESTS: usize = 5;
const BETWEEN_TESTS: Duration = Duration::from_secs(1);

/// What Secrets Manager asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationRequest {
    /// Which step.
    pub step: Step,
    /// The secret's ARN.
    pub secret_id: String,
    /// The version that is to become current.
    pub client_request_token: String,
}

/// The steps, in the order in which they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the new key and keeps it as the pending version.
    CreateSecret,
    /// Tells the processor: it knows the key, for it has made it.
    SetSecret,
    /// Tries the new key.
    TestSecret,
    /// Makes the new key the current one, and ends those that nobody uses any more.
    FinishSecret,
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// It has another function.
    #[error("`{0}` is not the secret with the processor's key")]
    OtherSecret(String),
    /// Nobody asked for it, or it was given up.
    #[error("version `{0}` is neither pending nor current")]
    NotPending(String),
    /// There is nothing to make current.
    #[error("version `{0}` has no value")]
    NoValue(String),
    /// The processor lets us in with none of what we have.
    #[error("neither the current key nor the previous one opens the processor")]
    LockedOut,
    /// All room is taken, by keys that are in use or not ours to end.
    #[error("the processor has no room for another key")]
    NoRoom,
    /// It must not become current.
    #[error("the new key opens nothing")]
    OpensNothing,
    /// The processor.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl Disposed for RotationError {
    fn disposition(&self) -> Disposition {
        match self {
            Self::OtherSecret(_)
            | Self::NotPending(_)
            | Self::LockedOut
            | Self::NoRoom
            | Self::OpensNothing => Disposition::Park,
            // It may be there at the next look.
            Self::NoValue(_) => Disposition::Retry,
            Self::Outside(error) => error.disposition(),
            Self::Secret(error) => error.disposition(),
        }
    }
}

/// The one secret that is rotated here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Its ARN.
    pub secret_id: String,
    /// What the labels of our keys begin with, before a slash.
    pub owner: String,
}

/// Takes one step.
///
/// # Errors
/// [`RotationError`]; the step may be repeated after any of them.
pub async fn handle(
    rotated: &Rotated,
    versions: &impl SecretVersions,
    processor: &impl ProcessorKeys,
    clock: &impl Pauses,
    invocation: &Invocation,
    request: &RotationRequest,
) -> Result<(), RotationError> {
    let RotationRequest { step, secret_id, client_request_token: version } = request;
    if *secret_id != rotated.secret_id {
        return Err(RotationError::OtherSecret(secret_id.clone()));
    }
    let stages = versions.stages().await?;
    let current = stages.current.as_ref() == Some(version);
    if !current && stages.pending.as_ref() != Some(version) {
        return Err(RotationError::NotPending(version.clone()));
    }
    let deadline = invocation.deadline;
    let rotation = Rotation { owner: &rotated.owner, versions, processor, clock, deadline };
    let outcome = match step {
        Step::FinishSecret => rotation.finish(version, &stages).await?,
        _ if current => "CURRENT",
        Step::CreateSecret => rotation.create(version, &stages).await?,
        Step::SetSecret => "SET",
        Step::TestSecret => rotation.test(version).await?,
    };
    tracing::info!(?step, version, outcome, "step of the rotation taken");
    Ok(())
}

struct Rotation<'a, V, P, C> {
    owner: &'a str,
    versions: &'a V,
    processor: &'a P,
    clock: &'a C,
    deadline: Timestamp,
}

impl<V: SecretVersions, P: ProcessorKeys, C: Pauses> Rotation<'_, V, P, C> {
    /// Makes a key, unless an attempt before has left one.
    async fn create(&self, version: &str, stages: &Stages) -> Result<&'static str, RotationError> {
        if self.versions.value(version).await?.is_some() {
            return Ok("MADE_BEFORE");
        }
        let opener = self.opener(stages).await?;
        self.end_unused(&opener, None).await?;
        let label = format!("{}/{version}", self.owner);
        let issued = self.ask(async |patience| self.processor.issue(&opener, &label, patience).await).await?;
        let Issued::Key(key) = issued else { return Err(RotationError::NoRoom) };
        self.versions.fill(version, &key).await?;
        Ok("MADE")
    }

    /// Tries the new key. One that opens nothing is given up, so that the next rotation begins with another.
    async fn test(&self, version: &str) -> Result<&'static str, RotationError> {
        let Some(key) = self.versions.value(version).await? else {
            // Secrets Manager tries this step, without a value, when a schedule is set up. A rotation that skipped the
            // step before does not get past the next one.
            return Ok("NOTHING_TO_TEST");
        };
        for _ in 0..TESTS {
            if self.identify(&key).await?.is_some() {
                return Ok("OPENS");
            }
            self.clock.pause(BETWEEN_TESTS, BETWEEN_TESTS).await;
        }
        self.versions.give_up(version).await?;
        Err(RotationError::OpensNothing)
    }

    /// Makes the new key current if it opens at this very moment.
    async fn finish(&self, version: &str, stages: &Stages) -> Result<&'static str, RotationError> {
        let key = self.required(version).await?;
        let mut superseded = None;
        if stages.current.as_deref() != Some(version) {
            if let Some(previous) = &stages.previous {
                superseded = self.identify(&self.required(previous).await?).await?;
            }
            self.identify(&key).await?.ok_or(RotationError::OpensNothing)?;
            let current = stages.current.as_deref().ok_or(RotationError::LockedOut)?;
            self.versions.promote(version, current).await?;
        }
        if stages.pending.as_deref() == Some(version) {
            self.versions.give_up(version).await?;
        }
        self.end_unused(&key, superseded.as_ref()).await?;
        Ok("CURRENT")
    }

    /// A key that opens the processor: the current one, or the previous one where that was taken from us.
    async fn opener(&self, stages: &Stages) -> Result<Secret, RotationError> {
        for version in [&stages.current, &stages.previous].into_iter().flatten() {
            let key = self.required(version).await?;
            if self.identify(&key).await?.is_some() {
                return Ok(key);
            }
        }
        Err(RotationError::LockedOut)
    }

    /// Ends the keys that are ours and that no version has: the one that was superseded just now, and those that are too old
    /// for any attempt to be about to keep them.
    async fn end_unused(&self, opener: &Secret, superseded: Option<&KeyId>) -> Result<(), RotationError> {
        let alive = self.ask(async |patience| self.processor.list(opener, patience).await).await?;
        let Some(in_use) = self.in_use(&self.versions.stages().await?).await? else { return Ok(()) };
        for key in alive {
            let over =
                superseded == Some(&key.id) || key.created.plus_seconds(ATTEMPT_SECONDS) <= self.clock.now();
            if over && self.ours(&key) && !in_use.contains(&key.id) {
                self.ask(async |patience| self.processor.revoke(opener, &key.id, patience).await).await?;
                tracing::info!(key = key.id.0, label = key.label, outcome = "ENDED", "key that nobody uses");
            }
        }
        Ok(())
    }

    /// The keys of all versions. `None` if one of them is turned down: it may be on the list nevertheless, and nobody could
    /// tell which one it is.
    async fn in_use(&self, stages: &Stages) -> Result<Option<Vec<KeyId>>, RotationError> {
        let mut in_use = Vec::new();
        for version in [&stages.current, &stages.previous].into_iter().flatten() {
            match self.identify(&self.required(version).await?).await? {
                Some(id) => in_use.push(id),
                None => return Ok(None),
            }
        }
        if let Some(pending) = &stages.pending
            && let Some(key) = self.versions.value(pending).await?
        {
            in_use.extend(self.identify(&key).await?);
        }
        Ok(Some(in_use))
    }

    fn ours(&self, key: &KnownKey) -> bool {
        key.label.strip_prefix(self.owner).is_some_and(|rest| rest.starts_with('/'))
    }

    async fn required(&self, version: &str) -> Result<Secret, RotationError> {
        self.versions.value(version).await?.ok_or_else(|| RotationError::NoValue(version.to_owned()))
    }

    async fn identify(&self, key: &Secret) -> Result<Option<KeyId>, RotationError> {
        self.ask(async |patience| self.processor.identify(key, patience).await).await
    }

    async fn ask<T>(
        &self,
        call: impl AsyncFn(Duration) -> Result<T, OutsideError>,
    ) -> Result<T, RotationError> {
        Ok(patiently(self.clock, self.deadline, call).await?)
    }
}

#[cfg(test)]
mod tests;
