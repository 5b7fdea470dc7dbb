//! What opens the payment processor. Several keys are alive at a time, so that one can take the place of another, and each
//! is shown once: when it is made.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::idempotency::Answer;

/// Keys that may be alive at a time.
const LIMIT: usize = 4;
const LONGEST_LABEL: usize = 255;

/// A body of `POST /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// Whose key it is, and what for. What comes behind the last slash chooses what goes wrong.
    pub label: String,
}

impl KeyRequest {
    /// What is wrong with the request, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        let visible = self.label.bytes().all(|b| b.is_ascii_graphic());
        let right = visible && (1..=LONGEST_LABEL).contains(&self.label.len());
        (!right).then_some("label must be 1 to 255 visible characters")
    }
}

/// What the label makes happen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Magic {
    None,
    ErrorOnce,
    ErrorAfter,
    TimeoutLands,
    OpensNothing,
}

impl Magic {
    fn of(label: &str) -> Self {
        let purpose = label.rsplit('/').next().unwrap_or(label);
        let kinds = [
            ("sandbox-error-once-", Self::ErrorOnce),
            ("sandbox-error-after-", Self::ErrorAfter),
            ("sandbox-timeout-lands-", Self::TimeoutLands),
            ("sandbox-opens-nothing-", Self::OpensNothing),
        ];
        kinds.into_iter().find(|(kind, _)| purpose.starts_with(kind)).map_or(Self::None, |(_, magic)| magic)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Alive,
    Revoked,
}

struct Key {
    id: String,
    /// What is shown once.
    secret: String,
    label: String,
    /// Seconds after the epoch.
    created: u64,
    status: Status,
    opens: bool,
}

/// How a request for a key is answered.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Answer(Answer),
    /// No answer now, and the key is made after a while.
    HangThenLand,
}

/// The processor's keys.
#[derive(Default)]
pub struct Keys {
    issued: Vec<Key>,
    /// Requests by label.
    attempts: HashMap<String, u32>,
}

impl Keys {
    /// The id of the key, if it opens anything.
    pub fn id_of(&self, secret: Option<&str>) -> Option<&str> {
        let secret = secret?;
        let found = self.alive().find(|key| key.secret == secret && key.opens);
        found.map(|key| key.id.as_str())
    }

    /// Makes a key.
    pub fn create(&mut self, request: &KeyRequest, now: u64) -> Reply {
        let attempts = self.attempts.entry(request.label.clone()).or_default();
        *attempts = attempts.saturating_add(1);
        let first = *attempts == 1;
        let broken = || Reply::Answer(Answer::error(500, "internal error"));
        match Magic::of(&request.label) {
            Magic::ErrorOnce if first => broken(),
            Magic::ErrorAfter if first => {
                self.issue(request, now);
                broken()
            }
            Magic::TimeoutLands if first => Reply::HangThenLand,
            _ => Reply::Answer(self.issue(request, now)),
        }
    }

    /// Makes a key, unless there are too many; answers it, for the only time.
    pub fn issue(&mut self, request: &KeyRequest, now: u64) -> Answer {
        if self.alive().count() >= LIMIT {
            return Answer::new(409, json!({ "reason": "too_many_keys" }));
        }
        let number = self.issued.len().saturating_add(1);
        let key = Key {
            id: format!("key_{number:08}"),
            secret: format!("sk_sandbox_{}", Uuid::new_v4().simple()),
            label: request.label.clone(),
            created: now,
            status: Status::Alive,
            opens: Magic::of(&request.label) != Magic::OpensNothing,
        };
        let mut shown = key.shown();
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("key".to_owned(), json!(key.secret));
        }
        self.issued.push(key);
        Answer::new(201, shown)
    }

    /// Ends a key. Whoever asks cannot end the one that they ask with.
    pub fn revoke(&mut self, id: &str, by: Option<&str>) -> Answer {
        if by == Some(id) {
            return Answer::new(409, json!({ "reason": "own_key" }));
        }
        match self.issued.iter_mut().find(|key| key.id == id) {
            Some(key) => {
                key.status = Status::Revoked;
                Answer::new(200, key.shown())
            }
            None => Answer::error(404, "no such key"),
        }
    }

    /// The keys that are alive, without themselves.
    pub fn list(&self) -> Value {
        json!({ "keys": self.alive().map(Key::shown).collect::<Vec<_>>() })
    }

    /// All keys there ever were, in order, without themselves.
    pub fn ledger(&self) -> Vec<Value> {
        self.issued.iter().map(Key::shown).collect()
    }

    fn alive(&self) -> impl Iterator<Item = &Key> {
        self.issued.iter().filter(|key| key.status == Status::Alive)
    }
}

impl Key {
    fn shown(&self) -> Value {
        json!({ "keyId": self.id, "label": self.label, "created": self.created, "status": self.status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(label: &str) -> KeyRequest {
        KeyRequest { label: label.into() }
    }

    fn made(keys: &mut Keys, label: &str) -> (String, String) {
        let Answer { status, body } = keys.issue(&labelled(label), 1);
        assert_eq!(status, 201, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("keyId"), text("key"))
    }

    #[test]
    fn a_key_opens_until_it_is_revoked_and_is_shown_once() {
        let mut keys = Keys::default();
        let (id, key) = made(&mut keys, "us/1");
        assert_eq!(keys.id_of(Some(&key)), Some(id.as_str()));
        assert_eq!((keys.id_of(Some("guess")), keys.id_of(None)), (None, None));
        assert!(!keys.list().to_string().contains(&key));
        for _ in 0..2 {
            assert_eq!(keys.revoke(&id, None).status, 200);
        }
        assert_eq!(keys.id_of(Some(&key)), None);
        assert_eq!(keys.list(), json!({ "keys": [] }));
        assert_eq!(keys.ledger().len(), 1);
    }

    #[test]
    fn nobody_locks_themselves_out() {
        let mut keys = Keys::default();
        let (id, key) = made(&mut keys, "us/1");
        assert_eq!(keys.revoke(&id, Some(&id)).status, 409);
        assert_eq!(keys.id_of(Some(&key)), Some(id.as_str()));
        assert_eq!(keys.revoke("key_nobody", Some(&id)).status, 404);
    }

    #[test]
    fn there_is_room_for_four_keys_at_a_time() {
        let mut keys = Keys::default();
        let first = made(&mut keys, "us/1").0;
        for number in 2..=LIMIT {
            made(&mut keys, &format!("us/{number}"));
        }
        assert_eq!(keys.issue(&labelled("us/5"), 1).status, 409);
        keys.revoke(&first, None);
        made(&mut keys, "us/5");
    }

    #[test]
    fn what_a_label_chooses_happens_to_its_first_request() {
        let mut keys = Keys::default();
        let status = |reply: &Reply| match reply {
            Reply::Answer(answer) => Some(answer.status),
            Reply::HangThenLand => None,
        };
        for (label, first, alive) in
            [("us/sandbox-error-once-1", Some(500), 0), ("us/sandbox-error-after-1", Some(500), 1)]
        {
            assert_eq!(status(&keys.create(&labelled(label), 1)), first, "{label}");
            assert_eq!(keys.alive().count(), alive, "{label}");
        }
        assert_eq!(keys.create(&labelled("us/sandbox-timeout-lands-1"), 1), Reply::HangThenLand);
        assert_eq!(status(&keys.create(&labelled("us/sandbox-timeout-lands-1"), 1)), Some(201));
        let dead = made(&mut keys, "us/sandbox-opens-nothing-1").1;
        assert_eq!(keys.id_of(Some(&dead)), None);
    }
}
