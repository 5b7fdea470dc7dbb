//! Event patterns: the operators that our rules use, and those next to them.

use anyhow::ensure;
use serde_json::{Value, json};

/// Decides whether a rule takes an event.
pub trait Rules {
    /// Whether the event pattern matches the event.
    async fn matches(&self, pattern: &Value, event: &Value) -> anyhow::Result<bool>;
    /// Patterns for which this is known not to do as AWS does: they are left out, and why.
    fn unlike_aws(&self) -> &[(&'static str, &'static str)] {
        &[]
    }
}

/// A pattern, what is special about an event, and whether the one matches the other.
type Example = (&'static str, &'static str, bool);

/// Documented under "Comparison operators for use in event patterns in Amazon EventBridge".
const EXAMPLES: &[Example] = &[
    // What the subscription module makes.
    (r#"{"source":["lakeside.orders"],"detail-type":["OrderCreated"]}"#, "{}", true),
    (r#"{"source":["lakeside.orders"],"detail-type":["OrderRejected","OrderCreated"]}"#, "{}", true),
    (r#"{"source":["lakeside.orders"],"detail-type":["OrderRejected"]}"#, "{}", false),
    (r#"{"source":["lakeside.order"]}"#, "{}", false),
    (r#"{"source":["LAKESIDE.ORDERS"]}"#, "{}", false),
    // A filter on the detail, as recover-fulfilment has it.
    (r#"{"detail":{"status":["FAILED","ABORTED"]}}"#, r#"{"detail":{"status":"ABORTED"}}"#, true),
    (r#"{"detail":{"status":["FAILED","ABORTED"]}}"#, r#"{"detail":{"status":"SUCCEEDED"}}"#, false),
    (r#"{"detail":{"status":["FAILED"]}}"#, r#"{"detail":{}}"#, false),
    (r#"{"detail":{"a":{"b":["c"]}}}"#, r#"{"detail":{"a":{"b":"c","d":1}}}"#, true),
    (r#"{"detail":{"a":{"b":["c"]}}}"#, r#"{"detail":{"b":"c"}}"#, false),
    // Fields together are "and".
    (r#"{"detail":{"a":["1"],"b":["2"]}}"#, r#"{"detail":{"a":"1","b":"3"}}"#, false),
    // An array in the event matches if one of its values does.
    (r#"{"detail":{"a":["x"]}}"#, r#"{"detail":{"a":["w","x"]}}"#, true),
    (r#"{"resources":["r1"]}"#, r#"{"resources":["r0","r1"]}"#, true),
    // Accounts.
    (r#"{"account":["000000000000"]}"#, "{}", true),
    (r#"{"account":["111111111111"]}"#, "{}", false),
    // Replays.
    (r#"{"replay-name":[{"exists":false}]}"#, "{}", true),
    (r#"{"replay-name":[{"exists":false}]}"#, r#"{"replay-name":"again"}"#, false),
    (r#"{"replay-name":[{"exists":true}]}"#, r#"{"replay-name":"again"}"#, true),
    (r#"{"replay-name":[{"prefix":"aga"}]}"#, r#"{"replay-name":"again"}"#, true),
    (r#"{"replay-name":["again"]}"#, "{}", false),
    // Existence below the detail; null exists.
    (r#"{"detail":{"error":[{"exists":true}]}}"#, r#"{"detail":{"error":"e"}}"#, true),
    (r#"{"detail":{"error":[{"exists":true}]}}"#, r#"{"detail":{"other":"e"}}"#, false),
    (r#"{"detail":{"error":[{"exists":false}]}}"#, r#"{"detail":{"other":"e"}}"#, true),
    (r#"{"detail":{"error":[{"exists":true}]}}"#, r#"{"detail":{"error":null}}"#, true),
    (r#"{"detail":{"error":[null]}}"#, r#"{"detail":{"error":null}}"#, true),
    (r#"{"detail":{"error":[null]}}"#, r#"{"detail":{"error":"null"}}"#, false),
    // Prefixes and suffixes.
    (r#"{"source":[{"prefix":"lakeside."}]}"#, "{}", true),
    (r#"{"source":[{"prefix":"aws."}]}"#, "{}", false),
    (r#"{"detail-type":[{"suffix":"Created"}]}"#, "{}", true),
    (r#"{"detail-type":[{"suffix":"Order"}]}"#, "{}", false),
    (r#"{"detail-type":[{"prefix":"Stock"},"OrderCreated"]}"#, "{}", true),
    (r#"{"detail-type":[{"equals-ignore-case":"ordercreated"}]}"#, "{}", true),
    (r#"{"detail":{"path":[{"wildcard":"a/*/c"}]}}"#, r#"{"detail":{"path":"a/b/c"}}"#, true),
    (r#"{"detail":{"path":[{"wildcard":"a/*/c"}]}}"#, r#"{"detail":{"path":"a/b/d"}}"#, false),
    // Anything but; the field must be there.
    (r#"{"detail":{"a":[{"anything-but":"x"}]}}"#, r#"{"detail":{"a":"y"}}"#, true),
    (r#"{"detail":{"a":[{"anything-but":"x"}]}}"#, r#"{"detail":{"a":"x"}}"#, false),
    (r#"{"detail":{"a":[{"anything-but":"x"}]}}"#, r#"{"detail":{"b":"y"}}"#, false),
    (r#"{"detail":{"a":[{"anything-but":["x","y"]}]}}"#, r#"{"detail":{"a":"y"}}"#, false),
    // Numbers are compared as numbers, and never with texts.
    (r#"{"detail":{"n":[{"numeric":[">",0,"<=",5]}]}}"#, r#"{"detail":{"n":5}}"#, true),
    (r#"{"detail":{"n":[{"numeric":[">",0,"<=",5]}]}}"#, r#"{"detail":{"n":6}}"#, false),
    (r#"{"detail":{"n":[{"numeric":[">",0,"<",5]}]}}"#, r#"{"detail":{"n":0}}"#, false),
    (r#"{"detail":{"n":[{"numeric":[">",1,"<",5]}]}}"#, r#"{"detail":{"n":1}}"#, false),
    (r#"{"detail":{"n":[{"numeric":[">",1]}]}}"#, r#"{"detail":{"n":1}}"#, false),
    (r#"{"detail":{"n":[{"numeric":["<",1]}]}}"#, r#"{"detail":{"n":1}}"#, false),
    (r#"{"detail":{"n":[{"numeric":[">",-1]}]}}"#, r#"{"detail":{"n":-1}}"#, false),
    (r#"{"detail":{"n":[{"numeric":[">",0]}]}}"#, r#"{"detail":{"n":"1"}}"#, false),
    (r#"{"detail":{"n":[{"numeric":["=",300]}]}}"#, r#"{"detail":{"n":3.0e2}}"#, true),
    (r#"{"detail":{"n":[5]}}"#, r#"{"detail":{"n":"5"}}"#, false),
    (r#"{"detail":{"b":[true]}}"#, r#"{"detail":{"b":true}}"#, true),
    (r#"{"detail":{"b":[true]}}"#, r#"{"detail":{"b":false}}"#, false),
];

/// An event as EventBridge delivers it, with what is special about this one.
fn event(special: &str) -> anyhow::Result<Value> {
    let mut event = json!({
        "version": "0", "id": "8d6b3f5e-3f0a-4c55-9d3e-0d6a0b3b8f10", "detail-type": "OrderCreated",
        "source": "lakeside.orders", "account": "000000000000", "time": "2026-11-27T09:01:00Z",
        "region": "us-east-1", "resources": [], "detail": {},
    });
    let special: serde_json::Map<String, Value> = serde_json::from_str(special)?;
    if let Some(event) = event.as_object_mut() {
        event.extend(special);
    }
    Ok(event)
}

pub async fn patterns_match_what_they_are_documented_to_match(rules: &impl Rules) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for (pattern, special, expected) in EXAMPLES {
        if rules.unlike_aws().iter().any(|(left_out, _)| left_out == pattern) {
            continue;
        }
        let matches = rules.matches(&serde_json::from_str(pattern)?, &event(special)?).await;
        if !matches!(matches, Ok(matches) if matches == *expected) {
            wrong.push(format!("{pattern} and {special} should be {expected} and are {matches:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
