//! What the page asks for, as JSON, and the page itself.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, Request, State},
    http::{StatusCode, Uri, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures::{Stream, stream};
use lakeside_domain::ids::OrderId;
use serde::Serialize;
use serde_json::json;

use super::{
    assets::asset,
    desk::{Current, Desk},
    gate::{Gate, HEADERS, SIGN_IN, Shut},
    operations::{Operations, Replays},
    poller::Board,
    wishes,
};
use crate::{
    dead_letters::{handling::Choice, queues::Wanted},
    failure::{Failure, Kind},
};

/// Letters of a queue that are looked at, sent back or dropped at a time.
const LETTERS: usize = 1000;
/// What the page sends is small.
const MAX_BODY: usize = 64 * 1024;

/// What is served.
pub struct Console<O> {
    /// Who is let in.
    pub gate: Gate,
    /// The cloud.
    pub operations: Arc<O>,
    /// What all who watch are shown.
    pub board: Arc<Board>,
    /// The replay that was begun here.
    pub desk: Arc<Desk>,
    /// Which installation it is.
    pub prefix: String,
    /// Calls to the cloud in a minute at most.
    pub calls_per_minute: u32,
}

/// The console, behind every way in.
pub type Shared<O> = State<Arc<Console<O>>>;

/// Every way in, all behind the gate.
pub fn router<O: Operations>(console: Console<O>) -> Router {
    let console = Arc::new(console);
    Router::new()
        .route(SIGN_IN, get(sign_in))
        .route("/api/about", get(about))
        .route("/api/overview", get(overview))
        .route("/api/orders/{order}", get(order))
        .route("/api/orders/{order}/{action}", post(wishes::act))
        .route("/api/dead-letters", get(dead_letters))
        .route("/api/dead-letters/{queue}", get(peek))
        .route("/api/dead-letters/{queue}/redrive", post(wishes::redrive))
        .route("/api/dead-letters/{queue}/drop", post(wishes::drop_letters))
        .route("/api/stock/{sku}", get(stock))
        .route("/api/stock/{sku}/adjust", post(wishes::adjust))
        .route("/api/reconciliation", post(wishes::reconcile))
        .route("/api/replays", get(replays).post(wishes::replay))
        .route("/api/replays/current", get(current_replay))
        .route("/api/replays/stop", post(wishes::stop_replay))
        .fallback(page)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&console), guarded))
        .with_state(console)
}

/// Lets nobody through whom the gate does not admit, and says to browsers what they may do with the answer.
async fn guarded<O: Operations>(State(console): Shared<O>, request: Request, next: Next) -> Response {
    let admitted = console.gate.admit(request.method(), request.uri().path(), request.headers());
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(shut) => shut.into_response(),
    };
    response.headers_mut().extend(HEADERS);
    response
}

impl IntoResponse for Shut {
    fn into_response(self) -> Response {
        let Self { status, kind, sentence } = self;
        (status, Json(json!({ "error": { "kind": kind, "message": sentence } }))).into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::Wrong => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Usage => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Guarded => StatusCode::CONFLICT,
            Kind::Unreachable => StatusCode::BAD_GATEWAY,
        };
        let error = json!({ "kind": self.kind.name(), "message": self.sentence });
        (status, Json(json!({ "error": error }))).into_response()
    }
}

/// What is answered, or why not.
pub type Answered<T> = Result<Json<T>, Failure>;

/// A value of the query; ours have no character that is written otherwise there.
fn asked<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

async fn sign_in<O: Operations>(State(console): Shared<O>, uri: Uri) -> Response {
    match console.gate.cookie(asked(&uri, "token").unwrap_or_default()) {
        Some(cookie) => {
            (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".into())])
                .into_response()
        }
        None => Shut {
            status: StatusCode::UNAUTHORIZED,
            kind: "SIGNED_OUT",
            sentence: "this is not the address that `lakeside console` has printed at its last start",
        }
        .into_response(),
    }
}

async fn page(request: Request) -> Response {
    match asset(request.uri().path()) {
        Some((kind, text)) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        None => Failure::not_found("there is no such page").into_response(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    prefix: &'a str,
    read_only: bool,
    calls_per_minute: u32,
}

async fn about<O: Operations>(State(console): Shared<O>) -> Response {
    let Console { gate, prefix, calls_per_minute, .. } = &*console;
    Json(About { prefix, read_only: gate.read_only(), calls_per_minute: *calls_per_minute }).into_response()
}

/// Every look, as it is made, for as long as the page listens.
async fn overview<O: Operations>(
    State(console): Shared<O>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = console.board.watch();
    let looks = stream::unfold((receiver, true), |(mut receiver, first)| async move {
        if !first {
            receiver.changed().await.ok()?;
        }
        let look = Arc::clone(&receiver.borrow_and_update());
        let event = serde_json::to_string(&*look).map(|text| Event::default().data(text)).ok()?;
        Some((Ok(event), (receiver, false)))
    });
    Sse::new(looks).keep_alive(KeepAlive::default())
}

/// An order in the path.
struct Whose(OrderId);

/// The order that is meant.
pub fn whose(text: &str) -> Result<OrderId, Failure> {
    OrderId::parse(text).map_err(|error| Failure::usage(error.to_string()))
}

impl<S: Send + Sync> FromRequestParts<S> for Whose {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|error| Failure::usage(error.to_string()))?;
        whose(&text).map(Self)
    }
}

async fn order<O: Operations>(
    State(console): Shared<O>,
    Whose(order_id): Whose,
    uri: Uri,
) -> Answered<impl Serialize> {
    console.operations.order(order_id, asked(&uri, "logs") == Some("true")).await.map(Json)
}

async fn dead_letters<O: Operations>(State(console): Shared<O>) -> Answered<impl Serialize> {
    let mut listed = console.operations.dead_letters().await?;
    listed.retain(|queue| queue.waiting + queue.in_flight > 0);
    Ok(Json(listed))
}

/// Letters of a queue.
pub fn of_queue(queue: String, wanted: Wanted) -> Choice {
    Choice { queue, wanted, limit: LETTERS }
}

async fn peek<O: Operations>(
    State(console): Shared<O>,
    Path(queue): Path<String>,
) -> Answered<impl Serialize> {
    console.operations.peek(of_queue(queue, Wanted::default())).await.map(Json)
}

async fn stock<O: Operations>(
    State(console): Shared<O>,
    Path(name): Path<String>,
) -> Answered<impl Serialize> {
    console.operations.stock(wishes::sku(&name)?).await.map(Json)
}

#[derive(Serialize)]
struct ReplaysPage {
    #[serde(flatten)]
    replays: Replays,
    current: Option<Current>,
}

async fn replays<O: Operations>(State(console): Shared<O>) -> Answered<impl Serialize> {
    let replays = console.operations.replays().await?;
    Ok(Json(ReplaysPage { replays, current: console.desk.current() }))
}

/// How far the replay of this console is, which takes no call.
async fn current_replay<O: Operations>(State(console): Shared<O>) -> Response {
    Json(console.desk.current()).into_response()
}
