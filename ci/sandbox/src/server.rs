//! The companies over HTTP.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, RETRY_AFTER},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    callbacks::Callbacks,
    carrier::{self, Carrier, LabelRequest},
    idempotency::Answer,
    keys::Keys,
    marketplaces::{self, Credential, Level, Marketplaces},
    processor::{ChargeRequest, Later, Outcome, Processor, Reply},
    rate::{RateLimit, retry_after_seconds},
};

mod keys;

const LONGEST_NAME: usize = 255;

/// How the sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests a second that the processor takes, charges and reversals together; and so many each marketplace.
    pub rate: u32,
    /// How long after its request an effect lands whose answer was lost.
    pub landing_delay: Duration,
    /// How long a request hangs before the gateway gives up on it.
    pub hang: Duration,
    /// Where the processor reports how payments ended, if anywhere.
    pub callback_url: Option<reqwest::Url>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rate: 5,
            landing_delay: Duration::from_secs(3),
            hang: Duration::from_secs(30),
            callback_url: None,
        }
    }
}

struct Books {
    processor: Processor,
    keys: Keys,
    carrier: Carrier,
    marketplaces: Marketplaces,
    rate: RateLimit,
}

#[derive(Clone)]
struct Sandbox {
    books: Arc<Mutex<Books>>,
    callbacks: Callbacks,
    landing_delay: Duration,
    hang: Duration,
    stopping: watch::Receiver<bool>,
}

/// Serves on `listener` until `stop` ends; then hanging requests are let go and open ones finished.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (stopped, stopping) = watch::channel(false);
    let sandbox = Sandbox {
        books: Arc::new(Mutex::new(Books {
            processor: Processor::default(),
            keys: Keys::default(),
            carrier: Carrier::default(),
            marketplaces: Marketplaces::per_second(options.rate),
            rate: RateLimit::per_second(options.rate),
        })),
        callbacks: Callbacks::to(options.callback_url),
        landing_delay: options.landing_delay,
        hang: options.hang,
        stopping,
    };
    let behind_a_key = Router::new()
        .route("/v1/payments", post(charge))
        .route("/v1/payments/{reference}", get(look_up_payment))
        .route("/v1/payments/{reference}/reversal", post(reverse))
        .merge(keys::behind_a_key())
        .route_layer(middleware::from_fn_with_state(sandbox.clone(), keys::demand));
    let routes = Router::new()
        .merge(behind_a_key)
        .merge(keys::of_the_staff())
        .route("/v1/labels", post(create_label))
        .route("/v1/labels/{reference}", get(look_up_label))
        .route("/v1/labels/{reference}/void", post(void_label))
        .route("/marketplaces/{marketplace}/v1/listings/{sku}/stock", put(put_level))
        .route("/marketplaces/{marketplace}/credential", put(open_marketplace))
        .route("/ledger", get(ledger))
        .route("/health", get(|| async { StatusCode::OK }))
        .fallback(|| async { respond(&Answer::error(404, "no such path")) })
        .layer(middleware::from_fn(log))
        .with_state(sandbox);
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            stop.await;
            // Fails only when nobody listens any more.
            let _ = stopped.send(true);
        })
        .await?;
    Ok(())
}

