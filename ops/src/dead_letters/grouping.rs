//! Dead letters by what they have in common: what they are, and why they were given up.

use std::collections::BTreeMap;

use lakeside_contracts::WireTime;
use lakeside_domain::ids::OrderId;
use serde::Serialize;

use super::letter::Letter;
use crate::logs::LogLine;

/// What is said of a letter of which nobody has said anything.
pub const SILENT: &str = "no line in the log: look for panics, timeouts and missing grants";

/// Letters of one kind that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they are.
    pub what: String,
    /// Why they were given up.
    pub reason: String,
    /// How many.
    pub letters: usize,
    /// When the oldest was sent.
    pub oldest: WireTime,
    /// When the newest was sent.
    pub newest: WireTime,
    /// Some orders that they are about.
    pub orders: Vec<OrderId>,
    /// Their ids.
    pub ids: Vec<String>,
}

/// Orders that are named of a group.
const NAMED: usize = 3;

/// Why a letter was given up: what EventBridge, the stream or the function said, without what differs from letter to letter.
pub fn reason(letter: &Letter, log: &[LogLine]) -> String {
    let logged = || {
        let line = log.iter().rev().find(|line| line.message_id.as_deref() == Some(letter.id.as_str()))?;
        Some(general(line.error.as_deref().unwrap_or(&line.message)))
    };
    letter.undelivered().or_else(|| letter.given_up()).or_else(logged).unwrap_or_else(|| SILENT.into())
}

/// Groups letters, the largest group first.
pub fn group(letters: &[Letter], log: &[LogLine]) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for letter in letters {
        let (about, reason) = (letter.about(), reason(letter, log));
        let group = groups.entry((about.what.clone(), reason.clone())).or_insert_with(|| Group {
            what: about.what,
            reason,
            letters: 0,
            oldest: letter.sent_at,
            newest: letter.sent_at,
            orders: Vec::new(),
            ids: Vec::new(),
        });
        group.letters += 1;
        group.oldest = group.oldest.min(letter.sent_at);
        group.newest = group.newest.max(letter.sent_at);
        group.ids.push(letter.id.clone());
        if group.orders.len() < NAMED {
            group.orders.extend(about.order_id.filter(|id| !group.orders.contains(id)));
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        b.letters.cmp(&a.letters).then_with(|| (&a.what, &a.reason).cmp(&(&b.what, &b.reason)))
    });
    groups
}

/// A reason without ids and numbers.
fn general(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if !bare.is_empty() && bare.bytes().any(|byte| byte.is_ascii_digit()) {
            word.replace(bare, "…")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::letter::tests::{ORDER, letter},
        *,
    };
    use crate::clock::of_millis;

    fn said(message_id: &str, error: &str) -> LogLine {
        LogLine {
            at: of_millis(5),
            function: "f".into(),
            level: "ERROR".into(),
            message: "goes to the dead-letter queue".into(),
            error: Some(error.into()),
            message_id: Some(message_id.into()),
        }
    }

    #[test]
    fn letters_that_failed_alike_are_one_group_whatever_their_orders() {
        let command = json!({ "command": "CapturePayment", "orderId": ORDER });
        let letters = [
            letter("a", &command),
            letter("b", &command),
            letter("c", &json!({ "command": "RefundPayment" })),
        ];
        let log = [said("a", "order `17` is unknown"), said("b", "order `18` is unknown")];
        let groups = group(&letters, &log);
        let seen: Vec<_> = groups.iter().map(|g| (g.what.as_str(), g.reason.as_str(), g.letters)).collect();
        assert_eq!(seen, [("CapturePayment", "order `…` is unknown", 2), ("RefundPayment", SILENT, 1)]);
        assert_eq!(groups[0].orders.len(), 1);
        assert_eq!(groups[0].ids, ["a", "b"]);
    }

    #[test]
    fn what_never_reached_its_queue_says_so_itself() {
        let mut undelivered = letter("a", &json!({ "detail-type": "OrderCreated" }));
        undelivered.attributes.insert("ERROR_CODE".into(), "NO_PERMISSIONS".into());
        assert_eq!(
            reason(&undelivered, &[said("a", "x")]),
            "EventBridge could not deliver it: NO_PERMISSIONS"
        );
    }
}
