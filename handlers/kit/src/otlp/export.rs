//! Keeping spans that have ended, and sending them.

use std::{
    collections::VecDeque,
    env, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry::{Context, KeyValue, trace::SpanKind};
use opentelemetry_otlp::{ExporterBuildError, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{Span, SpanData, SpanExporter as _, SpanProcessor},
};
use reqwest::{Client, Url, redirect::Policy};

use crate::{
    config::{ConfigError, parsed_or},
    runtime::function_name,
};

/// Everybody's, to which the path of spans is added.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// That of spans alone, as it is.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// In milliseconds.
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
/// The standard's ten seconds are as long as most functions have.
const DEFAULT_TIMEOUT_MS: u64 = 500;
/// For so long nothing is sent to who did not take the last spans.
const PAUSE: Duration = Duration::from_mins(1);
/// The most spans of one invocation; of more the first ones to end are left out.
const MAX_SPANS: usize = 2048;

/// Spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// By the settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Where they go to.
    #[error("environment variable {0} is no URL of a server")]
    NoUrl(&'static str),
    /// By TLS.
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
    /// By OpenTelemetry.
    #[error("the exporter cannot be built")]
    Exporter(#[from] ExporterBuildError),
}

/// The spans that have ended, on their way to who wants them. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Export(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    exporter: SpanExporter,
    resource: Resource,
    timeout: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: VecDeque<SpanData>,
    paused_at: Option<Instant>,
    complained: bool,
}

impl Export {
    /// To whom the environment names, if it names anybody.
    ///
    /// # Errors
    /// [`ExportError`] if nothing can be sent there.
    pub(crate) fn from_env() -> Result<Option<Self>, ExportError> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value));
        let (name, url) = match (set(TRACES_ENDPOINT), set(ENDPOINT)) {
            (Some(traces), _) => traces,
            (None, Some((name, base))) => (name, format!("{}/v1/traces", base.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        let url = url.parse().map_err(|_| ExportError::NoUrl(name))?;
        let timeout = Duration::from_millis(parsed_or(TIMEOUT, DEFAULT_TIMEOUT_MS)?);
        Self::to(&url, timeout, resource(function_name())).map(Some)
    }

    fn to(url: &Url, timeout: Duration, resource: Resource) -> Result<Self, ExportError> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client(url)?)
            .with_endpoint(url.as_str())
            .with_timeout(timeout)
            // The invocation waits.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(&resource);
        Ok(Self(Arc::new(Shared { exporter, resource, timeout, kept: Mutex::default() })))
    }

    /// Whose they are.
    pub(super) fn resource(&self) -> Resource {
        self.0.resource.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what has ended.
    pub(crate) fn take(&self) -> Vec<SpanData> {
        mem::take(&mut self.kept().spans).into()
    }

    /// Sends what has ended, in a part of the time that is `left`. What cannot be sent is dropped.
    pub(super) async fn flush(&self, left: Duration) {
        let spans = self.take();
        if spans.is_empty() {
            return;
        }
        let patience = self.0.timeout.min(left / 2);
        let sent = tokio::time::timeout(patience, self.0.exporter.export(spans)).await;
        let error = match sent {
            Ok(Ok(())) => return,
            Ok(Err(_)) => "refused",
            // The invocation had less time than the collector would have been given.
            Err(_) if patience < self.0.timeout => return,
            Err(_) => "no answer in time",
        };
        let mut kept = self.kept();
        kept.paused_at = Some(Instant::now());
        if !mem::replace(&mut kept.complained, true) {
            tracing::warn!(error, "spans are lost: the collector does not take them");
        }
    }
}

