//! The sandbox of processor and carrier in this process, over real HTTP, for tests.

use std::time::Duration;

use lakeside_sandbox::{Options, serve};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::outbound::{Server, Timeouts};

pub struct Sandbox {
    url: Url,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// Effects land soon, and no request is ever turned away, so that each test is about one thing.
pub fn quick() -> Options {
    Options {
        rate: 100_000,
        landing_delay: Duration::from_millis(100),
        hang: Duration::from_mins(1),
        callback_url: None,
    }
}

impl Sandbox {
    pub async fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stop = async move {
                let _dropped = stopped.await;
            };
            serve(listener, options, stop).await.unwrap();
        });
        Self { url, stop, serving }
    }

    pub fn server(&self) -> Server {
        let timeouts = Timeouts { connect: Duration::from_secs(10), total: Duration::from_secs(10) };
        Server::new(self.url.clone(), timeouts).unwrap()
    }

    /// Makes a key of the processor, as its staff would; answers its id and itself.
    pub async fn issue_key(&self, label: &str) -> (String, String) {
        let request = Client::new().post(self.url.join("/processor/keys").unwrap());
        let answer = request.json(&json!({ "label": label })).send().await.unwrap();
        let made: Value = answer.error_for_status().unwrap().json().await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("keyId"), text("key"))
    }

    /// Ends a key of the processor, as its staff would.
    pub async fn revoke_key(&self, id: &str) {
        let url = self.url.join(&format!("/processor/keys/{id}")).unwrap();
        Client::new().delete(url).send().await.unwrap().error_for_status().unwrap();
    }

    /// Ends it; answers where it was.
    pub async fn stop(self) -> Url {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        self.url
    }
}
