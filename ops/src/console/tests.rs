//! The console as a browser sees it: a real server on loopback, before a cloud that answers what it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lakeside_domain::ids::{OrderId, Sku};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::{
    agreement::{Answer, Would},
    desk::Desk,
    gate::Gate,
    operations::{Operations, OrderPage, Replays, order_page},
    poller::Board,
    server::{Console, router},
};
use crate::{
    clock::of_millis,
    dead_letters::{
        handling::{Choice, Listed, Peeked},
        letter::tests::letter,
        moving::Pace,
    },
    failure::{Failure, Result},
    records::{Approval, Records},
    replay::planning,
    saga::{
        actions::Action,
        history::{COMPLETION, tests::execution},
    },
    stock::{adjusting::Change, handling as stock},
    trace::evidence::Evidence,
};

const ID: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
/// What may never leave: personal data and what opens something.
const SECRET: &str = "AQB8secret";

/// An order that waits for approval, and a book of what was asked.
#[derive(Default)]
struct Fake {
    done: Mutex<Vec<String>>,
    slow: bool,
}

impl Fake {
    fn answer(&self, what: String, agreed: Option<String>) -> Result<Answer> {
        match agreed {
            None => Ok(Answer::Would(Would::said(what))),
            Some(agreed) if agreed == what => {
                self.done.lock().unwrap().push(what);
                Ok(Answer::Done(json!({ "done": "approved" })))
            }
            Some(_) => Err(Failure::guarded("something has changed")),
        }
    }
}

fn waiting(order_id: OrderId) -> Evidence {
    let approval = Approval { status: "PENDING".into(), requested_at: None, task_token: Some(SECRET.into()) };
    Evidence {
        order_id,
        records: Records { approval: Some(approval), ..Records::default() },
        executions: vec![execution(ID, "RUNNING", &["ReserveStock", "RequestApproval"])],
        dead_letters: Vec::new(),
        consumers: Vec::new(),
        logs: Vec::new(),
        now: of_millis(60_000),
    }
}

impl Operations for Fake {
    async fn order(&self, order_id: OrderId, _: bool) -> Result<OrderPage> {
        if order_id.to_string() != ID {
            return Err(Failure::not_found("nobody knows it"));
        }
        Ok(order_page(&waiting(order_id)))
    }

    async fn act(&self, order_id: OrderId, action: Action, agreed: Option<String>) -> Result<Answer> {
        if action == Action::Redrive {
            return Err(Failure::guarded("the saga runs: there is nothing to redrive"));
        }
        if self.slow && agreed.is_some() {
            sleep(Duration::from_millis(200)).await;
        }
        self.answer(format!("{order_id} {action:?}"), agreed)
    }

    async fn dead_letters(&self) -> Result<Vec<Listed>> {
        Err(Failure::unreachable("the cloud does not answer"))
    }

    async fn peek(&self, choice: Choice) -> Result<Vec<Peeked>> {
        let body = json!({ "command": "CapturePayment", "taskToken": SECRET, "name": "Jane Doe" });
        let letter = letter("a", &body);
        Ok(vec![Peeked {
            id: letter.id.clone(),
            sent_at: letter.sent_at,
            about: letter.about(),
            reason: format!("{} <img src=x onerror=alert(1)>", choice.queue),
            body: letter.shown(),
        }])
    }

    async fn redrive(&self, choice: Choice, pace: Pace, agreed: Option<String>) -> Result<Answer> {
        let Pace { sample, patience, per_second, .. } = pace;
        let pace = format!("{sample} for {} s, then {per_second}", patience.as_secs());
        self.answer(format!("redrive {:?}: {pace}", choice.wanted.messages), agreed)
    }

    async fn drop_letters(&self, choice: Choice, all: bool, agreed: Option<String>) -> Result<Answer> {
        self.answer(format!("drop {:?} {all}", choice.wanted.messages), agreed)
    }

    async fn stock(&self, sku: Sku) -> Result<stock::Shown> {
        Err(Failure::not_found(format!("there is no stock of {sku}")))
    }

