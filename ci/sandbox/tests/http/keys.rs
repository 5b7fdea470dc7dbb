//! Who may ask the processor.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{PATIENCE, Sandbox, coming_with, issued, quick, read, start};

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
