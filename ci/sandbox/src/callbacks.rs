//! The processor tells its customer how payments ended.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(5);

/// A payment reached a status that it stays in unless it is reversed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callback {
    pub reference: String,
    pub status: &'static str,
}

impl Callback {
    pub fn new(reference: &str, status: &'static str) -> Self {
        Self { reference: reference.to_owned(), status }
    }
}

/// Delivers callbacks one after the other, in the order in which they arose.
#[derive(Clone)]
pub struct Callbacks {
    queue: Option<mpsc::UnboundedSender<Callback>>,
}

impl Callbacks {
    /// Without a URL, nobody is told.
    pub fn to(url: Option<reqwest::Url>) -> Self {
        let Some(url) = url else { return Self { queue: None } };
        let (queue, mut waiting) = mpsc::unbounded_channel::<Callback>();
        tokio::spawn(async move {
            let client = reqwest::Client::new();
            while let Some(callback) = waiting.recv().await {
                let sent = client.post(url.clone()).timeout(PATIENCE).json(&callback).send().await;
                let Callback { reference, status } = callback;
                match sent.and_then(reqwest::Response::error_for_status) {
                    Ok(_) => eprintln!("callback delivered: {reference} {status}"),
                    Err(error) => eprintln!("callback lost: {reference} {status}: {error}"),
                }
            }
        });
        Self { queue: Some(queue) }
    }

    pub fn send(&self, callbacks: Vec<Callback>) {
        let Some(queue) = &self.queue else { return };
        for callback in callbacks {
            if queue.send(callback).is_err() {
                eprintln!("callback lost: the sender has stopped");
            }
        }
    }
}
