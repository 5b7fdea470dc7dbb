//! The keys of the payment processor over HTTP.

use std::time::Duration;

use lakeside_domain::time::Timestamp;
use lakeside_kit::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::{
    outbound::{Answer, Outgoing, Server},
    outside::OutsideError,
    processor_keys::{Issued, KeyId, KnownKey, ProcessorKeys},
};

/// The processor behind a server, for whoever has a key.
#[derive(Debug, Clone)]
pub struct HttpProcessorKeys {
    server: Server,
}

#[derive(Serialize)]
struct NewKey<'a> {
    label: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pong {
    key_id: String,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedKey {
    key_id: String,
    label: String,
    /// Seconds after the epoch.
    created: u32,
}

/// No `Debug`: it holds a key.
#[derive(Deserialize)]
struct Made {
    key: Option<String>,
    reason: Option<String>,
}

impl HttpProcessorKeys {
    /// The processor behind `server`.
    pub const fn new(server: Server) -> Self {
        Self { server }
    }
}

impl ProcessorKeys for HttpProcessorKeys {
    async fn identify(&self, key: &Secret, patience: Duration) -> Result<Option<KeyId>, OutsideError> {
        let answer = self.server.bearing(key).get(&["v1", "ping"], patience).await?;
        match (answer.status, answer.json::<Pong>()) {
            (200, Some(pong)) => Ok(Some(KeyId(pong.key_id))),
            (401 | 403, _) => Ok(None),
            _ => Err(answer.unexpected()),
        }
    }

    async fn list(&self, opener: &Secret, patience: Duration) -> Result<Vec<KnownKey>, OutsideError> {
        let answer = self.server.bearing(opener).get(&["v1", "keys"], patience).await?;
        match (answer.status, answer.json::<Listed>()) {
            (200, Some(listed)) => Ok(listed.keys.into_iter().map(ListedKey::known).collect()),
            _ => Err(refused(&answer)),
        }
    }

    async fn issue(&self, opener: &Secret, label: &str, patience: Duration) -> Result<Issued, OutsideError> {
        let outgoing = Outgoing { path: &["v1", "keys"], key: None, body: Some(&NewKey { label }) };
        let answer = self.server.bearing(opener).post(outgoing, patience).await?;
        match (answer.status, answer.json::<Made>()) {
            (201, Some(Made { key: Some(key), .. })) => Ok(Issued::Key(Secret::new(key))),
            (409, Some(Made { reason: Some(reason), .. })) if reason == "too_many_keys" => {
                Ok(Issued::TooMany)
            }
            _ => Err(refused(&answer)),
        }
    }

    async fn revoke(&self, opener: &Secret, id: &KeyId, patience: Duration) -> Result<(), OutsideError> {
        let answer = self.server.bearing(opener).delete(&["v1", "keys", &id.0], patience).await?;
        match answer.status {
            // Others have forgotten it before.
            200..300 | 404 => Ok(()),
            _ => Err(refused(&answer)),
        }
    }
}

impl ListedKey {
    fn known(self) -> KnownKey {
        let created = Timestamp::from_millis(0).plus_seconds(self.created);
        KnownKey { id: KeyId(self.key_id), label: self.label, created }
    }
}

fn refused(answer: &Answer) -> OutsideError {
    if matches!(answer.status, 401 | 403) { OutsideError::Unauthorized } else { answer.unexpected() }
}

#[cfg(test)]
mod tests;
