//! What the roles of an applied root are granted, as Terraform's state has it.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use serde_json::Value;
use wildmatch::WildMatch;

/// One action that a role is granted, and on what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The role's name.
    pub role: String,
    /// The statement's id.
    pub statement: String,
    /// Such as `dynamodb:PutItem`.
    pub action: String,
    /// ARNs, with wildcards; with `except` those that it is not granted on.
    pub resources: Vec<String>,
    /// Whether `resources` are what is left out.
    pub except: bool,
    /// The partition keys that it is bound to, with wildcards; none if it is bound to none.
    pub keys: BTreeSet<String>,
}

impl Grant {
    /// Whether this is what allows an action on a resource.
    pub fn covers(&self, role: &str, action: &str, resource: &str) -> bool {
        self.role == role
            && self.action.eq_ignore_ascii_case(action)
            && self.resources.iter().any(|pattern| WildMatch::new(pattern).matches(resource)) != self.except
    }
}

/// The grants in a root's state, which is `terraform show -json` prints.
pub fn of_state(state: &Value) -> anyhow::Result<Vec<Grant>> {
    let mut grants = Vec::new();
    if let Some(module) = state.pointer("/values/root_module") {
        of_module(module, &mut grants)?;
    }
    Ok(grants)
}

fn of_module(module: &Value, grants: &mut Vec<Grant>) -> anyhow::Result<()> {
    for resource in list(module, "resources") {
        let address = text(resource, "/address");
        match text(resource, "/type") {
            "aws_iam_role_policy" => {
                let policy: Value = serde_json::from_str(text(resource, "/values/policy"))
                    .with_context(|| format!("the policy of {address} is no JSON"))?;
                of_policy(text(resource, "/values/role"), address, &policy, grants)?;
            }
            "aws_iam_role_policy_attachment" | "aws_iam_user_policy" | "aws_iam_group_policy" => bail!(
                "{address} grants by another way than an inline policy of a role, which this report does not know: use aws_iam_role_policy"
            ),
            _ => {}
        }
    }
    list(module, "child_modules").iter().try_for_each(|child| of_module(child, grants))
}

fn of_policy(role: &str, address: &str, policy: &Value, grants: &mut Vec<Grant>) -> anyhow::Result<()> {
    for statement in one_or_many(policy.get("Statement")) {
        match text(statement, "/Effect") {
            "Deny" => continue,
            "Allow" => {}
            other => bail!("a statement of {address} has the effect `{other}`"),
        }
        if statement.get("NotAction").is_some() {
            bail!("a statement of {address} grants by NotAction: name the actions");
        }
        let except = statement.get("NotResource").is_some();
        let resources = strings(statement.get(if except { "NotResource" } else { "Resource" }));
        for action in strings(statement.get("Action")) {
            grants.push(Grant {
                role: role.to_owned(),
                statement: text(statement, "/Sid").to_owned(),
                action,
                resources: resources.clone(),
                except,
                keys: keys(statement),
            });
        }
    }
    Ok(())
}

/// The partition keys in a statement's conditions, however they are compared.
fn keys(statement: &Value) -> BTreeSet<String> {
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    operators
        .filter_map(|(_, keys)| keys.as_object())
        .flatten()
        .filter(|(key, _)| key.eq_ignore_ascii_case("dynamodb:LeadingKeys"))
        .flat_map(|(_, values)| strings(Some(values)))
        .collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// IAM writes a list of one as the one.
fn one_or_many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    one_or_many(value).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(resources: &Value) -> Value {
        json!({"values": {"root_module": {"child_modules": [{"resources": resources}]}}})
    }

    #[test]
    fn an_inline_policy_grants_each_action_with_its_keys_and_a_denial_grants_nothing() {
        let policy = json!({"Statement": [
            {"Sid": "Orders", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": "arn:t",
             "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "ORDER#*"}}},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "sns:Publish", "NotResource": "arn:aws:sns:*:*:*"}
        ]});
        let state = state(&json!([{"type": "aws_iam_role_policy", "address": "p",
            "values": {"role": "a", "policy": policy.to_string()}}]));
        let grants = of_state(&state).unwrap();
        let shown: Vec<_> =
            grants.iter().map(|grant| (grant.action.as_str(), grant.keys.len(), grant.except)).collect();
        assert_eq!(
            shown,
            [("dynamodb:GetItem", 1, false), ("dynamodb:PutItem", 1, false), ("sns:Publish", 0, true)]
        );
        assert!(grants[2].covers("a", "SNS:Publish", "*") && !grants[2].covers("b", "sns:Publish", "*"));
        assert!(!grants[2].covers("a", "sns:Publish", "arn:aws:sns:r:1:topic"));
    }

    #[test]
    fn a_grant_that_the_report_cannot_read_is_refused() {
        for policy in [
            json!({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}),
            json!({"Statement": {"Effect": "Maybe", "Action": "a:B", "Resource": "*"}}),
        ] {
            let values = json!({"role": "a", "policy": policy.to_string()});
            let state = state(&json!([{"type": "aws_iam_role_policy", "values": values}]));
            assert!(of_state(&state).is_err(), "{policy}");
        }
        let attached =
            state(&json!([{"type": "aws_iam_role_policy_attachment", "address": "x", "values": {}}]));
        assert!(of_state(&attached).unwrap_err().to_string().contains("use aws_iam_role_policy"));
    }
}