/// Whether `text` may name a payment, a shipment or a key.
pub fn is_reference(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

async fn charge(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    let outcome = {
        let mut books = sandbox.books();
        if let Err(wait) = books.rate.admit(Instant::now()) {
            return too_many(wait);
        }
        let (key, request) = match (idempotency_key(&headers), parse::<ChargeRequest>(&body)) {
            (Ok(key), Ok(request)) => (key, request),
            (Err(answer), _) | (_, Err(answer)) => return respond(&answer),
        };
        if let Some(fault) = request.fault() {
            return respond(&Answer::error(400, fault));
        }
        books.processor.charge(key, &request)
    };
    sandbox.follow(outcome).await
}

async fn reverse(
    State(sandbox): State<Sandbox>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Response {
    let outcome = {
        let mut books = sandbox.books();
        if let Err(wait) = books.rate.admit(Instant::now()) {
            return too_many(wait);
        }
        let key = match idempotency_key(&headers) {
            Ok(key) => key,
            Err(answer) => return respond(&answer),
        };
        if !is_reference(&reference) {
            return respond(&Answer::error(400, "reference must be 1 to 255 visible characters"));
        }
        books.processor.reverse(key, &reference)
    };
    sandbox.follow(outcome).await
}

async fn look_up_payment(State(sandbox): State<Sandbox>, Path(reference): Path<String>) -> Response {
    found(sandbox.books().processor.look_up(&reference))
}

async fn create_label(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    let (key, request) = match (idempotency_key(&headers), parse::<LabelRequest>(&body)) {
        (Ok(key), Ok(request)) => (key, request),
        (Err(answer), _) | (_, Err(answer)) => return respond(&answer),
    };
    if let Some(fault) = request.fault() {
        return respond(&Answer::error(400, fault));
    }
    let reply = sandbox.books().carrier.create(key, &request);
    match reply {
        carrier::Reply::Answer(answer) => respond(&answer),
        carrier::Reply::HangThenLand => {
            let (landing, key) = (sandbox.clone(), key.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(landing.landing_delay).await;
                landing.books().carrier.land(&key, &request);
            });
            sandbox.hang().await
        }
    }
}

async fn look_up_label(State(sandbox): State<Sandbox>, Path(reference): Path<String>) -> Response {
    found(sandbox.books().carrier.look_up(&reference))
}

async fn void_label(State(sandbox): State<Sandbox>, Path(reference): Path<String>) -> Response {
    if !is_reference(&reference) {
        return respond(&Answer::error(400, "reference must be 1 to 255 visible characters"));
    }
    respond(&sandbox.books().carrier.void(&reference))
}

async fn put_level(
    State(sandbox): State<Sandbox>,
    Path((marketplace, sku)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (reply, level) = {
        let mut books = sandbox.books();
        if let Err(reply) = books.marketplaces.admit(&marketplace, bearer(&headers), Instant::now()) {
            (reply, None)
        } else {
            let (key, level) = match (idempotency_key(&headers), parse::<Level>(&body)) {
                (Ok(key), Ok(level)) => (key, level),
                (Err(answer), _) | (_, Err(answer)) => return respond(&answer),
            };
            if !is_reference(&sku) {
                return respond(&Answer::error(400, "the sku must be 1 to 255 visible characters"));
            }
            (books.marketplaces.put(&marketplace, &sku, key, level), Some(level))
        }
    };
    match reply {
        marketplaces::Reply::Answer(answer) => respond(&answer),
        marketplaces::Reply::TooMany(wait) => too_many(wait),
        marketplaces::Reply::Hang => sandbox.hang().await,
        marketplaces::Reply::HangThenLand => {
            let landing = sandbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(landing.landing_delay).await;
                if let Some(level) = level {
                    landing.books().marketplaces.land(&marketplace, &sku, level);
                }
            });
            sandbox.hang().await
        }
    }
}

/// As its staff would, who revoke a credential and issue another.
async fn open_marketplace(
    State(sandbox): State<Sandbox>,
    Path(marketplace): Path<String>,
    body: Bytes,
) -> Response {
    match parse::<Credential>(&body) {
        Ok(credential) if sandbox.books().marketplaces.open_with(&marketplace, &credential) => {
            respond(&Answer::new(200, json!({})))
        }
        Ok(_) => respond(&Answer::error(404, "no such marketplace")),
        Err(answer) => respond(&answer),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn ledger(State(sandbox): State<Sandbox>) -> Json<Value> {
    let books = sandbox.books();
    Json(json!({
        "payments": books.processor.ledger(),
        "keys": books.keys.ledger(),
        "labels": books.carrier.ledger(),
        "listings": books.marketplaces.ledger(),
        "turnedAway": books.marketplaces.turned_away(),
    }))
}

impl Sandbox {
    fn books(&self) -> MutexGuard<'_, Books> {
        // A handler that panicked has at worst left one order half written; the others go on.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(&self, outcome: Outcome) -> Response {
        self.callbacks.send(outcome.callbacks);
        if let Some(later) = outcome.later {
            self.land(later);
        }
        match outcome.reply {
            Reply::Answer(answer) => respond(&answer),
            Reply::Hang => self.hang().await,
        }
    }

    /// In a task of its own: what lands does so although the client has gone.
    fn land(&self, later: Later) {
        let sandbox = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(sandbox.landing_delay).await;
            let callbacks = sandbox.books().processor.land(&later);
            sandbox.callbacks.send(callbacks);
        });
    }

    async fn hang(&self) -> Response {
        eprintln!("hanging");
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(self.hang) => respond(&Answer::error(504, "no answer in time")),
            _ = stopping.wait_for(|stopping| *stopping) => respond(&Answer::error(503, "stopping")),
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str, Answer> {
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .filter(|key| is_reference(key))
        .ok_or_else(|| Answer::error(400, "header `Idempotency-Key` must be 1 to 255 visible characters"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::error(400, &error.to_string()))
}

fn found(body: Option<Value>) -> Response {
    let answer = body.map_or_else(|| Answer::error(404, "no such reference"), |body| Answer::new(200, body));
    respond(&answer)
}

fn too_many(wait: Duration) -> Response {
    let seconds = retry_after_seconds(wait).to_string();
    let mut response = respond(&Answer::error(429, "too many requests"));
    if let Ok(value) = seconds.parse() {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn respond(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(&answer.body)).into_response()
}

async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    eprintln!("{method} {path} {}", response.status().as_u16());
    response
}
