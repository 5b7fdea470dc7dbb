//! What must be there after the guardrails were applied, as the emulator's API tells it.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::emulator::{Emulator, MANAGEMENT, Organization, text};

const TRAILS: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
const CONFIG: &str = "StarlingDoveService";
const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";

/// Looks at everything and answers how many things it found to be right.
pub fn inspect(emulator: &Emulator, organization: &Organization) -> anyhow::Result<usize> {
    let looked = [
        trail(emulator)?,
        policies(emulator, organization)?,
        detection(emulator, organization)?,
        recorder(emulator)?,
        roles(emulator)?,
    ];
    Ok(looked.iter().sum())
}

fn trail(emulator: &Emulator) -> anyhow::Result<usize> {
    let ask = |action: &str, body: Value| emulator.json(MANAGEMENT, "cloudtrail", TRAILS, action, &body);
    let trails = ask("DescribeTrails", json!({}))?;
    let trail = trails.pointer("/trailList/0").cloned().unwrap_or_default();
    for setting in [
        "IsMultiRegionTrail",
        "IsOrganizationTrail",
        "LogFileValidationEnabled",
        "IncludeGlobalServiceEvents",
    ] {
        expect(&format!("{setting} of the trail"), trail.get(setting), &json!(true))?;
    }
    if text(&trail, "/KmsKeyId")?.is_empty() {
        bail!("the trail is not encrypted by a key");
    }
    let status = ask("GetTrailStatus", json!({"Name": text(&trail, "/TrailARN")?}))?;
    expect("IsLogging of the trail", status.get("IsLogging"), &json!(true))?;
    Ok(6)
}

fn policies(emulator: &Emulator, organization: &Organization) -> anyhow::Result<usize> {
    let everywhere = ["deny-leaving-organization", "deny-root-user", "limit-regions", "protect-audit"];
    let workloads = ["deny-public-storage", "protect-boundary", "require-encryption"];
    for (target, expected) in [(&organization.root, &everywhere[..]), (&organization.unit, &workloads[..])] {
        let body = json!({"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"});
        let answer =
            emulator.json(MANAGEMENT, "organizations", ORGANIZATIONS, "ListPoliciesForTarget", &body)?;
        let listed = answer.get("Policies").and_then(Value::as_array).cloned().unwrap_or_default();
        let ours: BTreeSet<String> = listed
            .iter()
            .filter_map(|policy| policy.get("Name")?.as_str()?.strip_prefix("lakeside-").map(str::to_owned))
            .collect();
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        if ours != expected {
            bail!("{target} should be bound by {expected:?} and is bound by {ours:?}");
        }
        if listed.len() > 5 {
            bail!("{target} has {} policies, and Organizations attaches at most five", listed.len());
        }
    }
    Ok(everywhere.len() + workloads.len())
}

fn detection(emulator: &Emulator, organization: &Organization) -> anyhow::Result<usize> {
    let detectors = emulator.get(&organization.security, "guardduty", "/detector")?;
    let id = text(&detectors, "/detectorIds/0").context("the security account has no detector")?;
    let detector = emulator.get(&organization.security, "guardduty", &format!("/detector/{id}"))?;
    expect("the detector's status", detector.get("status"), &json!("ENABLED"))?;
    Ok(1)
}

fn recorder(emulator: &Emulator) -> anyhow::Result<usize> {
    let ask = |action: &str| emulator.json(MANAGEMENT, "config", CONFIG, action, &json!({}));
    let status = ask("DescribeConfigurationRecorderStatus")?;
    expect("recording", status.pointer("/ConfigurationRecordersStatus/0/recording"), &json!(true))?;
    let rules = ask("DescribeConfigRules")?;
    let count = rules.get("ConfigRules").and_then(Value::as_array).map_or(0, Vec::len);
    if count < 10 {
        bail!("Config has {count} rules, which is fewer than the guardrails list");
    }
    Ok(1 + count)
}

/// The trust of some roles, word for word: one subject each, compared as a whole.
fn roles(emulator: &Emulator) -> anyhow::Result<usize> {
    let subjects = [
        ("lakeside-deploy-orders-local", "repo:example/lakeside:environment:orders-local"),
        ("lakeside-deploy-growth-local", "repo:example/lakeside:environment:growth-local"),
        ("lakeside-apply-inventory-local", "repo:example/lakeside:environment:inventory-local"),
        ("lakeside-deploy-platform-local", "repo:example/lakeside:environment:platform-local"),
        ("lakeside-plan-local", "repo:example/lakeside:pull_request"),
    ];
    for (role, subject) in subjects {
        let answer = emulator.query("iam", &format!("Action=GetRole&Version=2010-05-08&RoleName={role}"))?;
        let document = between(&answer, "<AssumeRolePolicyDocument>", "</AssumeRolePolicyDocument>")
            .with_context(|| format!("the role `{role}` trusts nobody: `{answer}`"))?;
        let trust: Value = serde_json::from_str(&decode(document))
            .with_context(|| format!("the trust of `{role}` is not JSON: `{document}`"))?;
        let expected = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": PROVIDER},
                "Condition": {"StringEquals": {
                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                    "token.actions.githubusercontent.com:sub": subject,
                }},
            }],
        });
        expect(&format!("the trust of `{role}`"), Some(&trust), &expected)?;
    }
    Ok(subjects.len())
}

fn expect(what: &str, found: Option<&Value>, expected: &Value) -> anyhow::Result<()> {
    match found {
        Some(found) if found == expected => Ok(()),
        found => bail!("{what} should be {expected} and is {}", found.unwrap_or(&Value::Null)),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// What was written for the inside of a form or of XML.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).replace("&quot;", "\"").replace("&#34;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_however_it_was_written() {
        assert_eq!(decode("%7B%22a%22%3A+1%7d 100%"), "{\"a\":+1} 100%");
        assert_eq!(decode("{&quot;a&quot;: 1}"), "{\"a\": 1}");
    }

    #[test]
    fn what_is_not_as_expected_is_said() {
        let error = expect("the thing", Some(&json!(false)), &json!(true)).unwrap_err().to_string();
        assert_eq!(error, "the thing should be true and is false");
        assert!(expect("the thing", None, &json!(true)).is_err());
        assert!(expect("the thing", Some(&json!(true)), &json!(true)).is_ok());
    }
}
