//! The sandbox over real HTTP: every handle of the table in `README.md`, the rate limit, idempotency keys.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

#[path = "http/keys.rs"]
mod keys;
#[path = "http/labels.rs"]
mod labels;
#[path = "http/payments.rs"]
mod payments;

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use lakeside_sandbox::{Options, serve};
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, HeaderMap},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::Command,
    sync::oneshot,
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Sandbox {
    url: String,
    http: Client,
    _stop: oneshot::Sender<()>,
}

/// Effects land soon, and no request is ever turned away, so that each test is about one thing.
fn quick() -> Options {
    Options {
        rate: 100_000,
        landing_delay: Duration::from_millis(100),
        hang: Duration::from_mins(1),
        callback_url: None,
    }
}

/// What lands never does so while a test looks, so that the time before is not a matter of luck.
fn never_landing() -> Options {
    Options { landing_delay: Duration::from_mins(10), ..quick() }
}

/// Long enough to get another request in before it, on a busy machine too.
fn slowly_landing() -> Options {
    Options { landing_delay: Duration::from_secs(2), ..quick() }
}

async fn start(options: Options) -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, options, async move {
        let _ = stopped.await;
    }));
    let http = opened(&url).await;
    Sandbox { url, http, _stop: stop }
}

/// Makes a key at the processor, as its staff would; answers its id and itself.
async fn issued(url: &str, label: &str) -> (String, String) {
    let request = Client::new().post(format!("{url}/processor/keys")).json(&json!({ "label": label }));
    let (status, made) = read(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("keyId"), text("key"))
}

/// A client that comes with this key, wherever it says nothing else.
fn coming_with(key: &str) -> Client {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {key}").parse().unwrap())]);
    Client::builder().default_headers(headers).build().unwrap()
}

/// A client that comes with a key of its own.
async fn opened(url: &str) -> Client {
    coming_with(&issued(url, "tests/first").await.1)
}

impl Sandbox {
    fn charge_request(&self, key: &str, reference: &str, method: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/v1/payments", self.url)).header("Idempotency-Key", key).json(&json!({
            "reference": reference,
            "amount": { "amount": 1999, "currency": "USD" },
            "paymentMethod": method,
        }))
    }

    async fn charge(&self, key: &str, reference: &str, method: &str) -> (StatusCode, Value) {
        read(self.charge_request(key, reference, method).send().await.unwrap()).await
    }

    async fn reverse(&self, key: &str, reference: &str) -> (StatusCode, Value) {
        let url = format!("{}/v1/payments/{reference}/reversal", self.url);
        read(self.http.post(url).header("Idempotency-Key", key).send().await.unwrap()).await
    }

    async fn payment(&self, reference: &str) -> (StatusCode, Value) {
        self.get(&format!("/v1/payments/{reference}")).await
    }

    fn label_request(&self, key: &str, reference: &str, ship_to: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/v1/labels", self.url)).header("Idempotency-Key", key).json(&json!({
            "reference": reference,
            "orderId": "order-1",
            "node": "warehouse-east",
            "shipTo": {
                "reference": ship_to, "name": "Nobody", "street": "1 Nowhere", "city": "Nowhere",
                "postalCode": "00000", "country": "US",
            },
            "lines": [{ "sku": "TENT-2P", "quantity": 1 }],
        }))
    }

    async fn label(&self, key: &str, reference: &str, ship_to: &str) -> (StatusCode, Value) {
        read(self.label_request(key, reference, ship_to).send().await.unwrap()).await
    }

    async fn void(&self, reference: &str) -> (StatusCode, Value) {
        let url = format!("{}/v1/labels/{reference}/void", self.url);
        read(self.http.post(url).send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.http.get(format!("{}{path}", self.url)).send().await.unwrap()).await
    }

    /// The ledger's entry for a reference.
    async fn booked(&self, kind: &str, reference: &str) -> Value {
        let (_, ledger) = self.get("/ledger").await;
        let entries = ledger[kind].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["reference"] == reference).unwrap_or(Value::Null)
    }

    async fn until_payment_is(&self, reference: &str, status: &str) -> Value {
        self.until(&format!("/v1/payments/{reference}"), status).await
    }

    async fn until(&self, path: &str, status: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.get(path).await;
            if body["status"] == status {
                return body;
            }
            assert!(Instant::now() < deadline, "{path} never became {status}, it is {body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_marketplace_takes_levels_from_whom_it_knows_and_in_their_form() {
    let sandbox = start(quick()).await;
    let put = async |path: &str, credential: &str, key: Option<&str>, body: Value| {
        let url = format!("{}/marketplaces/{path}", sandbox.url);
        let mut request = sandbox.http.put(url).bearer_auth(credential).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let (tent, good) = ("trailhead/v1/listings/TENT/stock", json!({ "available": 5, "version": 1 }));
    let (known, key) = ("sandbox-trailhead-1", Some("k"));
    assert_eq!(put(tent, "sandbox-alpine-market-1", key, good.clone()).await, 401);
    assert_eq!(put("nowhere/v1/listings/TENT/stock", known, key, good.clone()).await, 404);
    assert_eq!(put(tent, known, None, good.clone()).await, 400);
    for bad in
        [json!({}), json!({ "available": -1, "version": 1 }), json!({ "available": 1, "version": 1, "x": 1 })]
    {
        assert_eq!(put(tent, known, key, bad).await, 400);
    }
    assert_eq!(put(tent, known, key, good.clone()).await, 200);
    assert_eq!(put("trailhead/credential", "", None, json!({ "credential": "new" })).await, 200);
    assert_eq!(put("nowhere/credential", "", None, json!({ "credential": "new" })).await, 404);
    assert_eq!(put(tent, known, key, good.clone()).await, 401);
    assert_eq!(put(tent, "new", key, good).await, 200);
    let shown = json!({
        "marketplace": "trailhead", "sku": "TENT", "level": { "available": 5, "version": 1 }, "calls": 2,
        "updates": [{ "available": 5, "version": 1 }],
    });
    assert_eq!(sandbox.get("/ledger").await.1["listings"], json!([shown]));
}

#[tokio::test]
async fn health_answers_and_unknown_paths_do_not() {
    let sandbox = start(quick()).await;
    assert_eq!(sandbox.get("/health").await.0, StatusCode::OK);
    assert_eq!(sandbox.get("/v1/nothing").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_program_prints_its_address_and_stops_at_once_when_told_although_a_request_hangs() {
    for signal in ["-TERM", "-INT"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lakeside-sandbox"))
            .args(["--port", "0", "--rate", "5"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        let (stop, _) = oneshot::channel();
        let http = opened(&url).await;
        let sandbox = Sandbox { url, http, _stop: stop };
        let hanging = tokio::spawn(sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lands").send());
        sandbox.until_payment_is("o1", "processing").await;

        let pid = program.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, program.wait()).await.expect("it still runs").unwrap();
        assert!(ended.success(), "{signal}: {ended}");
        assert_eq!(hanging.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
