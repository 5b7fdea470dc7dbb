use lakeside_kit::clock::{Clock, SystemClock};
use lakeside_sandbox::Options;

use super::*;
use crate::real_sandbox::{Sandbox, quick};

/// Long for an answer over loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// Short against the sandbox's hanging.
const IMPATIENCE: Duration = Duration::from_millis(200);

async fn keys(options: Options) -> (HttpProcessorKeys, Secret, Sandbox) {
    let sandbox = Sandbox::start(options).await;
    let (_, key) = sandbox.issue_key("us/first").await;
    (HttpProcessorKeys::new(sandbox.server()), Secret::new(key), sandbox)
}

async fn made(keys: &HttpProcessorKeys, opener: &Secret, label: &str) -> Secret {
    match keys.issue(opener, label, PATIENCE).await.unwrap() {
        Issued::Key(key) => key,
        Issued::TooMany => panic!("there is no room"),
    }
}

#[tokio::test]
async fn a_key_makes_another_which_opens_as_well_until_it_is_ended() {
    let (keys, first, _sandbox) = keys(quick()).await;
    let second = made(&keys, &first, "us/second").await;
    let [own, other] = [&first, &second].map(async |key| keys.identify(key, PATIENCE).await.unwrap());
    let (own, other) = (own.await.unwrap(), other.await.unwrap());
    assert_ne!(own, other);

    let listed = keys.list(&second, PATIENCE).await.unwrap();
    let named: Vec<_> = listed.iter().map(|key| (&key.id, key.label.as_str())).collect();
    assert_eq!(named, [(&own, "us/first"), (&other, "us/second")]);
    let age = SystemClock.now().as_millis() - listed[1].created.as_millis();
    assert!((0..60_000).contains(&age), "it was made {age} ms ago");

    for _ in 0..2 {
        keys.revoke(&second, &own, PATIENCE).await.unwrap();
    }
    keys.revoke(&second, &KeyId("key_nobody".into()), PATIENCE).await.unwrap();
    assert_eq!(keys.identify(&first, PATIENCE).await.unwrap(), None);
    let error = keys.list(&first, PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Unauthorized), "{error}");
}

#[tokio::test]
async fn a_processor_without_room_says_so() {
    let (keys, first, _sandbox) = keys(quick()).await;
    for number in 2..=4 {
        made(&keys, &first, &format!("us/{number}")).await;
    }
    assert_eq!(keys.issue(&first, "us/5", PATIENCE).await.unwrap(), Issued::TooMany);
}

#[tokio::test]
async fn a_key_that_was_made_unheard_is_an_unknown_outcome() {
    let (keys, first, _sandbox) = keys(quick()).await;
    for (label, patience) in
        [("us/sandbox-error-after-1", PATIENCE), ("us/sandbox-timeout-lands-1", IMPATIENCE)]
    {
        let error = keys.issue(&first, label, patience).await.unwrap_err();
        assert!(matches!(error, OutsideError::Unknown(_)), "{label}: {error}");
    }
}

#[tokio::test]
async fn nobody_ends_the_key_that_they_come_with() {
    let (keys, first, _sandbox) = keys(quick()).await;
    let own = keys.identify(&first, PATIENCE).await.unwrap().unwrap();
    let error = keys.revoke(&first, &own, PATIENCE).await.unwrap_err();
    assert!(matches!(error, OutsideError::Refused { status: 409 }), "{error}");
    assert_eq!(keys.identify(&first, PATIENCE).await.unwrap(), Some(own));
}
