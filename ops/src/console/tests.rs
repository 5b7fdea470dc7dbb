//! The console as a browser sees it: a real server on loopback, before a cloud that answers what it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lakeside_domain::ids::OrderId;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::{
    gate::Gate,
    operations::{Answer, Operations, OrderPage, order_page},
    poller::Board,
    server::{Console, router},
};
use crate::{
    clock::of_millis,
    dead_letters::{
        handling::{Choice, Listed, Peeked},
        letter::tests::letter,
    },
    failure::{Failure, Result},
    records::{Approval, Records},
    saga::{actions::Action, history::tests::execution},
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
            None => Ok(Answer::Would { what, letters: Vec::new() }),
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

    async fn redrive(&self, choice: Choice, agreed: Option<String>) -> Result<Answer> {
        self.answer(format!("redrive {:?}", choice.wanted.messages), agreed)
    }

    async fn drop_letters(&self, choice: Choice, all: bool, agreed: Option<String>) -> Result<Answer> {
        self.answer(format!("drop {:?} {all}", choice.wanted.messages), agreed)
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
    let letters = json!({ "messages": ["a"], "agreed": "redrive [\"a\"]" });
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
