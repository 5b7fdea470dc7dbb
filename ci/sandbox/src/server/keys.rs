//! The processor's keys over HTTP: of those who have one, and of its staff, who need none.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, Request, State},
    middleware::Next,
    response::Response,
    routing::{delete, get, post},
};
use serde_json::json;

use super::{Sandbox, bearer, parse, respond};
use crate::{
    idempotency::Answer,
    keys::{KeyRequest, Reply},
};

/// What a customer may do with keys, by one of them.
pub(super) fn behind_a_key() -> Router<Sandbox> {
    Router::new()
        .route("/v1/ping", get(ping))
        .route("/v1/keys", get(list_keys).post(create_key))
        .route("/v1/keys/{key_id}", delete(revoke_key))
}

/// What the processor's staff may do.
pub(super) fn of_the_staff() -> Router<Sandbox> {
    Router::new()
        .route("/processor/keys", post(issue_key))
        .route("/processor/keys/{key_id}", delete(take_key))
}

/// The id of the key that a request to the processor came with.
#[derive(Clone)]
struct Opener(String);

/// Turns away whoever comes without a key that opens.
pub(super) async fn demand(State(sandbox): State<Sandbox>, mut request: Request, next: Next) -> Response {
    let opener = sandbox.books().keys.id_of(bearer(request.headers())).map(|id| Opener(id.to_owned()));
    let Some(opener) = opener else {
        return respond(&Answer::error(401, "who is there?"));
    };
    request.extensions_mut().insert(opener);
    next.run(request).await
}

async fn ping(Extension(Opener(id)): Extension<Opener>) -> Response {
    respond(&Answer::new(200, json!({ "keyId": id })))
}

async fn list_keys(State(sandbox): State<Sandbox>) -> Response {
    respond(&Answer::new(200, sandbox.books().keys.list()))
}

async fn create_key(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    let request = match key_request(&body) {
        Ok(request) => request,
        Err(answer) => return respond(&answer),
    };
    let reply = sandbox.books().keys.create(&request, epoch_seconds());
    match reply {
        Reply::Answer(answer) => respond(&answer),
        Reply::HangThenLand => {
            let landing = sandbox.clone();
            tokio::spawn(async move {
                tokio::time::sleep(landing.landing_delay).await;
                landing.books().keys.issue(&request, epoch_seconds());
            });
            sandbox.hang().await
        }
    }
}

async fn revoke_key(
    State(sandbox): State<Sandbox>,
    Extension(Opener(by)): Extension<Opener>,
    Path(key_id): Path<String>,
) -> Response {
    respond(&sandbox.books().keys.revoke(&key_id, Some(&by)))
}

/// As its staff would, for a customer who has no key.
async fn issue_key(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    match key_request(&body) {
        Ok(request) => respond(&sandbox.books().keys.issue(&request, epoch_seconds())),
        Err(answer) => respond(&answer),
    }
}

/// As its staff would, without asking.
async fn take_key(State(sandbox): State<Sandbox>, Path(key_id): Path<String>) -> Response {
    respond(&sandbox.books().keys.revoke(&key_id, None))
}

fn key_request(body: &[u8]) -> Result<KeyRequest, Answer> {
    let request: KeyRequest = parse(body)?;
    match request.fault() {
        Some(fault) => Err(Answer::error(400, fault)),
        None => Ok(request),
    }
}

fn epoch_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
