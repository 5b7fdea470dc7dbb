//! Granted against used: what every role may do, and what it did in the end-to-end tests.
//!
//! A grant that nobody used is taken away, or `ci/unused-grants.json` says why it stays. The comparison is written to
//! `docs/permissions.md`, by kinds of keys where a role is bound to them.

mod grants;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use wildmatch::WildMatch;

use self::grants::Grant;
use self::uses::Use;
use crate::layout::{CloudPaths, Layout, write_atomically};
use crate::progress::Progress;
use crate::terraform::{PLATFORM, Terraform, groups};

const REASONS: &str = "ci/unused-grants.json";
const REPORT: &str = "docs/permissions.md";

/// Why grants stay that nobody uses on the local cloud.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Explained {
    /// Names of roles without the prefix, with wildcards.
    roles: Vec<String>,
    /// Actions, with wildcards.
    actions: Vec<String>,
    /// Partition keys, if it is about some of those that the actions are granted on.
    #[serde(default)]
    keys: Vec<String>,
    reason: String,
}

/// A grant, and how it is with it.
#[derive(Debug, PartialEq, Eq)]
struct Finding<'a> {
    grant: &'a Grant,
    verdict: Verdict<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict<'a> {
    Used,
    /// Not used, or not always, for a reason.
    Stays(&'a str),
    Unused,
    /// The action is used, but never on items with these keys.
    UnusedKeys(BTreeSet<&'a str>),
}

/// Compares grants and uses of a cloud on which the end-to-end tests ran, and the report with the committed one.
///
/// With `write` it writes the report instead.
pub fn check(
    layout: &Layout,
    progress: &Progress,
    terraform: &Terraform,
    paths: &CloudPaths,
    write: bool,
) -> anyhow::Result<()> {
    let step = progress.step("granted against used");
    let reasons = read_reasons(&layout.root.join(REASONS))?;
    let record = paths.authorizations();
    let text = fs::read_to_string(&record).with_context(|| format!("cannot read {}", record.display()))?;
    let uses = uses::of_record(&text)?;
    let workspace = crate::cloud::workspace(layout, terraform, paths)?;
    let mut granted = BTreeSet::new();
    for root in groups(layout)?.iter().flatten() {
        granted.extend(grants::of_state(&workspace.state_of(root)?)?);
    }
    let platform = workspace.outputs(&PLATFORM)?;
    let prefix =
        platform.pointer("/platform/prefix").and_then(Value::as_str).context("a platform without prefix")?;
    let prefix = format!("{prefix}-");
    let findings: Vec<Finding<'_>> =
        granted.iter().map(|grant| judge(grant, &uses, &reasons, &prefix)).collect();
    step.done(&format!("{} grants of {} roles", findings.len(), roles(&findings).len()));

    let wrongs: Vec<String> = findings.iter().filter_map(|finding| wrong(finding, &prefix)).collect();
    for wrong in &wrongs {
        progress.say(&format!("  {wrong}"));
    }
    let report = render(&findings, &prefix);
    let file = layout.root.join(REPORT);
    if write {
        write_atomically(&file, report.as_bytes())?;
    } else if fs::read_to_string(&file).unwrap_or_default() != report {
        write_atomically(&paths.dir.join("permissions.md"), report.as_bytes())?;
        bail!(
            "{REPORT} is not what the roles are granted: look at {} and copy it there",
            layout.shown(&paths.dir.join("permissions.md"))
        );
    }
    match wrongs.len() {
        0 => Ok(()),
        count => bail!("{count} grants are never used: take them away, or say in {REASONS} why they stay"),
    }
}

fn read_reasons(file: &Path) -> anyhow::Result<Vec<Explained>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let reasons: Vec<Explained> = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a list of roles, actions and reason", file.display()))?;
    if let Some(empty) = reasons.iter().find(|reason| reason.reason.trim().is_empty()) {
        bail!("{} gives no reason for {}", file.display(), empty.actions.join(", "));
    }
    Ok(reasons)
}

