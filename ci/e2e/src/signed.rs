//! Signed calls to services for which the workspace has no SDK: a handful of requests are not worth one.

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts at a request at which the service fails, and the time between them.
const ATTEMPTS: u32 = 4;
const BACKOFF: Duration = Duration::from_millis(200);

/// A caller of AWS with nothing but HTTP and a signature.
#[derive(Debug, Clone)]
pub struct SignedCalls {
    http: Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl SignedCalls {
    /// Calls `endpoint` as the owner of `credentials`.
    pub const fn new(http: Client, endpoint: String, region: String, credentials: Credentials) -> Self {
        Self { http, endpoint, region, credentials }
    }

    /// A call of a service that speaks AWS JSON 1.1; `target` is its `X-Amz-Target`.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let text = self.send(service, Method::POST, "/", &headers, body.to_string()).await?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{target} answered no JSON"))
    }

    /// Reads a resource of a service that speaks REST with JSON.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn get(&self, service: &str, path: &str) -> anyhow::Result<Value> {
        let text = self.text(service, path).await?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered no JSON"))
    }

    /// Invokes a function and waits for its answer; `function` is its name, an alias after a colon.
    ///
    /// # Errors
    /// If there is no answer, or the function fails.
    pub async fn invoke(&self, function: &str, input: &Value) -> anyhow::Result<Value> {
        let path = format!("/2015-03-31/functions/{}/invocations", function.replace(':', "%3A"));
        let text = self.send("lambda", Method::POST, &path, &[], input.to_string()).await?;
        let answer: Value =
            serde_json::from_str(&text).with_context(|| format!("{function} answered no JSON"))?;
        if let Some(message) = answer.get("errorMessage") {
            bail!("{function} failed: {message}");
        }
        Ok(answer)
    }

    /// Reads a resource as it is.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn text(&self, service: &str, path: &str) -> anyhow::Result<String> {
        self.send(service, Method::GET, path, &[], String::new()).await
    }

    /// Sends a request, and sends it again while the service fails at it, as AWS's own clients do.
    async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> anyhow::Result<String> {
        for _ in 1..ATTEMPTS {
            let (status, text) = self.send_once(service, &method, path, headers, &body).await?;
            if status.is_success() {
                return Ok(text);
            }
            if !status.is_server_error() {
                bail!("{service} refused with {status}: {text}");
            }
            sleep(BACKOFF).await;
        }
        match self.send_once(service, &method, path, headers, &body).await? {
            (status, text) if status.is_success() => Ok(text),
            (status, text) => bail!("{service} failed {ATTEMPTS} times, at last with {status}: {text}"),
        }
    }

    async fn send_once(
        &self,
        service: &str,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<(StatusCode, String)> {
        let url = format!("{}{path}", self.endpoint.trim_end_matches('/'));
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            method.as_str(),
            &url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut request = self.http.request(method.clone(), &url).timeout(TIMEOUT);
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            request = request.header(name, value);
        }
        let answer = request.body(body.to_owned()).send().await;
        let answer = answer.with_context(|| format!("{service} does not answer"))?;
        Ok((answer.status(), answer.text().await?))
    }
}
