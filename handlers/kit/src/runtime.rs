//! Starting a function: logs, clients, and the loop against the Lambda Runtime API.

use std::{env, pin::Pin};

use aws_config::SdkConfig;
use lakeside_domain::time::Timestamp;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use tracing_subscriber::EnvFilter;

use crate::disposition::{Disposed, Disposition, chain};

/// Sets up JSON logs on standard output, at the level in `LOG_LEVEL` (default `info`).
///
/// The AWS SDK stays at `warn`: its own debug output holds requests and with them their contents.
pub fn init_logs() {
    let level = env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_new(format!("warn,lakeside={level},lambda_runtime=error"))
        .unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_env_filter(filter)
        .init();
}

/// The AWS configuration of the function's role.
pub async fn aws() -> SdkConfig {
    aws_config::load_from_env().await
}

/// One invocation, as far as a handler cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Unique per attempt, also when the same input is tried again.
    pub request_id: String,
    /// When Lambda ends the attempt.
    pub deadline: Timestamp,
}

/// A failed invocation, as Lambda and Step Functions see it: the error type says whether another attempt can help,
/// which is what the state machine's retriers match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    error_type: &'static str,
    message: String,
}

impl<E: Disposed> From<E> for Failure {
    fn from(error: E) -> Self {
        let message = chain(&error);
        let error_type = match error.disposition() {
            Disposition::Retry => "Lakeside.Retry",
            Disposition::Park => "Lakeside.Park",
        };
        tracing::error!(error_type, error = message, "invocation failed");
        Self { error_type, message: error.to_string() }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.into(), error_message: failure.message }
    }
}

/// Answers invocations with `handle` until the execution environment is shut down.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<A, R, F>(handle: F) -> Result<(), Error>
where
    A: DeserializeOwned,
    R: Serialize,
    F: AsyncFn(A, &Invocation) -> Result<R, Failure>,
{
    let handle = &handle;
    let serve = service_fn(move |event: LambdaEvent<A>| {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let invocation =
            Invocation { request_id: event.context.request_id, deadline: Timestamp::from_millis(deadline) };
        // Boxed, or the types of the handler's futures nest deeper than the compiler follows.
        let answered: Pin<Box<dyn Future<Output = Result<R, Failure>>>> =
            Box::pin(async move { handle(event.payload, &invocation).await });
        answered
    });
    Box::pin(lambda_runtime::run(serve)).await
}