fn judge<'a>(grant: &'a Grant, uses: &BTreeSet<Use>, reasons: &'a [Explained], prefix: &str) -> Finding<'a> {
    let uses: Vec<&Use> =
        uses.iter().filter(|found| grant.covers(&found.role, &found.action, &found.resource)).collect();
    let unused_keys: BTreeSet<&str> = grant
        .keys
        .iter()
        .map(String::as_str)
        .filter(|pattern| {
            let pattern = WildMatch::new(pattern);
            !uses.iter().any(|found| found.keys.iter().any(|key| pattern.matches(key)))
        })
        .collect();
    // A reason holds whether or not the run happened to use the grant, so that the report is the same each time.
    let reason_for = |key: Option<&str>| reasons.iter().find(|reason| reason.holds(grant, key, prefix));
    let verdict = match reason_for(None) {
        Some(reason) => Verdict::Stays(&reason.reason),
        None if uses.is_empty() => Verdict::Unused,
        None => {
            let unexplained: BTreeSet<&str> =
                unused_keys.into_iter().filter(|key| reason_for(Some(key)).is_none()).collect();
            match grant.keys.iter().find_map(|key| reason_for(Some(key))) {
                _ if !unexplained.is_empty() => Verdict::UnusedKeys(unexplained),
                Some(reason) => Verdict::Stays(&reason.reason),
                None => Verdict::Used,
            }
        }
    };
    Finding { grant, verdict }
}

impl Explained {
    /// Whether it is about this grant, and about this one of its keys.
    fn holds(&self, grant: &Grant, key: Option<&str>, prefix: &str) -> bool {
        let role = grant.role.strip_prefix(prefix).unwrap_or(&grant.role);
        let fits = |patterns: &[String], text: &str| {
            patterns.iter().any(|pattern| WildMatch::new(pattern).matches(text))
        };
        let keys = match key {
            Some(key) => self.keys.iter().any(|named| named == key),
            None => self.keys.is_empty(),
        };
        keys && fits(&self.roles, role) && fits(&self.actions, &grant.action)
    }
}

fn wrong(finding: &Finding<'_>, prefix: &str) -> Option<String> {
    let grant = finding.grant;
    let role = grant.role.strip_prefix(prefix).unwrap_or(&grant.role);
    match &finding.verdict {
        Verdict::Used | Verdict::Stays(_) => None,
        Verdict::Unused => Some(format!("{role} never does {} ({})", grant.action, grant.statement)),
        Verdict::UnusedKeys(keys) => {
            let keys: Vec<&str> = keys.iter().copied().collect();
            Some(format!("{role} never does {} on {}", grant.action, keys.join(", ")))
        }
    }
}

/// The findings of each role, by its name.
fn roles<'a, 'b>(findings: &'b [Finding<'a>]) -> BTreeMap<&'a str, Vec<&'b Finding<'a>>> {
    let mut roles: BTreeMap<&str, Vec<&Finding<'_>>> = BTreeMap::new();
    for finding in findings {
        roles.entry(&finding.grant.role).or_default().push(finding);
    }
    roles
}

