//! [Lambda's Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), for one function.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
    task::AbortHandle,
};

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a function answered, or said of its failure.
type Answer = Result<Value, Value>;

/// The API, until it is dropped.
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Answer>,
    polled: Option<oneshot::Receiver<Instant>>,
    server: AbortHandle,
}

struct Shared {
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Answer>,
    polled: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl RuntimeApi {
    /// Listens on a free port of the loopback interface.
    pub async fn listen() -> anyhow::Result<Self> {
        let (events, waiting) = mpsc::channel(1);
        let (answering, answers) = mpsc::channel(1);
        let (polling, polled) = oneshot::channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(waiting),
            answers: answering,
            polled: Mutex::new(Some(polling)),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(did_not_start))
            .with_state(shared);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port of the loopback interface is free")?;
        let address = listener.local_addr().context("the listener has no address")?;
        let server = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, events, answers, polled: Some(polled), server })
    }

    /// When the function first asked for work.
    pub async fn first_poll(&mut self) -> anyhow::Result<Instant> {
        let polled = self.polled.take().context("the first poll was awaited before")?;
        tokio::select! {
            polled = polled => polled.context("the function did not ask for work"),
            Some(said) = self.answers.recv() => bail!("the function did not start: {said:?}"),
        }
    }

    /// Has the function handle an event.
    pub async fn invoke(&mut self, event: Value) -> anyhow::Result<Value> {
        self.events.send(event).await.context("the Runtime API has stopped")?;
        let answer = tokio::time::timeout(TIMEOUT, self.answers.recv()).await;
        match answer.context("the function does not answer")?.context("the Runtime API has stopped")? {
            Ok(answer) => Ok(answer),
            Err(error) => bail!("the function failed: {error}"),
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    if let Some(polled) = shared.polled.lock().await.take() {
        // Nobody may wait for it any more.
        let _unheard = polled.send(Instant::now());
    }
    let Some(event) = shared.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
    let request_id = uuid::Uuid::from_u128(deadline.as_nanos()).to_string();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:bench";
    let headers: HeaderMap = [
        ("lambda-runtime-aws-request-id", request_id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", arn.to_owned()),
        ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?)))
    .collect();
    (headers, Json(event)).into_response()
}

async fn tell(shared: &Shared, answer: Answer) -> StatusCode {
    match shared.answers.send(answer).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::GONE,
    }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

async fn answered(
    State(shared): State<Arc<Shared>>,
    Path(_): Path<String>,
    body: axum::body::Bytes,
) -> StatusCode {
    tell(&shared, Ok(json(&body))).await
}

async fn failed(
    State(shared): State<Arc<Shared>>,
    Path(_): Path<String>,
    body: axum::body::Bytes,
) -> StatusCode {
    tell(&shared, Err(json(&body))).await
}

async fn did_not_start(State(shared): State<Arc<Shared>>, body: axum::body::Bytes) -> StatusCode {
    tell(&shared, Err(json(&body))).await
}