    async fn adjust(&self, wish: stock::Wish, agreed: Option<String>) -> Result<Answer> {
        let stock::Wish { sku, node, change, kind, first, .. } = wish;
        self.answer(format!("{} {sku} {node} {change:?} {first}", kind.name()), agreed)
    }

    async fn reconcile(&self, skus: Vec<Sku>, agreed: Option<String>) -> Result<Answer> {
        self.answer(format!("reconcile {}", skus.len()), agreed)
    }

    async fn replays(&self) -> Result<Replays> {
        Ok(Replays { buses: vec!["orders".into()], known: Vec::new() })
    }

    async fn replay(&self, wish: planning::Wish, agreed: Option<String>, desk: Arc<Desk>) -> Result<Answer> {
        let planning::Wish { bus, from, although_effects, lag, rest, .. } = wish;
        let (lag, rest) = (lag.as_secs(), rest.as_secs());
        let what = format!("{bus} from {from}, {although_effects}, {lag} s, {rest} s");
        let answer = self.answer(what.clone(), agreed)?;
        if matches!(answer, Answer::Done(_)) {
            desk.begin(&what)?;
        }
        Ok(answer)
    }
}

/// A console that is served, and a browser that has opened it.
struct Served {
    at: String,
    url: String,
    cookie: String,
    client: Client,
    fake: Arc<Fake>,
    server: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Served {
    async fn start(read_only: bool, fake: Fake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Gate::new(address, read_only);
        let (url, fake) = (gate.url(), Arc::new(fake));
        let console = Console {
            gate,
            operations: Arc::clone(&fake),
            board: Arc::new(Board::new()),
            desk: Arc::default(),
            prefix: "test".into(),
            calls_per_minute: 600,
        };
        let server = tokio::spawn(async move { axum::serve(listener, router(console)).await.unwrap() });
        let client =
            Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let signed = client.get(&url).send().await.unwrap();
        assert_eq!(
            (signed.status(), &signed.headers()["location"]),
            (StatusCode::SEE_OTHER, &"/".parse().unwrap())
        );
        let cookie = signed.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { at: format!("http://{address}"), url, cookie, client, fake, server }
    }

    /// A request as the page itself makes it.
    fn page(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path).header("cookie", &self.cookie).header("origin", &self.at)
    }

    fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.at))
    }

    async fn get(&self, path: &str) -> Response {
        self.page(Method::GET, path).send().await.unwrap()
    }

    async fn post(&self, path: &str, wish: &Value) -> (StatusCode, Value) {
        let answer = self.page(Method::POST, path).json(wish).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    fn done(&self) -> Vec<String> {
        self.fake.done.lock().unwrap().clone()
    }
}