fn render(findings: &[Finding<'_>], prefix: &str) -> String {
    let mut page = String::from(
        "# What every role may do, and does\n\n\
         Written by `make test` from the policies that it applied and from what the roles did under them: `cargo xtask \
         permissions --write`\nafter a run of the end-to-end tests. A grant is used, or it says why it stays.\n",
    );
    for (role, findings) in roles(findings) {
        let _ = write!(page, "\n## {}\n\n", role.strip_prefix(prefix).unwrap_or(role));
        page.push_str("| statement | action | on | items | |\n|---|---|---|---|---|\n");
        for Finding { grant, verdict } in findings {
            let resources: Vec<String> = grant.resources.iter().map(|arn| shortened(arn)).collect();
            let except = if grant.except { "anything but " } else { "" };
            let keys: Vec<String> = grant.keys.iter().map(|key| format!("`{key}`")).collect();
            let said = match verdict {
                Verdict::Used => "used",
                Verdict::Stays(reason) => reason,
                Verdict::Unused | Verdict::UnusedKeys(_) => "**unused**",
            };
            let _ = writeln!(
                page,
                "| {} | `{}` | {except}{} | {} | {said} |",
                grant.statement,
                grant.action,
                resources.join(", "),
                keys.join(", "),
            );
        }
    }
    page
}

/// An ARN without Region, account and what is different in every cloud.
fn shortened(arn: &str) -> String {
    if arn == "*" {
        return "anything".to_owned();
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, _, _, name] = parts.as_slice() else { return format!("`{arn}`") };
    if *service == "kms" {
        return "a key of its class".to_owned();
    }
    let name = match *service {
        // Secrets Manager adds six characters by chance.
        "secretsmanager" => name.rsplit_once('-').map_or(*name, |(secret, _)| secret),
        // The time in a stream's name is when it was made.
        _ => name.split_once("/stream/").map_or(*name, |(table, _)| table),
    };
    format!("`{service} {name}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: &str, action: &str, keys: &[&str]) -> Grant {
        Grant {
            role: role.into(),
            statement: "Sid".into(),
            action: action.into(),
            resources: vec!["arn:aws:dynamodb:r:1:table/t*".into()],
            except: false,
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn used(role: &str, action: &str, keys: &[&str]) -> Use {
        Use {
            role: role.into(),
            action: action.into(),
            resource: "arn:aws:dynamodb:r:1:table/t".into(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    fn reason(roles: &str, actions: &str, keys: &[&str]) -> Explained {
        Explained {
            roles: vec![roles.into()],
            actions: vec![actions.into()],
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            reason: "because".into(),
        }
    }

    #[test]
    fn a_grant_is_used_by_its_own_role_only() {
        let granted = grant("p-a", "dynamodb:GetItem", &[]);
        let own = BTreeSet::from([used("p-a", "dynamodb:GetItem", &[])]);
        let others =
            BTreeSet::from([used("p-b", "dynamodb:GetItem", &[]), used("p-a", "dynamodb:Query", &[])]);
        assert_eq!(judge(&granted, &own, &[], "p-").verdict, Verdict::Used);
        assert_eq!(judge(&granted, &others, &[], "p-").verdict, Verdict::Unused);
        assert!(wrong(&judge(&granted, &others, &[], "p-"), "p-").unwrap().starts_with("a never does"));
    }

    #[test]
    fn a_grant_on_keys_is_used_for_each_of_them() {
        let granted = grant("p-a", "dynamodb:GetItem", &["ORDER#*", "SKU#*"]);
        let half = BTreeSet::from([used("p-a", "dynamodb:GetItem", &["ORDER#1"])]);
        let unused = Verdict::UnusedKeys(BTreeSet::from(["SKU#*"]));
        assert_eq!(judge(&granted, &half, &[], "p-").verdict, unused);
        let explained = [reason("a", "dynamodb:*", &["SKU#*"])];
        assert_eq!(judge(&granted, &half, &explained, "p-").verdict, Verdict::Stays("because"));
    }

    #[test]
    fn a_reason_is_for_the_roles_and_actions_that_it_names() {
        let granted = grant("p-a", "dynamodb:GetItem", &[]);
        let verdict = |reason: Explained| {
            let reasons = [reason];
            matches!(judge(&granted, &BTreeSet::new(), &reasons, "p-").verdict, Verdict::Stays(_))
        };
        assert!(verdict(reason("*", "dynamodb:Get*", &[])));
        assert!(!verdict(reason("b", "dynamodb:Get*", &[])));
        assert!(!verdict(reason("*", "kms:*", &[])));
        assert!(!verdict(reason("*", "dynamodb:*", &["SKU#*"])));
    }

    #[test]
    fn a_reason_needs_words() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("reasons.json");
        fs::write(&file, r#"[{"roles":["*"],"actions":["kms:*"],"reason":" "}]"#).unwrap();
        assert!(read_reasons(&file).unwrap_err().to_string().contains("gives no reason"));
    }

    #[test]
    fn an_arn_is_shown_without_what_differs_between_clouds() {
        assert_eq!(shortened("arn:aws:sqs:us-east-1:1:lakeside-order-ingest"), "`sqs lakeside-order-ingest`");
        assert_eq!(shortened("arn:aws:dynamodb:r:1:table/t/stream/2026-01-01T00:00"), "`dynamodb table/t`");
        assert_eq!(shortened("arn:aws:kms:r:1:key/0-1"), "a key of its class");
        assert_eq!(
            shortened("arn:aws:secretsmanager:r:1:secret:a/b-c-1a2b3c"),
            "`secretsmanager secret:a/b-c`"
        );
    }
}
