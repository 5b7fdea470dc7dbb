//! Starting a function: logs, clients, and the loop against the Lambda Runtime API.

use std::{env, pin::Pin};

use aws_config::SdkConfig;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use tracing_subscriber::EnvFilter;

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

/// Answers invocations with `handle` until the execution environment is shut down.
///
/// An `Err` fails the whole invocation.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<A, R, F>(handle: F) -> Result<(), Error>
where
    A: DeserializeOwned,
    R: Serialize,
    F: AsyncFn(A, &str) -> Result<R, Error>,
{
    let handle = &handle;
    let serve = service_fn(move |event: LambdaEvent<A>| {
        // Boxed, or the types of the handler's futures nest deeper than the compiler follows.
        let answered: Pin<Box<dyn Future<Output = Result<R, Error>>>> =
            Box::pin(async move { handle(event.payload, &event.context.request_id).await });
        answered
    });
    Box::pin(lambda_runtime::run(serve)).await
}
