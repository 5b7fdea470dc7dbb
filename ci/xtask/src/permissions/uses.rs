//! What the roles did, as the emulator wrote it down.

use std::collections::BTreeSet;

use anyhow::Context;
use serde::Deserialize;

/// The session in which the end-to-end tests put themselves into a function's place. What they try is no use.
const AUDITORS: &str = "lakeside-e2e";

/// One thing that a role did and was allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The role's name.
    pub role: String,
    /// Such as `dynamodb:PutItem`.
    pub action: String,
    /// The ARN that it was done to, or `*`.
    pub resource: String,
    /// Partition keys in it, one of each kind, such as `ORDER#1`.
    pub keys: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Line {
    principal: String,
    action: String,
    resource: String,
    keys: BTreeSet<String>,
    allowed: bool,
}

/// Reads the emulator's record: what roles did that act for themselves.
pub fn of_record(text: &str) -> anyhow::Result<BTreeSet<Use>> {
    let mut uses = BTreeSet::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line)
            .with_context(|| format!("`{line}` in the emulator's record is no authorization"))?;
        let Some((role, session)) = session(&line.principal) else { continue };
        if line.allowed && session != AUDITORS {
            let role = role.to_owned();
            uses.insert(Use { role, action: line.action, resource: line.resource, keys: line.keys });
        }
    }
    Ok(uses)
}

/// Role and session in `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
fn session(principal: &str) -> Option<(&str, &str)> {
    principal.split_once(":assumed-role/")?.1.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_was_allowed_is_a_use_but_not_what_a_test_tried_in_its_place() {
        let line = |principal: &str, allowed: bool| {
            let principal = format!("arn:aws:{principal}");
            serde_json::json!({"principal": principal, "action": "sqs:SendMessage", "resource": "arn:q", "keys": ["A#"],
                "allowed": allowed})
            .to_string()
        };
        let record = [
            line("sts::1:assumed-role/fn/run", true),
            line("sts::1:assumed-role/fn/lakeside-e2e", true),
            line("sts::1:assumed-role/denied/run", false),
            line("iam::1:user/somebody", true),
        ]
        .join("\n");
        let uses = of_record(&record).unwrap();
        let shown: Vec<_> = uses.iter().map(|found| (found.role.as_str(), found.action.as_str())).collect();
        assert_eq!(shown, [("fn", "sqs:SendMessage")]);
        assert!(of_record("{").is_err());
    }
}
