//! Signed calls to services for which the workspace has no SDK: a handful of requests are not worth one.

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts at a request at which the service fails, and the time between them.
const ATTEMPTS: u32 = 4;
const BACKOFF: Duration = Duration::from_millis(200);

/// A service's no.
#[derive(Debug, thiserror::Error)]
#[error("{service} refused with {status}: {text}")]
pub struct Refused {
    /// Who refused.
    pub service: String,
    /// HTTP status.
    pub status: StatusCode,
    /// What it said.
    pub text: String,
}

/// A caller of AWS with nothing but HTTP and a signature.
#[derive(Debug, Clone)]
pub struct SignedCalls {
    http: Client,
    /// Where all services answer; AWS's own host names where there is none.
    endpoint: Option<String>,
    region: String,
    credentials: Credentials,
}

impl SignedCalls {
    /// Calls `endpoint` as the owner of `credentials`.
    pub const fn new(http: Client, endpoint: String, region: String, credentials: Credentials) -> Self {
        Self { http, endpoint: Some(endpoint), region, credentials }
    }

    /// Calls AWS, or what `AWS_ENDPOINT_URL` names, as whoever the environment says.
    ///
    /// # Errors
    /// If there are no credentials, or no region.
    pub async fn of_environment() -> anyhow::Result<Self> {
        Self::of(&aws_config::load_defaults(BehaviorVersion::latest()).await).await
    }

    /// Calls AWS, or the endpoint of `config`, with the credentials that it finds.
    ///
    /// # Errors
    /// If there are no credentials, or no region.
    pub async fn of(config: &SdkConfig) -> anyhow::Result<Self> {
        let region = config.region().context("no region is set: set AWS_REGION")?.to_string();
        let provider = config.credentials_provider().context("there are no AWS credentials")?;
        let credentials = provider.provide_credentials().await.context("there are no AWS credentials")?;
        // A proxy that is meant for the world outside must not come between a machine and itself.
        let http = match config.endpoint_url() {
            Some(_) => Client::builder().no_proxy().build(),
            None => Client::builder().build(),
        };
        let http = http.context("cannot set up an HTTP client")?;
        Ok(Self { http, endpoint: config.endpoint_url().map(str::to_owned), region, credentials })
    }

    /// The same caller in another Region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// A call of a service that speaks AWS JSON 1.1; `target` is its `X-Amz-Target`.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        self.json_as("1.1", service, target, body).await
    }

    /// As [`Self::json`], for services that speak version 1.0 of it.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn json_1_0(&self, service: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        self.json_as("1.0", service, target, body).await
    }

    async fn json_as(
        &self,
        version: &str,
        service: &str,
        target: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let content = format!("application/x-amz-json-{version}");
        let headers = [("content-type", content.as_str()), ("x-amz-target", target)];
        let text = self.send(service, Method::POST, "/", &headers, body.to_string().into_bytes()).await?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{target} answered no JSON"))
    }

    /// Writes to a resource of a service that speaks REST with JSON.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let headers = [("content-type", "application/json")];
        let text = self.send(service, method, path, &headers, body.to_string().into_bytes()).await?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered no JSON"))
    }

    /// Puts an object into a bucket unless there is one under this key. Answers whether it was put.
    ///
    /// # Errors
    /// If there is no answer, or it is another refusal.
    pub async fn put_object_once(&self, bucket: &str, key: &str, body: Vec<u8>) -> anyhow::Result<bool> {
        let path = match &self.endpoint {
            Some(_) => format!("/{bucket}/{key}"),
            None => format!("/{key}"),
        };
        let host = format!("{bucket}.s3");
        let headers = [("if-none-match", "*")];
        let (status, text) = self.ask("s3", &host, &Method::PUT, &path, &headers, &body).await?;
        match status {
            StatusCode::PRECONDITION_FAILED => Ok(false),
            status if status.is_success() => Ok(true),
            status => bail!("s3 refused with {status}: {text}"),
        }
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
        let text = self.send("lambda", Method::POST, &path, &[], input.to_string().into_bytes()).await?;
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
        self.send(service, Method::GET, path, &[], Vec::new()).await
    }

    /// Sends a request and answers what came back, if it is no refusal.
    async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<String> {
        match self.ask(service, service, &method, path, headers, &body).await? {
            (status, text) if status.is_success() => Ok(text),
            (status, text) => Err(Refused { service: service.to_owned(), status, text }.into()),
        }
    }

    /// Sends a request, and sends it again while the service fails at it, as AWS's own clients do.
    async fn ask(
        &self,
        service: &str,
        host: &str,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<(StatusCode, String)> {
        for _ in 1..ATTEMPTS {
            let (status, text) = self.ask_once(service, host, method, path, headers, body).await?;
            if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
                return Ok((status, text));
            }
            sleep(BACKOFF).await;
        }
        match self.ask_once(service, host, method, path, headers, body).await? {
            (status, text) if status.is_server_error() => {
                bail!("{service} failed {ATTEMPTS} times, at last with {status}: {text}")
            }
            answer => Ok(answer),
        }
    }

    async fn ask_once(
        &self,
        service: &str,
        host: &str,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<(StatusCode, String)> {
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}{path}", endpoint.trim_end_matches('/')),
            None => format!("https://{host}.{}.amazonaws.com{path}", self.region),
        };
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(signing_settings(service))
            .build()?
            .into();
        let signable =
            SignableRequest::new(method.as_str(), &url, headers.iter().copied(), SignableBody::Bytes(body))?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut request = self.http.request(method.clone(), &url).timeout(TIMEOUT);
        for (name, value) in headers.iter().copied().chain(signature.headers()) {
            request = request.header(name, value);
        }
        let answer = request.body(body.to_vec()).send().await;
        let answer = answer.with_context(|| format!("{service} does not answer"))?;
        Ok((answer.status(), answer.text().await?))
    }
}

/// S3 signs the path as it is, and wants to know the digest of what it gets.
fn signing_settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}
