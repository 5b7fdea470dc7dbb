//! Mail by SES and messages to phones by SNS.

use std::time::Duration;

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_sdk_sns::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::MessageAttributeValue,
};

use crate::{
    contact::Recipient,
    post::{Letter, Post, SendError},
};

/// Shorter than the shortest time that is left when a message is begun, so that its outcome can still be recorded.
const PATIENCE: Duration = Duration::from_secs(4);

/// The post offices of AWS.
#[derive(Debug, Clone)]
pub struct AwsPost {
    ses: aws_sdk_sesv2::Client,
    sns: aws_sdk_sns::Client,
    sender: String,
}

impl AwsPost {
    /// Mails come from the address `sender`.
    pub fn new(config: &aws_config::SdkConfig, sender: String) -> Self {
        // Neither service knows a message again: the SDK, which tries again after a lost answer, would send it twice.
        let config = config
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
            .build();
        Self { ses: aws_sdk_sesv2::Client::new(&config), sns: aws_sdk_sns::Client::new(&config), sender }
    }

    async fn mail(&self, address: &str, letter: &Letter) -> Result<(), SendError> {
        let text = |data: &str| Content::builder().data(data).charset("UTF-8").build();
        let unbuilt = |_| SendError::Refused("BuildError");
        let message = Message::builder()
            .subject(text(&letter.subject).map_err(unbuilt)?)
            .body(Body::builder().text(text(&letter.text).map_err(unbuilt)?).build())
            .build();
        let sent = self
            .ses
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(address).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| understood(&error, &["BadRequestException"]))
    }

    async fn message(&self, number: &str, letter: &Letter) -> Result<(), SendError> {
        let kind = MessageAttributeValue::builder().data_type("String").string_value("Transactional").build();
        let sent = self
            .sns
            .publish()
            .phone_number(number)
            .message(&letter.text)
            .message_attributes("AWS.SNS.SMS.SMSType", kind.map_err(|_| SendError::Refused("BuildError"))?)
            .send()
            .await;
        let bad_number = ["InvalidParameter", "InvalidParameterException", "InvalidParameterValue"];
        sent.map(|_| ()).map_err(|error| understood(&error, &bad_number))
    }
}

impl Post for AwsPost {
    async fn send(&self, to: &Recipient, letter: &Letter) -> Result<(), SendError> {
        match to {
            Recipient::Email(address) => self.mail(address.reveal(), letter).await,
            Recipient::Phone(number) => self.message(number.reveal(), letter).await,
        }
    }
}

/// What an answer means. `bad_address` are the codes that are the address's fault; of all others only those that are
/// known to be given before anything happens are taken for that.
fn understood<E, R>(error: &SdkError<E, R>, bad_address: &[&str]) -> SendError
where
    E: ProvideErrorMetadata,
{
    const REFUSED: [&str; 14] = [
        "AccessDenied",
        "AccessDeniedException",
        "AccountSuspendedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
        "NotFoundException",
        "SendingPausedException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ];
    let SdkError::ServiceError(service) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => SendError::Refused("ConstructionFailure"),
            _ => SendError::Unknown,
        };
    };
    match service.err().code() {
        Some(code) if bad_address.contains(&code) => SendError::Undeliverable,
        Some(
            "LimitExceededException"
            | "Throttled"
            | "ThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException",
        ) => SendError::Throttled,
        Some(code) => REFUSED
            .into_iter()
            .find(|refused| *refused == code)
            .map_or(SendError::Unknown, SendError::Refused),
        None => SendError::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::error::ErrorMetadata;

    use super::*;

    fn answered(code: &str) -> SendError {
        let error = ErrorMetadata::builder().code(code).message("+15550100 is not valid").build();
        understood(&SdkError::service_error(error, ()), &["InvalidParameter"])
    }

    #[test]
    fn only_an_answer_that_is_known_to_mean_nothing_happened_lets_a_message_be_sent_again() {
        assert_eq!(answered("Throttled"), SendError::Throttled);
        assert_eq!(answered("AuthorizationError"), SendError::Refused("AuthorizationError"));
        assert_eq!(answered("InvalidParameter"), SendError::Undeliverable);
        for unknown in ["InternalError", "KMSThrottling", ""] {
            assert_eq!(answered(unknown), SendError::Unknown, "{unknown}");
        }
        let lost: SdkError<ErrorMetadata, ()> = SdkError::timeout_error("no answer");
        assert_eq!(understood(&lost, &[]), SendError::Unknown);
    }

    #[test]
    fn no_error_quotes_the_address() {
        for code in ["Throttled", "AuthorizationError", "InvalidParameter", "InternalError"] {
            assert!(!format!("{0} {0:?}", answered(code)).contains("555"), "{code}");
        }
    }
}