impl SpanProcessor for Export {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        let mut kept = self.kept();
        if kept.paused_at.is_some_and(|paused_at| paused_at.elapsed() < PAUSE) {
            return;
        }
        kept.paused_at = None;
        conventional(&mut span);
        if kept.spans.len() >= MAX_SPANS {
            kept.spans.pop_front();
        }
        kept.spans.push_back(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Calls things by OpenTelemetry's names, where the log has others.
fn conventional(span: &mut SpanData) {
    for KeyValue { key, .. } in &mut span.attributes {
        match key.as_str() {
            "request_id" => {
                *key = "faas.invocation_id".into();
                span.span_kind = SpanKind::Server;
            }
            "cold_start" => *key = "faas.coldstart".into(),
            "rpc.method" => span.span_kind = SpanKind::Client,
            _ => {}
        }
    }
}

/// Who `function` is, as Lambda's environment says it, and `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(function: String) -> Resource {
    let said = [
        ("service.version", "AWS_LAMBDA_FUNCTION_VERSION"),
        ("faas.version", "AWS_LAMBDA_FUNCTION_VERSION"),
        ("faas.instance", "AWS_LAMBDA_LOG_STREAM_NAME"),
        ("cloud.region", "AWS_REGION"),
    ];
    let said = said.into_iter().filter_map(|(key, name)| Some(KeyValue::new(key, env::var(name).ok()?)));
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("cloud.provider", "aws"),
            KeyValue::new("cloud.platform", "aws_lambda"),
        ])
        .with_attributes([
            KeyValue::new("service.name", function.clone()),
            KeyValue::new("faas.name", function),
        ])
        .with_attributes(said)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())])
        .build()
}

/// A client for whoever takes spans. Only for TLS it reads the roots of the system, which takes its time.
fn client(url: &Url) -> Result<Client, reqwest::Error> {
    let client = Client::builder()
        .redirect(Policy::none())
        // A connection kept over a freeze of the execution environment is dead more often than not.
        .pool_max_idle_per_host(0);
    let client = if url.scheme() == "https" { client } else { client.tls_certs_only([]).no_proxy() };
    client.build()
}

#[cfg(any(test, feature = "memory"))]
impl Export {
    /// What ends is kept until it is taken.
    pub(crate) fn to_nobody() -> Result<Self, ExportError> {
        let nowhere = Url::parse("http://127.0.0.1:9").map_err(|_| ExportError::NoUrl(ENDPOINT))?;
        Self::to(&nowhere, Duration::ZERO, Resource::builder_empty().build())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tokio::net::TcpListener;

    use super::*;
    use crate::memory::Log;

    const LONG: Duration = Duration::from_hours(1);

    fn with_spans(export: &Export, names: impl IntoIterator<Item = String>) {
        let provider = SdkTracerProvider::builder().with_span_processor(export.clone()).build();
        for name in names {
            drop(provider.tracer("t").start(name));
        }
    }

    /// Takes connections and never answers.
    async fn silent(timeout: Duration) -> (TcpListener, Export) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap()).parse().unwrap();
        (listener, Export::to(&url, timeout, Resource::builder_empty().build()).unwrap())
    }

    #[tokio::test]
    async fn of_too_many_spans_the_last_ones_are_kept() {
        let export = Export::to_nobody().unwrap();
        with_spans(&export, (0..=MAX_SPANS).map(|n| n.to_string()));
        let kept = export.take();
        assert_eq!(kept.len(), MAX_SPANS);
        assert_eq!(kept.last().unwrap().name, MAX_SPANS.to_string());
    }

    #[tokio::test]
    async fn who_does_not_answer_gets_nothing_for_a_while() {
        let (_listener, export) = silent(Duration::from_millis(20)).await;
        with_spans(&export, ["one".to_owned()]);
        export.flush(LONG).await;
        with_spans(&export, ["two".to_owned()]);
        assert!(export.take().is_empty());
        export.kept().paused_at = Instant::now().checked_sub(PAUSE);
        with_spans(&export, ["three".to_owned()]);
        assert_eq!(export.take().len(), 1);
    }

    #[tokio::test]
    async fn who_never_answers_is_complained_of_once() {
        let (_listener, export) = silent(Duration::from_millis(20)).await;
        let log = Log::default();
        log.of(async {
            for _ in 0..3 {
                export.kept().paused_at = None;
                with_spans(&export, ["one".to_owned()]);
                export.flush(LONG).await;
                assert!(export.kept().paused_at.is_some());
            }
        })
        .await;
        assert_eq!(log.text().matches("spans are lost").count(), 1, "{}", log.text());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_invocation_has_left() {
        // An hour would be the collector's: the test ends only by what the invocation has left.
        let (_listener, export) = silent(LONG).await;
        with_spans(&export, ["one".to_owned()]);
        let log = Log::default();
        log.of(export.flush(Duration::from_millis(20))).await;
        assert_eq!(log.text(), "");
        with_spans(&export, ["two".to_owned()]);
        assert_eq!(export.take().len(), 1);
    }
}