async fn kind(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["error"]["kind"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn nothing_of_the_console_is_served_to_whoever_has_not_opened_its_address() {
    let served = Served::start(false, Fake::default()).await;
    for path in ["/", "/assets/main.js", "/api/about", "/api/overview", "/api/dead-letters", "/nothing"] {
        let answer = served.stranger(Method::GET, path).send().await.unwrap();
        assert_eq!(kind(answer).await, (401, "SIGNED_OUT".into()), "{path}");
    }
    let wrong = served.client.get(format!("{}x", served.url)).send().await.unwrap();
    assert_eq!(kind(wrong).await, (401, "SIGNED_OUT".into()));
    assert_eq!(served.get("/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_another_site_can_have_nothing_done_even_with_our_cookie() {
    let served = Served::start(false, Fake::default()).await;
    let approve = format!("/api/orders/{ID}/approve");
    let wish = json!({ "agreed": format!("{ID} Approve") });
    let with = async |name: &str, value: &str| {
        let request = served.page(Method::POST, &approve).json(&wish).build().unwrap();
        let mut request = request;
        request.headers_mut().insert(
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
        kind(served.client.execute(request).await.unwrap()).await
    };
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("host", "evil.example"),
    ] {
        assert_eq!(with(name, value).await, (403, "REFUSED".into()), "{name}: {value}");
    }
    // What a form of another site can send without asking is no JSON.
    let form =
        served.page(Method::POST, &approve).header("content-type", "text/plain").body(wish.to_string());
    assert_eq!(form.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(served.done().is_empty());
    assert_eq!(served.post(&approve, &wish).await.0, StatusCode::OK);
    assert_eq!(served.done(), [format!("{ID} Approve")]);
}

#[tokio::test]
async fn every_answer_says_that_nothing_of_others_runs_in_it_frames_it_or_keeps_it() {
    let served = Served::start(false, Fake::default()).await;
    let refused = served.stranger(Method::GET, "/").send().await.unwrap();
    for answer in
        [served.get("/").await, served.get("/api/about").await, served.get("/nothing").await, refused]
    {
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((header("x-frame-options"), header("cache-control")), ("DENY".into(), "no-store".into()));
        assert_eq!(
            (header("x-content-type-options"), header("referrer-policy")),
            ("nosniff".into(), "no-referrer".into())
        );
    }
}

#[tokio::test]
async fn the_page_brings_all_that_it_needs_and_no_script_of_its_own_in_markup() {
    let served = Served::start(false, Fake::default()).await;
    let page = served.get("/").await.text().await.unwrap();
    let mut wanted: Vec<String> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|name| page.split(name).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()))
        .filter(|path| !path.starts_with('#'))
        .collect();
    assert!(
        !page.contains("<style") && !page.contains(" on") && !page.contains("<script>"),
        "no inline script"
    );
    let mut seen = Vec::new();
    while let Some(path) = wanted.pop() {
        assert!(path.starts_with("/assets/"), "{path} is not of the console");
        let answer = served.get(&path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let text = answer.text().await.unwrap();
        seen.push(path);
        if kind.starts_with("text/javascript") {
            for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!text.contains(markup), "{markup} makes markup of text");
            }
            let imported = text.split("from \"./").skip(1);
            let imported = imported.map(|rest| format!("/assets/{}", rest.split('"').next().unwrap()));
            wanted.extend(imported.filter(|path| !seen.contains(path)));
        }
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

#[tokio::test]
async fn an_order_says_what_may_be_done_and_why_the_rest_may_not_and_never_a_token() {
    let served = Served::start(false, Fake::default()).await;
    let text = served.get(&format!("/api/orders/{ID}")).await.text().await.unwrap();
    assert!(!text.contains(SECRET), "{text}");
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["verdict"]["state"], "WAITING");
    assert_eq!(page["sagas"][0]["rows"][1]["step"]["went"], "WAITING");
    let offered: Vec<(&str, bool)> = page["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| (offer["action"].as_str().unwrap(), offer["allowed"].as_bool().unwrap()))
        .collect();
    assert_eq!(offered, [("approve", true), ("deny", true), ("redrive", false), ("compensate", false)]);
    assert!(page["actions"][3]["sentence"].as_str().unwrap().contains("the saga still runs"));
    assert_eq!(
        kind(served.get(&format!("/api/orders/{}", ID.replace('7', "8"))).await).await,
        (404, "NOT_FOUND".into())
    );
    assert_eq!(kind(served.get("/api/orders/42").await).await, (400, "USAGE".into()));
    assert_eq!(kind(served.get("/api/dead-letters").await).await, (502, "UNREACHABLE".into()));
}

#[tokio::test]
async fn letters_are_shown_as_far_as_they_may_be_and_hostile_text_stays_text() {
    let served = Served::start(false, Fake::default()).await;
    let answer = served.get("/api/dead-letters/capture-payment").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let text = answer.text().await.unwrap();
    assert!(!text.contains(SECRET) && !text.contains("Jane"), "{text}");
    assert!(
        text.contains("<img src=x onerror=alert(1)>"),
        "it is passed on as it is, as JSON, for the page to show as text"
    );
}

#[tokio::test]
async fn an_action_is_shown_first_then_done_in_the_words_that_were_agreed_to() {
    let served = Served::start(false, Fake::default()).await;
    let approve = format!("/api/orders/{ID}/approve");
    let (status, shown) = served.post(&approve, &json!({})).await;
    assert_eq!((status, &shown["would"]["what"]), (StatusCode::OK, &json!(format!("{ID} Approve"))));
    assert!(served.done().is_empty(), "what is only shown is not done");
    let (status, refused) = served.post(&approve, &json!({ "agreed": "something else" })).await;
    assert_eq!((status, &refused["error"]["kind"]), (StatusCode::CONFLICT, &json!("GUARDED")));
    let (status, done) = served.post(&approve, &json!({ "agreed": format!("{ID} Approve") })).await;
    assert_eq!((status, &done["done"]["done"]), (StatusCode::OK, &json!("approved")));
    let (status, guarded) = served.post(&format!("/api/orders/{ID}/redrive"), &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(guarded["error"]["message"], "the saga runs: there is nothing to redrive");
    assert_eq!(served.post(&format!("/api/orders/{ID}/burn"), &json!({})).await.0, StatusCode::NOT_FOUND);
    let letters = json!({ "messages": ["a"], "agreed": "redrive [\"a\"]: 1 for 60 s, then 10" });
    assert_eq!(served.post("/api/dead-letters/capture-payment/redrive", &letters).await.0, StatusCode::OK);
    let letters = json!({ "messages": ["a"], "agreed": "drop [\"a\"] false" });
    assert_eq!(served.post("/api/dead-letters/capture-payment/drop", &letters).await.0, StatusCode::OK);
    assert_eq!(served.done().len(), 3);
}

#[tokio::test]
async fn a_console_that_only_looks_does_nothing_and_says_so() {
    let served = Served::start(true, Fake::default()).await;
    let about: Value = served.get("/api/about").await.json().await.unwrap();
    assert_eq!(about["readOnly"], true);
    assert_eq!(served.get(&format!("/api/orders/{ID}")).await.status(), StatusCode::OK);
    let wish = json!({ "agreed": format!("{ID} Approve") });
    let (status, refused) = served.post(&format!("/api/orders/{ID}/approve"), &wish).await;
    assert_eq!((status, &refused["error"]["kind"]), (StatusCode::FORBIDDEN, &json!("READ_ONLY")));
    assert!(served.done().is_empty());
}

#[tokio::test]
async fn what_has_begun_is_done_to_its_end_though_the_page_is_closed() {
    let served = Served::start(false, Fake { slow: true, ..Fake::default() }).await;
    let wish = json!({ "agreed": format!("{ID} Approve") });
    let request = served.page(Method::POST, &format!("/api/orders/{ID}/approve")).json(&wish);
    let closed = request.timeout(Duration::from_millis(50)).send().await;
    assert!(closed.unwrap_err().is_timeout());
    for _ in 0..100 {
        if !served.done().is_empty() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it was cut off");
}

#[tokio::test]
async fn an_order_about_to_complete_is_undone_only_by_whoever_says_that_they_have_looked() {
    let served = Served::start(false, Fake::default()).await;
    let compensate = format!("/api/orders/{ID}/compensate");
    for (wish, although) in [(json!({}), false), (json!({ "althoughCompleting": true }), true)] {
        let (_, shown) = served.post(&compensate, &wish).await;
        let action = Action::Compensate { although_completing: although };
        assert_eq!(shown["would"]["what"], json!(format!("{ID} {action:?}")));
    }
}

#[tokio::test]
async fn letters_go_back_at_the_pace_that_was_asked_for_within_the_bounds_of_the_command() {
    let served = Served::start(false, Fake::default()).await;
    let path = "/api/dead-letters/capture-payment/redrive";
    let wish = json!({ "messages": ["a"], "sample": 3, "sampleSeconds": 5, "rate": 200 });
    let (status, shown) = served.post(path, &wish).await;
    let what = json!("redrive [\"a\"]: 3 for 5 s, then 200");
    assert_eq!((status, &shown["would"]["what"]), (StatusCode::OK, &what));
    for odd in [json!({ "rate": 0 }), json!({ "rate": 1001 }), json!({ "sampleSeconds": 601 })] {
        let (status, refused) = served.post(path, &odd).await;
        assert_eq!((status, &refused["error"]["kind"]), (StatusCode::BAD_REQUEST, &json!("USAGE")), "{odd}");
    }
}

#[tokio::test]
async fn stock_is_booked_and_compared_as_the_commands_do_it() {
    let served = Served::start(false, Fake::default()).await;
    assert_eq!(kind(served.get("/api/stock/TENT-2P").await).await, (404, "NOT_FOUND".into()));
    let wish = json!({ "node": "wh-east", "onHand": 3, "kind": "COUNT", "id": ID });
    let (_, shown) = served.post("/api/stock/TENT-2P/adjust", &wish).await;
    let what = format!("COUNT TENT-2P wh-east {:?} false", Change::OnHand(3));
    assert_eq!(shown["would"]["what"], json!(what));
    let agreed = json!({ "node": "wh-east", "onHand": 3, "kind": "COUNT", "id": ID, "agreed": what });
    assert_eq!(served.post("/api/stock/TENT-2P/adjust", &agreed).await.0, StatusCode::OK);
    for odd in [
        json!({ "node": "wh-east", "onHand": 3, "by": 1, "kind": "COUNT", "id": ID }),
        json!({ "node": "wh-east", "kind": "COUNT", "id": ID }),
        json!({ "node": "wh-east", "onHand": 3, "kind": "COUNT", "id": "42" }),
    ] {
        assert_eq!(served.post("/api/stock/TENT-2P/adjust", &odd).await.0, StatusCode::BAD_REQUEST, "{odd}");
    }
    let (_, shown) = served.post("/api/reconciliation", &json!({ "skus": ["TENT-2P"] })).await;
    assert_eq!(shown["would"]["what"], "reconcile 1");
    assert_eq!(served.done().len(), 1);
}

#[tokio::test]
async fn a_replay_is_planned_begun_watched_and_stopped() {
    let served = Served::start(false, Fake::default()).await;
    let (from, to) = ("2026-11-27T09:00:00Z", "2026-11-27T09:20:00Z");
    let wish = json!({ "bus": "orders", "from": from, "to": to, "althoughEffects": true, "lagSeconds": 0 });
    let (_, shown) = served.post("/api/replays", &wish).await;
    let what = "orders from 2026-11-27T09:00:00.000Z, true, 0 s, 600 s";
    assert_eq!(shown["would"]["what"], what);
    let page: Value = served.get("/api/replays").await.json().await.unwrap();
    assert_eq!((&page["buses"], &page["current"]), (&json!(["orders"]), &Value::Null));
    assert_eq!(served.post("/api/replays/stop", &json!({})).await.0, StatusCode::CONFLICT);
    let mut agreed = wish.clone();
    agreed["agreed"] = json!(what);
    assert_eq!(served.post("/api/replays", &agreed).await.0, StatusCode::OK);
    let (status, _) = served.post("/api/replays", &agreed).await;
    assert_eq!(status, StatusCode::CONFLICT, "one at a time");
    assert_eq!(served.post("/api/replays/stop", &json!({})).await.0, StatusCode::OK);
    let current: Value = served.get("/api/replays/current").await.json().await.unwrap();
    assert_eq!((&current["what"], &current["stopping"]), (&json!(what), &json!(true)));
    let odd = json!({ "bus": "orders", "from": "yesterday", "to": to });
    assert_eq!(served.post("/api/replays", &odd).await.0, StatusCode::BAD_REQUEST);
}

#[test]
fn what_somebody_has_to_know_before_a_guard_lets_it_pass_is_offered_only_there() {
    let order_id = OrderId::parse(ID).unwrap();
    let compensate = |status: &str, states: &[&str], now| {
        let executions = vec![execution(ID, status, states)];
        let evidence = Evidence { executions, now: of_millis(now), ..waiting(order_id) };
        order_page(&evidence).actions.pop().unwrap()
    };
    let died = compensate("ABORTED", &["CreateLabels", COMPLETION], 10_000_000);
    assert!(!died.allowed && died.although.is_some_and(|although| although.allowed));
    let young = compensate("ABORTED", &["CreateLabels", COMPLETION], 60_000);
    assert!(!young.allowed && young.although.is_some_and(|although| !although.allowed));
    assert_eq!(compensate("RUNNING", &["ReserveStock"], 10_000_000).although, None);
    let sound = compensate("ABORTED", &["ReserveStock"], 10_000_000);
    assert!(sound.allowed && sound.although.is_none());
}
