//! Spans by OTLP over HTTP, to whom `OTEL_EXPORTER_OTLP_ENDPOINT` names: as a rule an extension of the function, which listens
//! on the loopback interface. Where nobody is named, nothing of this is set up.
//!
//! The spans are those that the log has its ids from, and one for each call of the AWS SDK, in the trace of X-Ray's header and
//! only if that is sampled. They say what the log says of whose work it is, and nothing of what was in it: events stay away,
//! the SDK's hold requests.
//!
//! What has ended is kept, and sent before the invocation is answered. Nothing waits for it longer than
//! `OTEL_EXPORTER_OTLP_TIMEOUT` says, and no invocation is another for it.

use std::time::Duration;

use lakeside_domain::time::Timestamp;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Span, Subscriber, dispatcher, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

pub(crate) use self::export::Export;
use crate::{
    clock::{Clock, SystemClock},
    correlation::LINE,
    trace::TraceHeader,
};

mod export;

/// So that [`flush`] finds it behind whichever subscriber the caller has.
impl<S: Subscriber> Layer<S> for Export {}

/// Gives the spans that are worth it to `export`.
pub(crate) fn layer<S>(export: Export) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let provider = SdkTracerProvider::builder()
        .with_span_processor(export.clone())
        .with_resource(export.resource())
        .build();
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("lakeside"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .and_then(export)
        .with_filter(filter_fn(is_exported).with_max_level_hint(LevelFilter::DEBUG))
}

/// Our own spans, and those of the SDK's calls.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let own = target.starts_with("lakeside") && metadata.name() != LINE;
    let call = || target.starts_with("aws_sdk_") && metadata.fields().field("rpc.method").is_some();
    metadata.is_span() && (own || call())
}

/// Sends what has ended, if anybody wants it, while there is time until `deadline`.
pub(crate) async fn flush(deadline: Timestamp) {
    let export = dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Export>().cloned());
    if let Some(export) = export {
        let left = deadline.as_millis().saturating_sub(SystemClock.now().as_millis());
        export.flush(Duration::from_millis(u64::try_from(left).unwrap_or_default())).await;
    }
}

