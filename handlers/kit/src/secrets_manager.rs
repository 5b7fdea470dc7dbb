//! Secrets in AWS Secrets Manager.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{
    secret::{Current, Secret, SecretError, Secrets},
    secret_versions::{SecretVersions, Stages},
};

/// The stage of the version that is in use; a rotation moves it when the new one works.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was in use before.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The stage of the version that a rotation is making.
const PENDING: &str = "AWSPENDING";

/// The secrets of one region, as far as the function's role may read them.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// Those that `config` leads to.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// The versions of the secret called `id`.
    pub fn versions(&self, id: impl Into<String>) -> RotatedSecret {
        RotatedSecret { client: self.client.clone(), id: id.into() }
    }
}

/// One secret with all its versions.
#[derive(Debug, Clone)]
pub struct RotatedSecret {
    client: Client,
    id: String,
}

impl Secrets for SecretsManager {
    async fn current(&self, id: &str) -> Result<Current, SecretError> {
        let read = self.client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await;
        let value = read.map_err(understood)?;
        match (value.secret_string, value.version_id) {
            (Some(text), Some(version)) => Ok(Current { secret: Secret::new(text), version }),
            _ => Err(SecretError::Refused("it is no text".into())),
        }
    }
}

impl SecretVersions for RotatedSecret {
    async fn stages(&self) -> Result<Stages, SecretError> {
        let described = self.client.describe_secret().secret_id(&self.id).send().await.map_err(understood)?;
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let at = |stage: &str| {
            let mut found = versions.iter().filter(|(_, stages)| stages.iter().any(|other| other == stage));
            found.next().map(|(version, _)| version.clone())
        };
        Ok(Stages { current: at(CURRENT), previous: at(PREVIOUS), pending: at(PENDING) })
    }

    async fn value(&self, version: &str) -> Result<Option<Secret>, SecretError> {
        let read = self.client.get_secret_value().secret_id(&self.id).version_id(version).send().await;
        match read {
            Ok(value) => Ok(value.secret_string.map(Secret::new)),
            // A version that Secrets Manager has made for a rotation, and that nobody has filled yet.
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(understood(error)),
        }
    }

    async fn fill(&self, version: &str, value: &Secret) -> Result<(), SecretError> {
        let put = self.client.put_secret_value().secret_id(&self.id).client_request_token(version);
        let put = put.version_stages(PENDING).secret_string(value.reveal()).send().await;
        match put {
            // It has another value, which stays.
            Err(error) if code(&error) == Some("ResourceExistsException") => Ok(()),
            put => put.map(|_| ()).map_err(understood),
        }
    }

    async fn promote(&self, version: &str, current: &str) -> Result<(), SecretError> {
        let moved = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(CURRENT);
        let moved = moved.move_to_version_id(version).remove_from_version_id(current).send().await;
        moved.map(|_| ()).map_err(understood)
    }

    async fn give_up(&self, version: &str) -> Result<(), SecretError> {
        let taken = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(PENDING);
        taken.remove_from_version_id(version).send().await.map(|_| ()).map_err(understood)
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    match error {
        SdkError::ServiceError(service) => service.err().code(),
        _ => None,
    }
}

fn understood<E, R>(error: SdkError<E, R>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match code(&error) {
        Some(
            "AccessDeniedException"
            | "DecryptionFailure"
            | "InvalidParameterException"
            | "InvalidRequestException"
            | "ResourceNotFoundException",
        ) => SecretError::Refused(error.into()),
        _ => SecretError::Unavailable(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::error::ErrorMetadata;

    use super::*;
    use crate::disposition::{Disposed, Disposition};

    fn answered(code: &str) -> Disposition {
        let error = ErrorMetadata::builder().code(code).build();
        understood(SdkError::service_error(error, ())).disposition()
    }

    #[test]
    fn a_missing_grant_or_value_is_for_people_and_everything_else_passes() {
        for refused in ["AccessDeniedException", "DecryptionFailure", "ResourceNotFoundException"] {
            assert_eq!(answered(refused), Disposition::Park, "{refused}");
        }
        for passing in ["ThrottlingException", "InternalServiceError", ""] {
            assert_eq!(answered(passing), Disposition::Retry, "{passing}");
        }
        let lost: SdkError<ErrorMetadata, ()> = SdkError::timeout_error("no answer");
        assert_eq!(understood(lost).disposition(), Disposition::Retry);
    }
}
