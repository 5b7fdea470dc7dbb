//! Charges, reversals and what is told of them.

use std::time::{Duration, Instant};

use lakeside_sandbox::Options;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{PATIENCE, never_landing, quick, slowly_landing, start};

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
