//! A key belongs to one request, and that request has one answer.

use std::collections::HashMap;

use serde_json::{Value, json};

/// What goes back over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    pub fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({ "error": message }))
    }

    /// The first request of the key has not ended yet.
    pub fn processing(reference: &str) -> Self {
        Self::new(202, json!({ "reference": reference, "status": "processing" }))
    }
}

/// What a key was first used for, and what came of it.
pub struct Key<R> {
    request: R,
    /// Requests with this key, this one included.
    pub attempts: u32,
    /// Every later request gets this. Errors of ours are not kept: a retry may do better.
    pub answer: Option<Answer>,
}

/// The keys one company has seen.
pub struct Keys<R> {
    seen: HashMap<String, Key<R>>,
}

impl<R> Default for Keys<R> {
    fn default() -> Self {
        Self { seen: HashMap::new() }
    }
}

impl<R: PartialEq + Clone> Keys<R> {
    /// Takes the key for `request`, or says what to answer instead.
    pub fn take(&mut self, key: &str, request: &R) -> Result<&mut Key<R>, Answer> {
        let seen = self.seen.entry(key.to_owned()).or_insert_with(|| Key {
            request: request.clone(),
            attempts: 0,
            answer: None,
        });
        if seen.request != *request {
            return Err(Answer::error(422, "idempotency key was used for another request"));
        }
        seen.attempts = seen.attempts.saturating_add(1);
        match &seen.answer {
            Some(answer) => Err(answer.clone()),
            None => Ok(seen),
        }
    }

    /// Keeps `answer` as the one of `key`.
    pub fn settle(&mut self, key: &str, answer: Answer) {
        if let Some(seen) = self.seen.get_mut(key) {
            seen.answer = Some(answer);
        }
    }
}
