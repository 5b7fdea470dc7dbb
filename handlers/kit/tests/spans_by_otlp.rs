//! The function `publish-outbox` itself, before a Runtime API, an EventBridge and a collector that are one server here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails must fail its test"
)]

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode as HttpStatus, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex as Waiting, mpsc},
    time::timeout,
};

const ORDER: &str = "00000000-0000-4000-8000-000000000001";
const EVENT: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
const TRACE: &str = "5759e988bd862e3fe1be46a994272793";
const PARENT: &str = "53995c3f42cd8ad8";
const SAMPLED: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const UNSAMPLED: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
/// For what must not take long, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the function asked of somebody, in its order.
#[derive(Debug, Clone)]
enum Asked {
    PutEvents,
    Spans(Bytes),
    Answer(Value),
}

struct World {
    events: mpsc::Sender<(&'static str, Value)>,
    answers: mpsc::Receiver<()>,
    asked: Arc<Mutex<Vec<Asked>>>,
    url: String,
}

struct Server {
    events: Waiting<mpsc::Receiver<(&'static str, Value)>>,
    answers: mpsc::Sender<()>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl World {
    async fn listen() -> Self {
        let (events, waiting) = mpsc::channel(1);
        let (answering, answers) = mpsc::channel(1);
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let server = Server { events: Waiting::new(waiting), answers: answering, asked: Arc::clone(&asked) };
        let router = Router::new().fallback(serve).with_state(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { events, answers, asked, url }
    }

    /// Starts the function with `settings` beside those that it needs.
    fn function(&self, settings: &[(&str, &str)]) -> Child {
        let environment = [
            ("AWS_LAMBDA_RUNTIME_API", self.url.trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", "lakeside-orders-publish-outbox"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/lakeside-orders-publish-outbox"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/26/[7]abc"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret"),
            ("AWS_ENDPOINT_URL", &self.url),
            ("BUS_NAME", "lakeside-orders"),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_publish-outbox"));
        command.env_clear().envs(environment).envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    /// Has the function handle `event` in the trace of `header`; answers what it asked of whom meanwhile.
    async fn invoke(&mut self, header: &'static str, event: Value) -> Vec<Asked> {
        self.events.send((header, event)).await.unwrap();
        timeout(PATIENCE, self.answers.recv()).await.expect("the function does not answer").unwrap();
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn serve(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    let ask = |asked| server.asked.lock().unwrap().push(asked);
    if path.ends_with("/invocation/next") {
        let Some((header, event)) = server.events.lock().await.recv().await else {
            return std::future::pending().await;
        };
        return (invocation(header), Json(event)).into_response();
    }
    if path == "/v1/traces" {
        assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "application/x-protobuf");
        ask(Asked::Spans(body));
    } else if path == "/busy" {
        ask(Asked::Spans(body));
        return HttpStatus::SERVICE_UNAVAILABLE.into_response();
    } else if path == "/" {
        ask(Asked::PutEvents);
        return Json(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})).into_response();
    } else {
        ask(Asked::Answer(serde_json::from_slice(&body).unwrap()));
        server.answers.send(()).await.unwrap();
    }
    ().into_response()
}

fn invocation(header: &str) -> HeaderMap {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + PATIENCE;
    let said = [
        ("lambda-runtime-aws-request-id", "r-1"),
        ("lambda-runtime-deadline-ms", &deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:f"),
        ("lambda-runtime-trace-id", header),
    ];
    said.into_iter()
        .map(|(name, text)| (HeaderName::from_static(name), HeaderValue::from_str(text).unwrap()))
        .collect()
}

/// A write with one event in its outbox, about somebody.
fn batch() -> Value {
    let metadata = json!({"eventId": EVENT, "correlationId": ORDER, "causationId": EVENT});
    let detail = json!({"metadata": metadata, "data": {"orderId": ORDER, "name": "Ada"}});
    json!({"Records": [record(&detail.to_string())]})
}

fn record(detail: &str) -> Value {
    let entry = json!({"M": {
        "eventId": {"S": EVENT}, "source": {"S": "lakeside.orders"}, "detailType": {"S": "OrderCreated"},
        "detail": {"S": detail},
    }});
    json!({
        "awsRegion": "eu-central-1", "eventID": "1", "eventName": "MODIFY", "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": "1", "SizeBytes": 1, "OldImage": {},
            "NewImage": {"pk": {"S": "ORDER#1"}, "outbox": {"L": [entry]}},
        },
    })
}

/// Ends the function; answers what it wrote.
async fn ended(mut function: Child) -> String {
    function.kill().await.unwrap();
    let mut written = String::new();
    function.stdout.take().unwrap().read_to_string(&mut written).await.unwrap();
    written
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        Any::BoolValue(value) => Some(value.to_string()),
        Any::IntValue(value) => Some(value.to_string()),
        other => panic!("{other:?} is no value of ours"),
    };
    attributes.iter().filter_map(|attribute| Some((attribute.key.as_str(), text(attribute)?))).collect()
}

fn spans(sent: &ResourceSpans) -> BTreeMap<&str, &Span> {
    let spans = sent.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans.map(|span| (span.name.as_str(), span)).collect()
}

#[tokio::test]
async fn the_collector_has_the_spans_of_an_invocation_before_it_is_answered() {
    let mut world = World::listen().await;
    let _function = world.function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &world.url)]);
    for cold in ["true", "false"] {
        let asked = world.invoke(SAMPLED, batch()).await;
        let [Asked::PutEvents, Asked::Spans(body), Asked::Answer(_)] = asked.as_slice() else {
            panic!("{asked:?}");
        };
        for secret in ["Ada", "a-secret"] {
            assert!(!String::from_utf8_lossy(body).contains(secret));
        }
        let sent = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        let [sent] = sent.resource_spans.as_slice() else { panic!("{sent:?}") };
        let spans = spans(sent);
        assert_eq!(
            spans.keys().copied().collect::<Vec<_>>(),
            ["EventBridge.PutEvents", "handling", "invocation"]
        );
        assert!(spans.values().all(|span| hex(&span.trace_id) == TRACE));
        let (invocation, call) = (spans["invocation"], spans["EventBridge.PutEvents"]);
        assert_eq!(hex(&invocation.parent_span_id), PARENT);
        assert_eq!(call.parent_span_id, invocation.span_id);
        assert_eq!(spans["handling"].parent_span_id, invocation.span_id);
        assert_eq!((invocation.kind(), call.kind()), (SpanKind::Server, SpanKind::Client));
        let expected = [
            ("faas.coldstart", cold),
            ("faas.invocation_id", "r-1"),
            ("function", "lakeside-orders-publish-outbox"),
            ("trigger", "stream"),
        ];
        assert_eq!(texts(&invocation.attributes), expected.map(|(key, text)| (key, text.to_owned())).into());
        let expected = [("causation_id", EVENT), ("correlation_id", ORDER), ("order_id", ORDER)];
        let said = texts(&spans["handling"].attributes);
        assert_eq!(said, expected.map(|(key, text)| (key, text.to_owned())).into());
        let said = texts(&call.attributes);
        assert_eq!((said["rpc.service"].as_str(), said["rpc.method"].as_str()), ("EventBridge", "PutEvents"));
    }
}

#[tokio::test]
async fn the_resource_is_the_function() {
    let mut world = World::listen().await;
    let traces = format!("{}/v1/traces", world.url);
    let settings = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=startup"),
    ];
    let _function = world.function(&settings);
    let asked = world.invoke(SAMPLED, batch()).await;
    let [_, Asked::Spans(body), _] = asked.as_slice() else { panic!("{asked:?}") };
    let sent = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let said = texts(&sent.resource_spans.first().unwrap().resource.as_ref().unwrap().attributes);
    for (key, expected) in [
        ("service.name", "lakeside-orders-publish-outbox"),
        ("service.version", "7"),
        ("faas.name", "lakeside-orders-publish-outbox"),
        ("faas.instance", "2026/11/26/[7]abc"),
        ("cloud.provider", "aws"),
        ("cloud.region", "eu-central-1"),
        ("deployment.environment.name", "startup"),
    ] {
        assert_eq!(said.get(key).map(String::as_str), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn an_invocation_that_fails_says_so_by_its_error_s_type() {
    let mut world = World::listen().await;
    let _function = world.function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &world.url)]);
    // From a pipe, which wants JSON.
    let asked = world.invoke(SAMPLED, json!([record("Ada")])).await;
    let [Asked::Spans(body), Asked::Answer(answer)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(answer["errorType"], "Lakeside.Park");
    assert!(!String::from_utf8_lossy(body).contains("Ada"));
    let sent = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let status = spans(sent.resource_spans.first().unwrap())["invocation"].status.clone().unwrap();
    assert_eq!((status.code(), status.message.as_str()), (StatusCode::Error, "Lakeside.Park"));
}

#[tokio::test]
async fn what_is_not_sampled_is_not_sent() {
    let mut world = World::listen().await;
    let _function = world.function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &world.url)]);
    let asked = world.invoke(UNSAMPLED, batch()).await;
    assert!(matches!(asked.as_slice(), [Asked::PutEvents, Asked::Answer(_)]), "{asked:?}");
}

