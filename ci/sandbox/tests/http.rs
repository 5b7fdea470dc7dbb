//! The sandbox over real HTTP: every handle of the table in `README.md`, the rate limit, idempotency keys.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails must fail its test")]

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
    sync::{mpsc, oneshot},
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
async fn a_charge_is_captured_once_and_its_key_answers_the_same_again() {
    let sandbox = start(quick()).await;
    let (status, first) = sandbox.charge("k1", "o1", "pm_card").await;
    assert_eq!((status, &first["status"]), (StatusCode::CREATED, &json!("captured")));
    assert_eq!(first["reference"], "o1");
    let again = sandbox.charge("k1", "o1", "pm_card").await;
    assert_eq!(again, (StatusCode::CREATED, first.clone()));
    let (_, payment) = sandbox.payment("o1").await;
    assert_eq!(
        payment,
        json!({ "paymentId": first["paymentId"], "reference": "o1", "status": "captured",
                "capturedAmount": 1999, "refundedAmount": 0 })
    );
    assert_eq!(
        sandbox.booked("payments", "o1").await,
        json!({ "reference": "o1", "status": "captured", "capturedAmount": 1999, "refundedAmount": 0,
                "currency": "USD", "charges": 1 })
    );
}

#[tokio::test]
async fn concurrent_requests_of_one_key_charge_once() {
    let sandbox = start(quick()).await;
    let requests: Vec<_> =
        (0..20).map(|_| tokio::spawn(sandbox.charge_request("k1", "o1", "pm_card").send())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::CREATED);
    }
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_card").await;
    assert_eq!(sandbox.charge("k1", "o2", "pm_card").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.charge("k1", "o1", "pm_other").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.reverse("k1", "o1").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
    assert_eq!(sandbox.payment("o2").await.0, StatusCode::NOT_FOUND);

    sandbox.label("k1", "s1", "addr_home").await;
    assert_eq!(sandbox.label("k1", "s2", "addr_home").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.get("/v1/labels/s2").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_second_key_for_the_same_reference_charges_again_and_the_ledger_tells() {
    let sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_card").await;
    sandbox.charge("k2", "o1", "pm_card").await;
    let booked = sandbox.booked("payments", "o1").await;
    assert_eq!((&booked["charges"], &booked["capturedAmount"]), (&json!(2), &json!(3998)));
    sandbox.label("k1", "s1", "addr_home").await;
    sandbox.label("k2", "s1", "addr_home").await;
    assert_eq!(sandbox.booked("labels", "s1").await["issued"], 2);
}

#[tokio::test]
async fn rejects_requests_without_a_key_or_with_a_bad_body() {
    let sandbox = start(quick()).await;
    let good =
        json!({ "reference": "o1", "amount": { "amount": 1, "currency": "USD" }, "paymentMethod": "pm_x" });
    let payments = format!("{}/v1/payments", sandbox.url);
    let no_key = sandbox.http.post(&payments).json(&good).send().await.unwrap();
    assert_eq!(no_key.status(), StatusCode::BAD_REQUEST);
    let reversal = sandbox.http.post(format!("{payments}/o1/reversal")).send().await.unwrap();
    assert_eq!(reversal.status(), StatusCode::BAD_REQUEST);
    let labels =
        sandbox.http.post(format!("{}/v1/labels", sandbox.url)).json(&json!({})).send().await.unwrap();
    assert_eq!(labels.status(), StatusCode::BAD_REQUEST);

    let long = "x".repeat(256);
    for (pointer, value) in [
        ("/reference", json!("")),
        ("/reference", json!(long)),
        ("/amount/amount", json!(0)),
        ("/amount/amount", json!(-5)),
        ("/amount/amount", json!(1.5)),
        ("/amount/currency", json!("usd")),
        ("/paymentMethod", json!("4111111111111111")),
        ("/amount", json!({ "amount": 1, "currency": "USD", "cardholder": "x" })),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value.clone();
        let answer =
            sandbox.http.post(&payments).header("Idempotency-Key", "k").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{pointer} = {value}");
    }
    let turned_away = json!({ "alpine-market": 0, "trailhead": 0 });
    let empty = json!({ "payments": [], "labels": [], "listings": [], "turnedAway": turned_away });
    let mut ledger = sandbox.get("/ledger").await.1;
    // The key by which it was let in.
    ledger.as_object_mut().unwrap().remove("keys").unwrap();
    assert_eq!(ledger, empty);
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
async fn the_processor_opens_to_a_key_that_is_alive_and_to_nobody_else() {
    let mut sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_card").await;
    let (id, key) = issued(&sandbox.url, "tests/second").await;
    for (http, ping) in [
        (Client::new(), StatusCode::UNAUTHORIZED),
        (coming_with("guess"), StatusCode::UNAUTHORIZED),
        (coming_with(&key), StatusCode::OK),
    ] {
        sandbox.http = http;
        assert_eq!(sandbox.get("/v1/ping").await.0, ping);
        for answered in [
            sandbox.charge("k2", "o2", "pm_card").await.0,
            sandbox.payment("o1").await.0,
            sandbox.reverse("k3", "o3").await.0,
            sandbox.get("/v1/keys").await.0,
        ] {
            assert_eq!(answered == StatusCode::UNAUTHORIZED, ping == StatusCode::UNAUTHORIZED, "{answered}");
        }
        let charged = sandbox.booked("payments", "o2").await != Value::Null;
        assert_eq!(charged, ping == StatusCode::OK);
    }
    let gone = Client::new().delete(format!("{}/processor/keys/{id}", sandbox.url)).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    assert_eq!(sandbox.get("/v1/ping").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(sandbox.get("/health").await.0, StatusCode::OK);
    assert_eq!(sandbox.label("k1", "s1", "addr_home").await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_makes_another_and_the_other_ends_it() {
    let mut sandbox = start(quick()).await;
    let first = sandbox.get("/v1/ping").await.1["keyId"].clone();
    let keys = format!("{}/v1/keys", sandbox.url);
    let create = async |sandbox: &Sandbox, label: &str| {
        read(sandbox.http.post(&keys).json(&json!({ "label": label })).send().await.unwrap()).await
    };
    let (status, made) = create(&sandbox, "tests/1").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(create(&sandbox, "").await.0, StatusCode::BAD_REQUEST);
    let (_, listed) = sandbox.get("/v1/keys").await;
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    assert_eq!(listed["keys"][1]["label"], "tests/1");
    assert!(!listed.to_string().contains("sk_sandbox_"), "{listed}");

    sandbox.http = coming_with(made["key"].as_str().unwrap());
    assert_eq!(sandbox.get("/v1/ping").await.1["keyId"], made["keyId"]);
    let revoke = async |sandbox: &Sandbox, id: &Value| {
        let url = format!("{keys}/{}", id.as_str().unwrap());
        read(sandbox.http.delete(url).send().await.unwrap()).await.0
    };
    assert_eq!(revoke(&sandbox, &made["keyId"]).await, StatusCode::CONFLICT);
    assert_eq!(revoke(&sandbox, &first).await, StatusCode::OK);
    assert_eq!(sandbox.get("/v1/keys").await.1["keys"], json!([listed["keys"][1]]));
}

#[tokio::test]
async fn a_key_whose_answer_timed_out_is_there_later() {
    let sandbox = start(quick()).await;
    let label = "tests/sandbox-timeout-lands-1";
    let create = sandbox.http.post(format!("{}/v1/keys", sandbox.url)).json(&json!({ "label": label }));
    let _hanging = tokio::spawn(create.send());
    let deadline = Instant::now() + PATIENCE;
    while sandbox.get("/v1/keys").await.1["keys"].as_array().unwrap().len() < 2 {
        assert!(Instant::now() < deadline, "it never landed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn declines_are_final_answers_and_charge_nothing() {
    let sandbox = start(quick()).await;
    for (method, reason) in
        [("pm_sandbox_declined", "card_declined"), ("pm_sandbox_insufficient_funds", "insufficient_funds")]
    {
        for _ in 0..2 {
            let answer = sandbox.charge(method, method, method).await;
            assert_eq!(
                answer,
                (StatusCode::PAYMENT_REQUIRED, json!({ "status": "declined", "reason": reason }))
            );
        }
        let booked = sandbox.booked("payments", method).await;
        assert_eq!((&booked["status"], &booked["charges"]), (&json!("declined"), &json!(0)));
    }
}

#[tokio::test]
async fn a_charge_that_timed_out_lands_later_and_only_once() {
    let sandbox = start(slowly_landing()).await;
    let request = sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lands");
    let hanging = tokio::spawn(request.send());
    sandbox.until_payment_is("o1", "processing").await;
    // The client gives up; the charge does not.
    hanging.abort();
    let landed = sandbox.until_payment_is("o1", "captured").await;
    assert_eq!(landed["capturedAmount"], 1999);
    let (status, answer) = sandbox.charge("k1", "o1", "pm_sandbox_timeout_lands").await;
    assert_eq!((status, &answer["status"]), (StatusCode::CREATED, &json!("captured")));
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
}

#[tokio::test]
async fn a_retry_before_the_landing_is_told_that_it_is_processing() {
    let sandbox = start(never_landing()).await;
    let request = sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lands");
    let _hanging = tokio::spawn(request.send());
    sandbox.until_payment_is("o1", "processing").await;
    let (status, answer) = sandbox.charge("k1", "o1", "pm_sandbox_timeout_lands").await;
    assert_eq!((status, &answer["status"]), (StatusCode::ACCEPTED, &json!("processing")));
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 0);
}

#[tokio::test]
async fn a_charge_reversed_before_it_lands_never_lands() {
    let (url, mut callbacks) = callback_receiver().await;
    let sandbox = start(Options { callback_url: Some(url), ..slowly_landing() }).await;
    let _hanging = tokio::spawn(sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lands").send());
    sandbox.until_payment_is("o1", "processing").await;
    let reversed = sandbox.reverse("r1", "o1").await;
    assert_eq!(reversed, (StatusCode::OK, json!({ "status": "cancelled" })));

    // A charge that hangs from here on has landed: so the first one's time has passed.
    let _later = tokio::spawn(sandbox.charge_request("k2", "o2", "pm_sandbox_timeout_lands").send());
    sandbox.until_payment_is("o2", "captured").await;
    let booked = sandbox.booked("payments", "o1").await;
    assert_eq!((&booked["status"], &booked["charges"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(sandbox.charge("k1", "o1", "pm_sandbox_timeout_lands").await.0, StatusCode::CONFLICT);
    assert_eq!(callbacks.recv().await.unwrap(), json!({ "reference": "o1", "status": "cancelled" }));
    assert_eq!(callbacks.recv().await.unwrap(), json!({ "reference": "o2", "status": "captured" }));
}

#[tokio::test]
async fn a_charge_that_was_lost_never_lands_and_its_retry_succeeds() {
    let sandbox = start(quick()).await;
    let hanging = tokio::spawn(sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lost").send());
    // Nothing shows that the first request has arrived, so the retry is sent until one is answered.
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        assert!(Instant::now() < deadline, "no retry was answered");
        let retry = sandbox.charge_request("k1", "o1", "pm_sandbox_timeout_lost");
        if let Ok(answer) = retry.timeout(Duration::from_secs(1)).send().await {
            break answer;
        }
    };
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
    hanging.abort();
}

#[tokio::test]
async fn a_hanging_request_ends_as_a_gateway_timeout() {
    let sandbox = start(Options { hang: Duration::from_millis(20), ..never_landing() }).await;
    for method in ["pm_sandbox_timeout_lands", "pm_sandbox_timeout_lost"] {
        assert_eq!(sandbox.charge(method, method, method).await.0, StatusCode::GATEWAY_TIMEOUT);
    }
    assert_eq!(sandbox.payment("pm_sandbox_timeout_lands").await.1["status"], "processing");
    assert_eq!(sandbox.payment("pm_sandbox_timeout_lost").await.0, StatusCode::NOT_FOUND);
    assert_eq!(sandbox.label("k1", "s1", "addr_sandbox_timeout_lands").await.0, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn an_error_before_the_charge_leaves_nothing_and_the_retry_charges() {
    let sandbox = start(quick()).await;
    let first = sandbox.charge("k1", "o1", "pm_sandbox_error_once").await;
    assert_eq!(first.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sandbox.payment("o1").await.0, StatusCode::NOT_FOUND);
    assert_eq!(sandbox.charge("k1", "o1", "pm_sandbox_error_once").await.0, StatusCode::CREATED);
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
}

#[tokio::test]
async fn an_error_after_the_charge_hides_it_and_the_retry_does_not_charge_again() {
    let sandbox = start(quick()).await;
    let first = sandbox.charge("k1", "o1", "pm_sandbox_error_after_charge").await;
    assert_eq!(first.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sandbox.payment("o1").await.1["status"], "captured");
    assert_eq!(sandbox.charge("k1", "o1", "pm_sandbox_error_after_charge").await.0, StatusCode::CREATED);
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
}

#[tokio::test]
async fn a_reversal_refunds_closes_the_reference_and_can_be_repeated() {
    let sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_card").await;
    for key in ["r1", "r1", "r2"] {
        assert_eq!(sandbox.reverse(key, "o1").await, (StatusCode::OK, json!({ "status": "refunded" })));
    }
    let booked = sandbox.booked("payments", "o1").await;
    assert_eq!(
        (&booked["status"], &booked["capturedAmount"], &booked["refundedAmount"]),
        (&json!("refunded"), &json!(1999), &json!(1999))
    );
    let late = sandbox.charge("k2", "o1", "pm_card").await;
    assert_eq!(late, (StatusCode::CONFLICT, json!({ "reference": "o1", "status": "reversed" })));
}

#[tokio::test]
async fn a_reversal_of_nothing_cancels_and_closes_the_reference() {
    let sandbox = start(quick()).await;
    assert_eq!(sandbox.reverse("r1", "o1").await, (StatusCode::OK, json!({ "status": "cancelled" })));
    assert_eq!(sandbox.payment("o1").await.1["status"], "cancelled");
    assert_eq!(sandbox.charge("k1", "o1", "pm_card").await.0, StatusCode::CONFLICT);
    let booked = sandbox.booked("payments", "o1").await;
    assert_eq!((&booked["charges"], &booked["currency"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_refund_that_fails_once_succeeds_when_repeated() {
    let sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_sandbox_refund_error_once").await;
    assert_eq!(sandbox.reverse("r1", "o1").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sandbox.payment("o1").await.1["status"], "captured");
    assert_eq!(sandbox.reverse("r1", "o1").await, (StatusCode::OK, json!({ "status": "refunded" })));
    assert_eq!(sandbox.payment("o1").await.1["refundedAmount"], 1999);
}

#[tokio::test]
async fn a_pending_refund_is_processing_and_lands_later() {
    let sandbox = start(quick()).await;
    sandbox.charge("k1", "o1", "pm_sandbox_refund_pending").await;
    assert_eq!(
        sandbox.reverse("r1", "o1").await,
        (StatusCode::ACCEPTED, json!({ "reference": "o1", "status": "processing" }))
    );
    assert_eq!(sandbox.charge("k2", "o1", "pm_card").await.0, StatusCode::CONFLICT);
    let refunded = sandbox.until_payment_is("o1", "refunded").await;
    assert_eq!(refunded["refundedAmount"], 1999);
    for key in ["r1", "r2"] {
        assert_eq!(sandbox.reverse(key, "o1").await, (StatusCode::OK, json!({ "status": "refunded" })));
    }
}

/// A server that hands on what it is told.
async fn callback_receiver() -> (reqwest::Url, mpsc::UnboundedReceiver<Value>) {
    let (told, callbacks) = mpsc::unbounded_channel();
    let routes = axum::Router::new().route(
        "/callback",
        axum::routing::post(move |axum::Json(body): axum::Json<Value>| {
            let told = told.clone();
            async move {
                let _ = told.send(body);
            }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, callbacks)
}

#[tokio::test]
async fn callbacks_tell_each_end_once_or_twice_for_the_handle() {
    let (url, mut callbacks) = callback_receiver().await;
    let sandbox = start(Options { callback_url: Some(url), ..quick() }).await;
    sandbox.charge("k1", "o1", "pm_sandbox_double_callback").await;
    sandbox.charge("k1", "o1", "pm_sandbox_double_callback").await;
    sandbox.charge("k2", "o2", "pm_card").await;
    sandbox.reverse("r2", "o2").await;
    sandbox.charge("k3", "o3", "pm_sandbox_declined").await;
    let expected =
        [("o1", "captured"), ("o1", "captured"), ("o2", "captured"), ("o2", "refunded"), ("o3", "declined")];
    for (reference, status) in expected {
        let told = tokio::time::timeout(PATIENCE, callbacks.recv()).await.unwrap().unwrap();
        assert_eq!(told, json!({ "reference": reference, "status": status }));
    }
    assert!(callbacks.try_recv().is_err());
    assert_eq!(sandbox.booked("payments", "o1").await["charges"], 1);
}

#[tokio::test]
async fn only_five_requests_a_second_are_taken_charges_and_reversals_together() {
    let sandbox = start(Options { rate: 5, ..quick() }).await;
    let started = Instant::now();
    let requests: Vec<_> = (0..12)
        .map(|n| {
            let request = if n % 2 == 0 {
                sandbox.charge_request(&format!("k{n}"), &format!("o{n}"), "pm_card")
            } else {
                let url = format!("{}/v1/payments/o{n}/reversal", sandbox.url);
                sandbox.http.post(url).header("Idempotency-Key", format!("k{n}"))
            };
            tokio::spawn(request.send())
        })
        .collect();
    let mut taken = 0;
    for request in requests {
        let response = request.await.unwrap().unwrap();
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(response.headers()["retry-after"], "1");
        } else {
            taken += 1;
        }
    }
    // A machine so busy that the burst takes longer gives every further second five more.
    let seconds = started.elapsed().as_secs();
    assert!(taken >= 5 && taken <= 5 * (seconds + 1), "{taken} taken in {seconds} s");
    let (_, ledger) = sandbox.get("/ledger").await;
    assert_eq!(
        ledger["payments"].as_array().unwrap().len() as u64,
        taken,
        "what is turned away has no effect"
    );

    // Reading is free, and whoever waits as told is let in.
    for _ in 0..20 {
        assert_eq!(sandbox.payment("nobody").await.0, StatusCode::NOT_FOUND);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sandbox.charge("late", "late", "pm_card").await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_label_is_made_once_and_its_key_answers_the_same_again() {
    let sandbox = start(quick()).await;
    let (status, first) = sandbox.label("k1", "s1", "addr_home").await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(sandbox.label("k1", "s1", "addr_home").await, (StatusCode::CREATED, first.clone()));
    let (_, label) = sandbox.get("/v1/labels/s1").await;
    assert_eq!(
        label,
        json!({ "reference": "s1", "orderId": "order-1", "status": "created",
                "labelId": first["labelId"], "trackingNumber": first["trackingNumber"] })
    );
    assert_eq!(
        sandbox.booked("labels", "s1").await,
        json!({ "reference": "s1", "orderId": "order-1", "status": "created", "issued": 1 })
    );
}

#[tokio::test]
async fn an_undeliverable_address_is_refused_for_good() {
    let sandbox = start(quick()).await;
    for _ in 0..2 {
        let answer = sandbox.label("k1", "s1", "addr_sandbox_undeliverable").await;
        assert_eq!(answer, (StatusCode::UNPROCESSABLE_ENTITY, json!({ "reason": "undeliverable" })));
    }
    assert_eq!(sandbox.get("/v1/labels/s1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_carrier_that_is_down_makes_no_label_but_can_be_told_to_void() {
    let sandbox = start(quick()).await;
    for _ in 0..3 {
        let answer = sandbox.label("k1", "s1", "addr_sandbox_carrier_down").await;
        assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(sandbox.void("s1").await, (StatusCode::OK, json!({ "status": "not_created" })));
}

#[tokio::test]
async fn a_label_that_timed_out_lands_later_and_only_once() {
    let sandbox = start(quick()).await;
    let request = sandbox.label_request("k1", "s1", "addr_sandbox_timeout_lands");
    let hanging = tokio::spawn(request.send());
    let landed = sandbox.until("/v1/labels/s1", "created").await;
    hanging.abort();
    assert!(landed["trackingNumber"].is_string());
    assert_eq!(sandbox.label("k1", "s1", "addr_sandbox_timeout_lands").await.0, StatusCode::CREATED);
    assert_eq!(sandbox.booked("labels", "s1").await["issued"], 1);
}

#[tokio::test]
async fn a_label_voided_before_it_lands_never_lands() {
    let sandbox = start(slowly_landing()).await;
    let _hanging = tokio::spawn(sandbox.label_request("k1", "s1", "addr_sandbox_timeout_lands").send());
    sandbox.until("/v1/labels/s1", "processing").await;
    assert_eq!(sandbox.label("k1", "s1", "addr_sandbox_timeout_lands").await.0, StatusCode::ACCEPTED);
    assert_eq!(sandbox.void("s1").await, (StatusCode::OK, json!({ "status": "not_created" })));

    // A label that hangs from here on has landed: so the first one's time has passed.
    let _later = tokio::spawn(sandbox.label_request("k2", "s2", "addr_sandbox_timeout_lands").send());
    sandbox.until("/v1/labels/s2", "created").await;
    let booked = sandbox.booked("labels", "s1").await;
    assert_eq!((&booked["status"], &booked["issued"]), (&json!("not_created"), &json!(0)));
    let late = sandbox.label("k1", "s1", "addr_sandbox_timeout_lands").await;
    assert_eq!(late, (StatusCode::CONFLICT, json!({ "reference": "s1", "status": "voided" })));
}

#[tokio::test]
async fn a_void_closes_the_reference_and_can_be_repeated() {
    let sandbox = start(quick()).await;
    sandbox.label("k1", "s1", "addr_home").await;
    for _ in 0..2 {
        assert_eq!(sandbox.void("s1").await, (StatusCode::OK, json!({ "status": "voided" })));
        assert_eq!(sandbox.void("s2").await, (StatusCode::OK, json!({ "status": "not_created" })));
    }
    for (key, reference) in [("k2", "s1"), ("k3", "s2")] {
        assert_eq!(sandbox.label(key, reference, "addr_home").await.0, StatusCode::CONFLICT);
    }
    assert_eq!(sandbox.booked("labels", "s1").await["status"], "voided");
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
