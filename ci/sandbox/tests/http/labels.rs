//! Labels and their voids.

use reqwest::StatusCode;
use serde_json::json;

use super::{quick, slowly_landing, start};

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