#[tokio::test]
async fn a_function_that_is_not_asked_for_spans_sends_none() {
    let mut world = World::listen().await;
    let _function = world.function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
    let asked = world.invoke(SAMPLED, batch()).await;
    assert!(matches!(asked.as_slice(), [Asked::PutEvents, Asked::Answer(_)]), "{asked:?}");
}

#[tokio::test]
async fn a_collector_that_takes_nothing_is_asked_once_and_left_alone() {
    let mut world = World::listen().await;
    let busy = format!("{}/busy", world.url);
    let _function = world.function(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &busy)]);
    let asked = world.invoke(SAMPLED, batch()).await;
    assert!(matches!(asked.as_slice(), [Asked::PutEvents, Asked::Spans(_), Asked::Answer(_)]), "{asked:?}");
    let asked = world.invoke(SAMPLED, batch()).await;
    assert!(matches!(asked.as_slice(), [Asked::PutEvents, Asked::Answer(_)]), "{asked:?}");
}

#[tokio::test]
async fn a_collector_that_is_down_or_silent_changes_no_answer_and_is_one_line() {
    // It takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    for (endpoint, timeout) in [("http://127.0.0.1:9", "500"), (&silent, "20"), ("no URL", "500")] {
        let mut world = World::listen().await;
        let function = world
            .function(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", timeout)]);
        for _ in 0..3 {
            let asked = world.invoke(SAMPLED, batch()).await;
            let [Asked::PutEvents, Asked::Answer(answer)] = asked.as_slice() else { panic!("{asked:?}") };
            assert_eq!(*answer, json!({"batchItemFailures": []}));
        }
        let written = ended(function).await;
        assert_eq!(written.matches("\"level\":\"WARN\"").count(), 1, "{written}");
        assert_eq!(written.matches("event published").count(), 3, "{written}");
    }
}
