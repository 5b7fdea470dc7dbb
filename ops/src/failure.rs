//! What can go wrong, as a sentence and as an exit code.

use std::process::ExitCode;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use lakeside_deploy::signed::Refused;

/// What kind of failure it is, which is what scripts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something is wrong, or could not be done.
    Wrong,
    /// The arguments do not fit together.
    Usage,
    /// There is no such thing.
    NotFound,
    /// It could be done, and should not.
    Guarded,
    /// The cloud does not answer, or not to us.
    Unreachable,
}

impl Kind {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Wrong => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Guarded => 4,
            Self::Unreachable => 5,
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wrong => "WRONG",
            Self::Usage => "USAGE",
            Self::NotFound => "NOT_FOUND",
            Self::Guarded => "GUARDED",
            Self::Unreachable => "UNREACHABLE",
        }
    }
}

/// A failure: one sentence that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// What kind.
    pub kind: Kind,
    /// For people.
    pub sentence: String,
}

/// What commands answer.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Something is wrong, or could not be done.
    pub fn wrong(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Wrong, sentence: sentence.into() }
    }

    /// The arguments do not fit together.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, sentence: sentence.into() }
    }

    /// There is no such thing.
    pub fn not_found(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::NotFound, sentence: sentence.into() }
    }

    /// A guard refuses.
    pub fn guarded(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Guarded, sentence: sentence.into() }
    }

    /// The cloud does not answer, or not to us.
    pub fn unreachable(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Unreachable, sentence: sentence.into() }
    }

    /// A call of an SDK that failed while doing `what`.
    pub fn call<E: ProvideErrorMetadata, R>(what: &str, error: &SdkError<E, R>) -> Self {
        let SdkError::ServiceError(refused) = error else {
            return Self::unreachable(format!(
                "{what}: the cloud does not answer; see that AWS_REGION, the credentials and AWS_ENDPOINT_URL are right"
            ));
        };
        let (code, message) = (refused.err().code(), refused.err().message());
        refusal(what, code.unwrap_or("an error without code"), message.unwrap_or_default())
    }

    /// A signed call that failed while doing `what`.
    pub fn signed(what: &str, error: &anyhow::Error) -> Self {
        error.downcast_ref::<Refused>().map_or_else(
            || Self::unreachable(format!("{what}: {error:#}")),
            |refused| {
                let body: serde_json::Value = serde_json::from_str(&refused.text).unwrap_or_default();
                let text = |names: [&str; 3]| {
                    names.iter().find_map(|name| body.get(name)?.as_str()).unwrap_or_default().to_owned()
                };
                let code = text(["__type", "Code", "code"]);
                let code = code.rsplit('#').next().unwrap_or_default();
                let code = if code.is_empty() { refused.status.as_str() } else { code };
                refusal(what, code, &text(["message", "Message", "errorMessage"]))
            },
        )
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

/// What a service refuses to this caller is told apart from what it refuses to all.
fn refusal(what: &str, code: &str, message: &str) -> Failure {
    let said = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
    let ours =
        ["AccessDenied", "Unrecognized", "InvalidClient", "ExpiredToken", "NotAuthorized", "403", "401"];
    if ours.iter().any(|ours| code.contains(ours)) {
        return Failure::unreachable(format!(
            "{what}: the cloud refuses these credentials ({said}); ops/README.md has the policy that an operator needs"
        ));
    }
    if code.contains("NotFound") || code.contains("DoesNotExist") || code.contains("NonExistent") {
        return Failure::not_found(format!("{what}: there is none ({said})"));
    }
    Failure::wrong(format!("{what}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_to_this_caller_is_no_fault_of_what_was_asked() {
        let kind = |code| refusal("cannot read", code, "no").kind;
        assert_eq!(kind("AccessDeniedException"), Kind::Unreachable);
        assert_eq!(kind("ExpiredTokenException"), Kind::Unreachable);
        assert_eq!(kind("ParameterNotFound"), Kind::NotFound);
        assert_eq!(kind("ExecutionDoesNotExist"), Kind::NotFound);
        assert_eq!(kind("ValidationException"), Kind::Wrong);
    }

    #[test]
    fn every_kind_has_an_exit_code_of_its_own() {
        let kinds = [Kind::Wrong, Kind::Usage, Kind::NotFound, Kind::Guarded, Kind::Unreachable];
        assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 5]);
    }
}
