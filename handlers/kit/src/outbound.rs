//! HTTP to companies that we depend on. What is sent and answered is never logged.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url, header::RETRY_AFTER, redirect::Policy, retry};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    config::{ConfigError, parsed, parsed_or},
    outside::OutsideError,
    secret::Secret,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const USER_AGENT: &str = concat!("lakeside/", env!("CARGO_PKG_VERSION"));
/// For who says neither how long nor by the clock.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long to wait at most, whatever the invocation has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Timeouts {
    /// From `OUTBOUND_CONNECT_TIMEOUT_MS` (default 1000) and `OUTBOUND_TIMEOUT_MS` (default 8000).
    ///
    /// # Errors
    /// [`ConfigError`] if one of them is no number.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            connect: Duration::from_millis(parsed_or("OUTBOUND_CONNECT_TIMEOUT_MS", 1000)?),
            total: Duration::from_millis(parsed_or("OUTBOUND_TIMEOUT_MS", 8000)?),
        })
    }
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// By its settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The text is no URL.
    #[error("`{0}` is no URL")]
    NoUrl(String),
    /// The URL has no paths.
    #[error("`{0}` is no URL of a server")]
    NoServer(Url),
    /// By TLS.
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
}

/// A request without its method.
#[derive(Debug)]
pub struct Outgoing<'a, B> {
    /// Below the server's URL; escaped on the way.
    pub path: &'a [&'a str],
    /// The `Idempotency-Key`, where there is one.
    pub key: Option<&'a str>,
    /// JSON.
    pub body: Option<&'a B>,
}

/// An answer with a status below 500 that is not 429.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// The body, or `None` if it is not of the form `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The error of an answer that means nothing to the caller. A success without meaning may well be one.
    pub fn unexpected(&self) -> OutsideError {
        if self.status < 300 {
            OutsideError::Unknown(format!("answered {} with another body than agreed", self.status).into())
        } else {
            OutsideError::Refused { status: self.status }
        }
    }
}

/// One server.
#[derive(Debug, Clone)]
pub struct Server {
    client: Client,
    url: Url,
    total: Duration,
    credential: Option<Secret>,
}

impl Server {
    /// The server at `url`.
    ///
    /// # Errors
    /// [`OutboundError`] if `url` is no server's, or TLS cannot be set up.
    pub fn new(url: Url, timeouts: Timeouts) -> Result<Self, OutboundError> {
        if url.cannot_be_a_base() {
            return Err(OutboundError::NoServer(url));
        }
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .redirect(Policy::none())
            // Trying again is decided where the outcome is recorded.
            .retry(retry::never())
            // A connection kept over a freeze of the execution environment is dead more often than not.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client, url, total: timeouts.total, credential: None })
    }

    /// The server whose URL is `url`.
    ///
    /// # Errors
    /// As [`Self::new`], and [`OutboundError::NoUrl`].
    pub fn at(url: &str, timeouts: Timeouts) -> Result<Self, OutboundError> {
        Self::new(url.parse().map_err(|_| OutboundError::NoUrl(url.to_owned()))?, timeouts)
    }

    /// The server whose URL is in the environment variable `name`.
    ///
    /// # Errors
    /// As [`Self::new`], and [`ConfigError`].
    pub fn from_env(name: &'static str) -> Result<Self, OutboundError> {
        Self::new(parsed(name)?, Timeouts::from_env()?)
    }

    /// The same server, called in the name of whoever `credential` belongs to.
    #[must_use]
    pub fn bearing(&self, credential: &Secret) -> Self {
        Self { credential: Some(credential.clone()), ..self.clone() }
    }

    /// Posts, and waits no longer than `patience`.
    ///
    /// # Errors
    /// [`OutsideError::Throttled`] for 429; [`OutsideError::Unknown`] without an answer and for 408 and 5xx.
    pub async fn post<B: Serialize>(
        &self,
        request: Outgoing<'_, B>,
        patience: Duration,
    ) -> Result<Answer, OutsideError> {
        self.send(Method::POST, request, patience).await
    }

    /// Puts, and waits no longer than `patience`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn put<B: Serialize>(
        &self,
        request: Outgoing<'_, B>,
        patience: Duration,
    ) -> Result<Answer, OutsideError> {
        self.send(Method::PUT, request, patience).await
    }

    /// Gets, and waits no longer than `patience`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn get(&self, path: &[&str], patience: Duration) -> Result<Answer, OutsideError> {
        answer(self.request(Method::GET, path, patience)).await
    }

    /// Deletes, and waits no longer than `patience`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn delete(&self, path: &[&str], patience: Duration) -> Result<Answer, OutsideError> {
        answer(self.request(Method::DELETE, path, patience)).await
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        request: Outgoing<'_, B>,
        patience: Duration,
    ) -> Result<Answer, OutsideError> {
        let mut builder = self.request(method, request.path, patience);
        if let Some(key) = request.key {
            builder = builder.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = request.body {
            builder = builder.json(body);
        }
        answer(builder).await
    }

    fn request(&self, method: Method, path: &[&str], patience: Duration) -> reqwest::RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.client.request(method, url).timeout(patience.min(self.total));
        match &self.credential {
            // Marked as sensitive, so that no trace of the client shows it.
            Some(credential) => request.bearer_auth(credential.reveal()),
            None => request,
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, OutsideError> {
    let lost = |error: reqwest::Error| OutsideError::Unknown(error.without_url().into());
    let response = request.send().await.map_err(lost)?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let retry_after = seconds.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs);
        return Err(OutsideError::Throttled { retry_after });
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(OutsideError::Unknown(format!("answered {}", status.as_u16()).into()));
    }
    let body = response.bytes().await.map_err(lost)?;
    Ok(Answer { status: status.as_u16(), body: body.into() })
}
