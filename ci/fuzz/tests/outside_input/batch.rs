//! A broken message beside a good one: the good one must not notice.

use std::collections::HashMap;

use lakeside_kit::{
    outbox::Entry,
    sqs::{Failures, Message},
};
use proptest::prelude::*;
use serde_json::Value;

use crate::corpus::contract;

/// The id of the message that is as it should be.
pub const GOOD: &str = "good";
/// The id of the message that may be anything.
pub const ODD: &str = "odd";

/// A message without attributes.
pub fn message(id: &str, body: String) -> Message {
    Message { id: id.into(), body, attributes: HashMap::new(), ..Message::default() }
}

/// Both in one batch.
pub fn batch(good: Message, odd: Message, good_first: bool) -> Vec<Message> {
    if good_first { vec![good, odd] } else { vec![odd, good] }
}

/// Whether the odd message was refused; an error if anything else was reported.
pub fn refused(failures: &Failures) -> Result<bool, TestCaseError> {
    match failures.ids() {
        [] => Ok(false),
        [id] if id == ODD => Ok(true),
        other => Err(TestCaseError::fail(format!("reported {other:?}"))),
    }
}

/// Fails unless every event in the outbox fits its contract.
pub fn events_fit(entries: &[Entry]) -> Result<(), TestCaseError> {
    for entry in entries {
        let detail: Value = serde_json::from_str(&entry.detail)
            .map_err(|e| TestCaseError::fail(format!("{}: {e}", entry.detail_type)))?;
        fits(&entry.detail_type, &detail)?;
    }
    Ok(())
}

/// Fails unless `document` fits the contract called `title`.
pub fn fits(title: &str, document: &Value) -> Result<(), TestCaseError> {
    contract(title)
        .schema
        .validate(document)
        .map_err(|e| TestCaseError::fail(format!("{title} outside of its contract: {e} in {document}")))
}