/// Has `span` in the trace of `header`. For a span that nobody was in.
pub(crate) fn join(span: &Span, header: Option<&TraceHeader>) {
    if let Some(remote) = header.and_then(remote) {
        // Without an export the span takes no parent.
        let _unwanted = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}

/// Points from `span` to the trace of `header`.
pub(crate) fn link(span: &Span, header: Option<&TraceHeader>) {
    if let Some(remote) = header.and_then(remote) {
        span.add_link(remote);
    }
}

/// Says of the span that the caller is in that its work failed, by the name of an error's type.
pub(crate) fn failed(error_type: &'static str) {
    Span::current().set_status(Status::error(error_type));
}

/// The span that `header` names. The first of a trace names none: it is then the trace's own.
fn remote(header: &TraceHeader) -> Option<SpanContext> {
    let root = header.field("Root")?.strip_prefix("1-")?.replace('-', "");
    let parent = header.field("Parent").or_else(|| root.get(16..))?;
    let (trace_id, span_id) = (TraceId::from_hex(&root).ok()?, SpanId::from_hex(parent).ok()?);
    let sampled = header.field("Sampled") != Some("0");
    let flags = TraceFlags::default().with_sampled(sampled);
    let remote = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
    remote.is_valid().then_some(remote)
}

#[cfg(test)]
mod tests {
    use std::io::sink;

    use opentelemetry::trace::SpanKind;
    use opentelemetry_sdk::trace::SpanData;
    use tracing::{Instrument, instrument::WithSubscriber};

    use super::*;
    use crate::{
        disposition::{Disposed, Disposition},
        runtime::exporting_subscriber,
        sqs::{Failures, Message, each, report},
    };

    const ORDER: &str = "00000000-0000-4000-8000-000000000001";
    const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    const SENDER: &str = "Root=1-5759e989-000000000000000000000001;Parent=0000000000000002;Sampled=1";

    #[derive(Debug, thiserror::Error)]
    #[error("Ada cannot be reached")]
    struct No;

    impl Disposed for No {
        fn disposition(&self) -> Disposition {
            Disposition::Park
        }
    }

    fn header(text: &str) -> TraceHeader {
        TraceHeader::parse(text).unwrap()
    }

    /// A message that says whose it is, and something else.
    fn message(id: &str) -> Message {
        let body = serde_json::json!({
            "detail-type": "OrderCreated",
            "detail": {"metadata": {"eventId": ORDER, "correlationId": ORDER}, "data": {"orderId": ORDER, "to": "Ada"}},
        });
        Message {
            id: id.into(),
            body: body.to_string(),
            trace_header: TraceHeader::parse(SENDER),
            ..Message::default()
        }
    }

    /// What ends while a batch of two is handled in the trace of `header`. The second message fails.
    async fn ended(header: Option<&TraceHeader>) -> Vec<SpanData> {
        let export = Export::to_nobody().unwrap();
        let batch = [message("1"), message("2")];
        let work = async {
            let span = tracing::error_span!("invocation", request_id = "r-1", cold_start = true);
            join(&span, header);
            let work = async {
                let failures: Failures = each(&batch, async |message| {
                    tracing::info!(to = "Ada", "an event of the log");
                    let call = || tracing::debug_span!(target: "aws_sdk_dynamodb::put", "DynamoDB.PutItem", "rpc.method" = "PutItem");
                    tracing::debug!(target: "aws_sdk_dynamodb::put", "Ada");
                    call().in_scope(|| tracing::debug_span!(target: "aws_smithy_runtime", "try").in_scope(|| ()));
                    if message.id == "2" { Err(No) } else { Ok(()) }
                })
                .await;
                report(&(), &batch, &failures);
            };
            work.instrument(span).await;
        };
        work.with_subscriber(exporting_subscriber("info", sink, export.clone())).await;
        export.take()
    }

    fn text(span: &SpanData, key: &str) -> Option<String> {
        let mut attributes = span.attributes.iter();
        attributes.find(|attribute| attribute.key.as_str() == key).map(|found| found.value.to_string())
    }

    #[tokio::test]
    async fn the_spans_of_an_invocation_are_in_the_trace_of_its_header() {
        let spans = ended(Some(&header(HEADER))).await;
        let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
        let (call, handling) = ("DynamoDB.PutItem", "handling");
        assert_eq!(names, [call, handling, call, handling, "invocation"]);
        for span in &spans {
            assert_eq!(span.span_context.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
        }
        let [call, first, _, _, invocation] = <[SpanData; 5]>::try_from(spans).unwrap();
        assert_eq!(invocation.parent_span_id.to_string(), "53995c3f42cd8ad8");
        assert_eq!(first.parent_span_id, invocation.span_context.span_id());
        assert_eq!(call.parent_span_id, first.span_context.span_id());
        let kinds = [&invocation, &first, &call].map(|span| span.span_kind.clone());
        assert_eq!(kinds, [SpanKind::Server, SpanKind::Internal, SpanKind::Client]);
    }

    #[tokio::test]
    async fn a_span_says_whose_work_it_is_and_nothing_else() {
        let spans = ended(Some(&header(HEADER))).await;
        let [_, first, _, _, invocation] = <[SpanData; 5]>::try_from(spans.clone()).unwrap();
        for key in ["correlation_id", "causation_id", "order_id"] {
            assert_eq!(text(&first, key).as_deref(), Some(ORDER), "{key}");
        }
        assert_eq!(text(&first, "message_type").as_deref(), Some("OrderCreated"));
        assert_eq!(text(&invocation, "faas.invocation_id").as_deref(), Some("r-1"));
        assert_eq!(text(&invocation, "faas.coldstart").as_deref(), Some("true"));
        assert!(!format!("{spans:?}").contains("Ada"), "{spans:?}");
        assert!(spans.iter().all(|span| span.events.is_empty()));
    }

    #[tokio::test]
    async fn a_message_points_to_the_trace_that_it_was_sent_in() {
        for span in ended(Some(&header(HEADER))).await {
            let linked: Vec<_> =
                span.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
            let expected: &[&str] =
                if span.name == "handling" { &["5759e989000000000000000000000001"] } else { &[] };
            assert_eq!(linked, expected, "{}", span.name);
        }
    }

    #[tokio::test]
    async fn the_span_of_a_message_that_fails_says_what_becomes_of_it() {
        let spans = ended(Some(&header(HEADER))).await;
        let statuses: Vec<_> = spans.into_iter().map(|span| span.status).collect();
        let parked = Status::error("Lakeside.Park");
        assert_eq!(statuses, [Status::Unset, Status::Unset, Status::Unset, parked, Status::Unset]);
    }

    #[tokio::test]
    async fn what_x_ray_does_not_sample_is_not_exported() {
        for unsampled in [
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        ] {
            assert!(ended(Some(&header(unsampled))).await.is_empty(), "{unsampled}");
        }
    }

    #[tokio::test]
    async fn without_a_header_an_invocation_begins_a_trace() {
        let spans = ended(None).await;
        assert_eq!(spans.len(), 5);
        let [.., invocation] = spans.as_slice() else { panic!("no span") };
        assert_eq!(invocation.parent_span_id, SpanId::INVALID);
    }

    #[test]
    fn a_header_names_trace_parent_and_whether_it_is_sampled() {
        let read = |text: &str| {
            let remote = remote(&header(text))?;
            Some((remote.trace_id().to_string(), remote.span_id().to_string(), remote.is_sampled()))
        };
        let trace = "5759e988bd862e3fe1be46a994272793".to_owned();
        let expected = |parent: &str, sampled| Some((trace.clone(), parent.to_owned(), sampled));
        assert_eq!(read(HEADER), expected("53995c3f42cd8ad8", true));
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(
            read(&format!("Sampled=0;{root};Parent=53995c3f42cd8ad8")),
            expected("53995c3f42cd8ad8", false)
        );
        assert_eq!(read(&format!("{root};Sampled=0")), expected("e1be46a994272793", false));
        assert_eq!(read(root), expected("e1be46a994272793", true));
        assert_eq!(read(&format!("{root};Parent=nobody")), None);
        assert_eq!(read("Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8"), None);
    }
}
