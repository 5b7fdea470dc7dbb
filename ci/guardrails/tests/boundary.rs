//! The permissions boundary lets everything pass that squads' roles are granted, and nothing that grants more.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::collections::BTreeSet;
use std::path::Path;

use lakeside_guardrails::{ACCOUNT, Policies, Request, checkout, role};

fn passes(request: &Request) -> bool {
    Policies::boundary().unwrap().allow(request).unwrap()
}

fn terraform_files(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with(".terraform") {
            terraform_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The words in quotes of every list that is called `actions`.
fn listed_actions(terraform: &str) -> Vec<String> {
    terraform
        .match_indices("actions")
        .filter_map(|(at, name)| {
            let rest = terraform.get(at + name.len()..)?.trim_start().strip_prefix('=')?.trim_start();
            rest.strip_prefix('[')?.split(']').next()
        })
        .flat_map(|list| list.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Everything that a squad's Terraform grants to a role: whole actions, and those on items of tables.
fn granted() -> BTreeSet<String> {
    let mut files = Vec::new();
    terraform_files(&checkout().join("squad-modules"), &mut files);
    let listed = files.iter().flat_map(|file| listed_actions(file));
    listed
        .filter(|action| !action.contains('$') && !action.starts_with("sts:") && action != "s3:*")
        .map(|action| if action.contains(':') { action } else { format!("dynamodb:{action}") })
        .collect()
}

/// What an action is done to in this account, as its service names it.
fn resource(action: &str) -> String {
    let service = action.split(':').next().unwrap_or_default();
    match service {
        "s3" => "arn:aws:s3:::lakeside-analytics-111122223333-eu-central-1/events/one".to_owned(),
        service => format!("arn:aws:{service}:eu-central-1:{ACCOUNT}:lakeside-something"),
    }
}

#[test]
fn everything_that_squads_are_granted_passes() {
    let granted = granted();
    for known in [
        "dynamodb:PutItem",
        "sqs:SendMessage",
        "states:StartExecution",
        "ses:SendEmail",
        "firehose:PutRecord",
    ] {
        assert!(granted.contains(known), "{known} is granted and was not found: {granted:?}");
    }
    let refused: Vec<&String> =
        granted.iter().filter(|action| !passes(&Request::new(action, &resource(action)))).collect();
    assert!(refused.is_empty(), "squads' roles are granted what the boundary refuses: {refused:?}");
}

#[test]
fn messages_reach_phones() {
    assert!(passes(&Request::new("sns:Publish", "arn:aws:sns:eu-central-1:111122223333:lakeside-alarms")));
    assert!(!passes(&Request::new("sns:Publish", "arn:aws:sns:eu-central-1:444455556666:somebody")));
    // A phone is no resource of SNS.
    assert!(passes(&Request::new(
        "sns:Publish",
        "arn:aws:sms-voice:eu-central-1:111122223333:phone-number/one"
    )));
}

#[test]
fn what_is_denied_is_denied_to_whoever_a_resources_policy_names() {
    let policies = Policies::boundary_beside_a_resources_policy().unwrap();
    for action in [
        "account:CloseAccount",
        "iam:CreateRole",
        "kms:CreateGrant",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "organizations:LeaveOrganization",
        "sts:AssumeRole",
    ] {
        let request = Request::new(action, "arn:aws:kms:eu-central-1:111122223333:key/one");
        assert!(!policies.allow(&request).unwrap(), "{action}");
    }
    assert!(policies.allow(&Request::new("sqs:PurgeQueue", &resource("sqs:PurgeQueue"))).unwrap());
    for bucket in ["state", "artifacts", "audit"] {
        let object = format!("arn:aws:s3:::lakeside-{bucket}-{ACCOUNT}-eu-central-1/one");
        assert!(!policies.allow(&Request::new("s3:GetObject", &object)).unwrap(), "{bucket}");
    }
}

#[test]
fn nobody_grants_themselves_more() {
    for (action, resource) in [
        ("iam:PutRolePolicy", role("lakeside-reserve-stock")),
        ("iam:CreateUser", format!("arn:aws:iam::{ACCOUNT}:user/one")),
        ("iam:PassRole", role("lakeside-reserve-stock")),
        ("organizations:LeaveOrganization", format!("arn:aws:organizations::{ACCOUNT}:account/o-one/one")),
        ("kms:PutKeyPolicy", format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/one")),
        ("kms:CreateGrant", format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/one")),
        ("kms:ScheduleKeyDeletion", format!("arn:aws:kms:eu-central-1:{ACCOUNT}:key/one")),
        ("sts:AssumeRole", role("OrganizationAccountAccessRole")),
        ("lambda:UpdateFunctionCode", format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:lakeside-one")),
        ("lambda:AddPermission", format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:lakeside-one")),
        ("sqs:SetQueueAttributes", format!("arn:aws:sqs:eu-central-1:{ACCOUNT}:lakeside-one")),
        ("dynamodb:DeleteTable", format!("arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/lakeside-orders")),
        ("cloudtrail:StopLogging", format!("arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/one")),
    ] {
        assert!(!passes(&Request::new(action, &resource)), "{action}");
    }
}

#[test]
fn nobody_reaches_other_accounts_and_regions() {
    let queue = |account: &str| format!("arn:aws:sqs:eu-central-1:{account}:lakeside-order-ingest");
    let send = |account: &str| Request::new("sqs:SendMessage", &queue(account));
    assert!(passes(&send(ACCOUNT)));
    assert!(!passes(&send("444455556666")));
    assert!(!passes(&send(ACCOUNT).with("aws:RequestedRegion", "us-east-1")));
}

#[test]
fn nobody_reads_states_packages_and_trails() {
    for bucket in ["state", "artifacts", "audit"] {
        for action in ["s3:GetObject", "s3:PutObject"] {
            let object = format!("arn:aws:s3:::lakeside-{bucket}-{ACCOUNT}-eu-central-1/one");
            assert!(!passes(&Request::new(action, &object)), "{action} {bucket}");
        }
    }
    assert!(!passes(&Request::new("s3:GetObject", "arn:aws:s3:::somebody-elses/one")));
}
