//! Starting a function: logs, metrics, clients, and the loop against the Lambda Runtime API.

use std::{
    cell::Cell,
    env,
    io::{Stdout, stdout},
    pin::Pin,
};

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::SqsEvent;
use lakeside_contracts::commands::Command;
use lakeside_domain::time::Timestamp;
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use tracing::{Instrument, Span, Subscriber, field::Empty};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    correlation::Correlation,
    disposition::{Disposed, chain},
    https,
    log_line::LogLine,
    metrics::{Emf, Metrics},
    otlp::{self, Export},
    sqs::{self, Failures, Message},
    trace::{self, TraceHeader},
};

/// Sets up what the function says of itself: on standard output JSON logs, at the level in `LOG_LEVEL` (default `info`), and
/// metrics; and spans, where [`OTEL_EXPORTER_OTLP_ENDPOINT`](otlp) says whom to send them. Every line has the fields of the
/// spans around it at its top.
///
/// The AWS SDK stays at `warn`: its own debug output holds requests and with them their contents.
///
/// # Errors
/// If it was set up before.
pub fn init_telemetry() -> Result<Emf<Stdout>, Error> {
    let level = env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into());
    match Export::from_env() {
        Ok(None) => subscriber(&level, stdout).init(),
        Ok(Some(export)) => exporting_subscriber(&level, stdout, export).init(),
        Err(error) => {
            subscriber(&level, stdout).init();
            tracing::warn!(error = chain(&error), "spans are not exported");
        }
    }
    Emf::init(function_name(), stdout())
}

/// Writes JSON logs at `level` to `output`, one line at a time.
pub(crate) fn subscriber<W>(level: &str, output: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_ansi(false)
        .fmt_fields(JsonFields::new())
        .event_format(LogLine)
        .with_env_filter(filter(level))
        .with_writer(output)
        .finish()
}

/// As [`subscriber`], and hands the spans to `export`.
pub(crate) fn exporting_subscriber<W>(level: &str, output: W, export: Export) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .fmt_fields(JsonFields::new())
        .event_format(LogLine)
        .with_writer(output)
        .with_filter(filter(level));
    tracing_subscriber::registry().with(lines).with(otlp::layer(export))
}

/// What is logged at `level`.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(format!("warn,lakeside={level},lambda_runtime=error"))
        .unwrap_or_else(|_| EnvFilter::new("warn"))
}

/// As AWS knows it; empty outside of Lambda.
pub(crate) fn function_name() -> String {
    env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()
}

/// The AWS configuration of the function's role.
///
/// # Errors
/// If there is no client for HTTPS.
pub async fn aws() -> Result<SdkConfig, Error> {
    Ok(aws_config::from_env().http_client(https::client()?).load().await)
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
        let error_type = error.disposition().error_type();
        tracing::error!(error_type, error = message, "invocation failed");
        Self { error_type, message: error.to_string() }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.into(), error_message: failure.message }
    }
}

/// What invokes a function. It is in every line, and says why a line may be nobody's story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The mapping of a queue.
    Queue,
    /// The saga, with a command.
    Saga,
    /// The mapping or the pipe of a table's stream.
    Stream,
    /// The clock, or people in its place.
    Schedule,
    /// Somebody at the door, who waits for the answer.
    Request,
    /// Secrets Manager.
    Rotation,
}

impl Trigger {
    const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Saga => "saga",
            Self::Stream => "stream",
            Self::Schedule => "schedule",
            Self::Request => "request",
            Self::Rotation => "rotation",
        }
    }
}

/// Tells the first invocation of a sandbox from all others.
#[derive(Debug)]
struct Sandbox {
    function: String,
    trigger: Trigger,
    cold: Cell<bool>,
}

impl Sandbox {
    fn new(function: String, trigger: Trigger) -> Self {
        Self { function, trigger, cold: Cell::new(true) }
    }

    /// The span whose fields every line of an invocation has. It is there at every level of the log.
    fn span(&self, context: &Context) -> Span {
        tracing::error_span!(
            "invocation",
            function = self.function,
            trigger = self.trigger.name(),
            request_id = context.request_id,
            cold_start = self.cold.replace(false),
            correlation_id = Empty,
            order_id = Empty,
        )
    }
}

/// Answers invocations with `handle` until the execution environment is shut down.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<A, R, F>(trigger: Trigger, handle: F) -> Result<(), Error>
where
    A: DeserializeOwned,
    R: Serialize,
    F: AsyncFn(A, &Invocation) -> Result<R, Failure>,
{
    let handle = &handle;
    let sandbox = &Sandbox::new(function_name(), trigger);
    let serve = service_fn(move |event: LambdaEvent<A>| {
        let LambdaEvent { payload, context, .. } = event;
        let span = sandbox.span(&context);
        // From the context: the environment has the trace of whichever invocation came last.
        let header = context.xray_trace_id.as_deref().and_then(TraceHeader::parse);
        otlp::join(&span, header.as_ref());
        let deadline = Timestamp::from_millis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        let invocation = Invocation { request_id: context.request_id, deadline };
        let work = async move {
            let answer = handle(payload, &invocation).await;
            if let Err(Failure { error_type, .. }) = &answer {
                otlp::failed(error_type);
            }
            answer
        };
        // Boxed, or the types of the handler's futures nest deeper than the compiler follows.
        let work: Pin<Box<dyn Future<Output = Result<R, Failure>>>> =
            Box::pin(trace::following(header, work).instrument(span));
        async move {
            let answer = work.await;
            // After the answer the execution environment is frozen.
            otlp::flush(deadline).await;
            answer
        }
    });
    Box::pin(lambda_runtime::run(serve)).await
}

