//! Secrets in AWS Secrets Manager.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::secret::{Current, Secret, SecretError, Secrets};

/// The stage of the version that is in use; a rotation moves it when the new one works.
const CURRENT: &str = "AWSCURRENT";

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

fn understood<E, R>(error: SdkError<E, R>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = match &error {
        SdkError::ServiceError(service) => service.err().code(),
        _ => None,
    };
    match code {
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
