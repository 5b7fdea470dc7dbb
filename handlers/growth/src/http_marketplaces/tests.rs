use lakeside_domain::ids::Sku;
use lakeside_sandbox::{Options, serve};
use tokio::{net::TcpListener, sync::oneshot};

use super::*;

/// Long for an answer over loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// Short against the sandbox's hanging.
const IMPATIENCE: Duration = Duration::from_millis(200);
const ALPINE: &str = "alpine-market";
const KEY: &str = "sandbox-alpine-market-1";

/// No request is ever turned away, so that each test is about one thing.
fn quick() -> Options {
    Options {
        rate: 100_000,
        landing_delay: Duration::from_millis(100),
        hang: Duration::from_mins(1),
        callback_url: None,
    }
}

/// Marketplaces that live as long as the sender.
async fn marketplaces(options: Options) -> (HttpMarketplaces, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, options, async move {
        let _dropped = stopped.await;
    }));
    let outlets =
        format!(r#"{{"{ALPINE}": {{"url": "http://{address}/marketplaces/{ALPINE}", "secret": "alpine"}}}}"#);
    let timeouts = Timeouts { connect: PATIENCE, total: PATIENCE };
    (HttpMarketplaces::new(outlets.parse().unwrap(), timeouts).unwrap(), stop)
}

fn request(sku: &str, available: u64, version: u64) -> LevelRequest {
    LevelRequest {
        marketplace: MarketplaceId::parse(ALPINE).unwrap(),
        sku: Sku::parse(sku).unwrap(),
        level: Level { available, version },
    }
}

fn key() -> Secret {
    Secret::new(KEY)
}

fn refused(code: &'static str) -> Answer {
    Answer::Refused(ReasonCode::constant(code))
}

#[tokio::test]
async fn a_level_is_shown_however_often_it_is_told_and_an_older_one_is_not() {
    let (marketplaces, _stop) = marketplaces(quick()).await;
    for _ in 0..2 {
        let answer = marketplaces.show(&request("TENT", 5, 2), &key(), PATIENCE).await.unwrap();
        assert_eq!(answer, Answer::Shown);
    }
    let older = marketplaces.show(&request("TENT", 9, 1), &key(), PATIENCE).await.unwrap();
    assert_eq!(older, Answer::Superseded);
    // Under the key of version 2, which is another level's.
    let forged = marketplaces.show(&request("TENT", 6, 2), &key(), PATIENCE).await.unwrap();
    assert_eq!(forged, refused("LISTING_REFUSED"));
}

#[tokio::test]
async fn a_refusal_comes_with_a_reason_of_ours() {
    let (marketplaces, _stop) = marketplaces(quick()).await;
    for (sku, code) in
        [("SANDBOX-REFUSED-1", "LISTING_NOT_ALLOWED"), ("SANDBOX-UNLISTED-1", "LISTING_UNKNOWN")]
    {
        let answer = marketplaces.show(&request(sku, 5, 1), &key(), PATIENCE).await.unwrap();
        assert_eq!(answer, refused(code));
    }
}

#[tokio::test]
async fn a_credential_that_opens_nothing_is_told_apart_from_a_refusal() {
    let (marketplaces, _stop) = marketplaces(quick()).await;
    let wrong = Secret::new("wrong");
    let answer = marketplaces.show(&request("TENT", 5, 1), &wrong, PATIENCE).await.unwrap();
    assert_eq!(answer, Answer::Unauthorized);
}

#[tokio::test]
async fn no_answer_and_a_failure_over_there_are_unknown_outcomes_and_the_next_attempt_is_sure() {
    let (marketplaces, _stop) = marketplaces(quick()).await;
    for sku in
        ["SANDBOX-TIMEOUT-LANDS-1", "SANDBOX-TIMEOUT-LOST-1", "SANDBOX-ERROR-ONCE-1", "SANDBOX-ERROR-AFTER-1"]
    {
        let error = marketplaces.show(&request(sku, 5, 1), &key(), IMPATIENCE).await.unwrap_err();
        assert!(matches!(error, OutsideError::Unknown(_)), "{sku}: {error}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        let answer = marketplaces.show(&request(sku, 5, 1), &key(), PATIENCE).await.unwrap();
        assert_eq!(answer, Answer::Shown, "{sku}");
    }
}

#[tokio::test]
async fn turned_away_it_is_told_for_how_long() {
    let (marketplaces, _stop) = marketplaces(Options { rate: 1, ..quick() }).await;
    marketplaces.show(&request("TENT", 5, 1), &key(), PATIENCE).await.unwrap();
    let error = marketplaces.show(&request("TENT", 5, 1), &key(), PATIENCE).await.unwrap_err();
    let OutsideError::Throttled { retry_after } = error else { panic!("{error}") };
    assert_eq!(retry_after, Duration::from_secs(1));
}

#[test]
fn outlets_have_names_urls_and_secrets() {
    for bad in
        ["", "[]", r#"{"Alpine": {"url": "http://a", "secret": "s"}}"#, r#"{"alpine": {"url": "http://a"}}"#]
    {
        assert!(bad.parse::<Outlets>().is_err(), "{bad}");
    }
    let outlets: Outlets = r#"{"alpine": {"url": "no url", "secret": "s"}}"#.parse().unwrap();
    let timeouts = Timeouts { connect: PATIENCE, total: PATIENCE };
    assert!(HttpMarketplaces::new(outlets, timeouts).is_err());
}