/// Answers the batches of a queue with `handle`.
///
/// # Errors
/// As [`run`].
pub async fn run_queue<F>(metrics: &impl Metrics, handle: F) -> Result<(), Error>
where
    F: AsyncFn(&[Message], &Invocation) -> Failures,
{
    run(Trigger::Queue, async |event: SqsEvent, invocation| {
        let messages = sqs::messages(event)?;
        let failures = handle(&messages, invocation).await;
        sqs::report(metrics, &messages, &failures);
        Ok(failures.into_response())
    })
    .await
}

/// Answers the commands of the saga with `handle`.
///
/// # Errors
/// As [`run`].
pub async fn run_command<R, F>(handle: F) -> Result<(), Error>
where
    R: Serialize,
    F: AsyncFn(Command, &Invocation) -> Result<R, Failure>,
{
    run(Trigger::Saga, async |command: Command, invocation| {
        let span = Correlation::of_command(&command).span();
        async {
            let answer = handle(command, invocation).await?;
            tracing::info!("command handled");
            Ok(answer)
        }
        .instrument(span)
        .await
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        disposition::Disposition,
        memory::{Log, MemoryMetrics},
    };

    const EVENT: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
    const ORDER: &str = "00000000-0000-4000-8000-000000000001";

    fn context(request_id: &str) -> Context {
        let mut context = Context::default();
        context.request_id = request_id.into();
        context
    }

    fn message() -> Message {
        let body = json!({
            "source": "lakeside.orders", "detail-type": "OrderFulfilled",
            "detail": {"metadata": {"eventId": EVENT, "correlationId": ORDER}, "data": {"orderId": ORDER}},
        });
        Message { id: "m".into(), body: body.to_string(), ..Message::default() }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    impl Disposed for No {
        fn disposition(&self) -> Disposition {
            Disposition::Park
        }
    }

    async fn invoke(sandbox: &Sandbox, request_id: &str) {
        let batch = [message()];
        let work = async {
            let failures = sqs::each(&batch, async |_| {
                tracing::info!(state = "Fulfilled", "order advanced");
                Err(No)
            });
            failures.await.ids().len()
        };
        work.instrument(sandbox.span(&context(request_id))).await;
    }

    #[tokio::test]
    async fn every_line_says_at_its_top_whose_it_is_and_each_field_once() {
        let (log, sandbox) = (Log::default(), Sandbox::new("lakeside-advance-order".into(), Trigger::Queue));
        log.of(invoke(&sandbox, "r-1")).await;
        let lines = log.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in &lines {
            for (field, expected) in [
                ("function", json!("lakeside-advance-order")),
                ("trigger", json!("queue")),
                ("request_id", json!("r-1")),
                ("cold_start", json!(true)),
                ("correlation_id", json!(ORDER)),
                ("causation_id", json!(EVENT)),
                ("order_id", json!(ORDER)),
                ("message_type", json!("OrderFulfilled")),
            ] {
                assert_eq!(line[field], expected, "{field} in {line}");
            }
        }
        assert_eq!(
            (&lines[0]["message"], &lines[0]["state"]),
            (&json!("order advanced"), &json!("Fulfilled"))
        );
        assert_eq!((&lines[0]["level"], &lines[1]["level"]), (&json!("INFO"), &json!("ERROR")));
        assert_eq!(log.text().matches("\"correlation_id\"").count(), 2);
        assert_eq!(log.text().matches("\"message\"").count(), 2);
    }

    #[tokio::test]
    async fn only_the_first_invocation_of_a_sandbox_is_cold() {
        let (log, sandbox) = (Log::default(), Sandbox::new("f".into(), Trigger::Queue));
        for request_id in ["r-1", "r-2", "r-3"] {
            log.of(invoke(&sandbox, request_id)).await;
        }
        let seen: Vec<_> = log
            .lines()
            .into_iter()
            .map(|line| (line["request_id"].clone(), line["cold_start"].clone()))
            .collect();
        let expected = |request_id: &str, cold: bool| (json!(request_id), json!(cold));
        let [first, second, third] = [expected("r-1", true), expected("r-2", false), expected("r-3", false)];
        assert_eq!(seen, [first.clone(), first, second.clone(), second, third.clone(), third]);
    }

    #[tokio::test]
    async fn a_quiet_log_says_whose_its_lines_are_too() {
        let (log, sandbox) = (Log::default(), Sandbox::new("f".into(), Trigger::Queue));
        log.at("error", invoke(&sandbox, "r-1")).await;
        let lines = log.lines();
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["correlation_id"], &lines[0]["request_id"]), (&json!(ORDER), &json!("r-1")));
    }

    #[tokio::test]
    async fn what_belongs_to_no_order_says_what_triggered_it_and_names_none() {
        let (log, sandbox) = (Log::default(), Sandbox::new("f".into(), Trigger::Schedule));
        let work = async { tracing::info!("stock reconciled") };
        log.of(async { work.instrument(sandbox.span(&context("r-1"))).await }).await;
        let line = log.lines().remove(0);
        assert_eq!(line["trigger"], "schedule");
        assert_eq!((line.get("correlation_id"), line.get("causation_id")), (None, None));
    }

    #[tokio::test]
    async fn whatever_was_handled_leaves_a_line() {
        let (log, metrics) = (Log::default(), MemoryMetrics::default());
        log.of(async { sqs::report(&metrics, &[message()], &Failures::default()) }).await;
        let line = log.lines().remove(0);
        assert_eq!((&line["message"], &line["correlation_id"]), (&json!("message handled"), &json!(ORDER)));
    }
}
