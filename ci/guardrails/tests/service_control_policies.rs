//! What nobody in a member account can do, and what everybody still can.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use lakeside_guardrails::{Policies, Request, render, role, service_control_policies};

const GUARDRAILS: &str = "OrganizationAccountAccessRole";
const BUCKET: &str = "arn:aws:s3:::lakeside-analytics/events/one";
const AUDIT: &str = "arn:aws:s3:::lakeside-audit-444455556666-eu-central-1";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/lakeside-squad-boundary";
const SQUAD_ROLE: &str = "arn:aws:iam::111122223333:role/lakeside-reserve-stock";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/one";

fn passes(request: &Request) -> bool {
    Policies::of_the_organization().unwrap().allow(request).unwrap()
}

fn anything(action: &str) -> Request {
    Request::new(action, "arn:aws:sqs:eu-central-1:111122223333:anything")
}

/// Whoever is not of the guardrails is refused, and the guardrails' own role is not.
fn is_for_the_guardrails_alone(request: &Request) {
    assert!(!passes(request), "{request:?} should be refused");
    assert!(!passes(&request.clone().by(&role("lakeside-deploy-orders-production"))), "{request:?}");
    assert!(!passes(&request.clone().by(&role("NotOrganizationAccountAccessRole"))), "{request:?}");
    let theirs = request.clone().by(&role(GUARDRAILS));
    assert!(passes(&theirs), "{theirs:?} should pass");
}

#[test]
fn what_squads_do_every_day_passes() {
    for (action, resource) in [
        ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:lakeside-order-ingest"),
        ("dynamodb:PutItem", "arn:aws:dynamodb:eu-central-1:111122223333:table/lakeside-orders"),
        (
            "lambda:UpdateFunctionCode",
            "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-order-ingest",
        ),
        ("s3:PutObject", BUCKET),
        ("s3:PutBucketPublicAccessBlock", "arn:aws:s3:::lakeside-analytics"),
        ("kms:Decrypt", KEY),
        ("logs:PutLogEvents", "arn:aws:logs:eu-central-1:111122223333:log-group:lakeside"),
        ("cloudtrail:LookupEvents", "arn:aws:cloudtrail:eu-central-1:111122223333:trail/lakeside"),
        (
            "config:GetComplianceDetailsByConfigRule",
            "arn:aws:config:eu-central-1:111122223333:config-rule/one",
        ),
        ("guardduty:GetFindings", "arn:aws:guardduty:eu-central-1:111122223333:detector/one"),
    ] {
        let request = Request::new(action, resource);
        assert!(passes(&request), "{request:?}");
    }
}

#[test]
fn nothing_is_done_outside_of_the_allowed_regions() {
    let elsewhere = |action: &str| anything(action).with("aws:RequestedRegion", "us-east-1");
    for action in [
        "sqs:SendMessage",
        "dynamodb:CreateTable",
        "ec2:RunInstances",
        "lambda:CreateFunction",
        "kms:CreateKey",
    ] {
        is_for_the_guardrails_alone(&elsewhere(action));
        assert!(passes(&anything(action).with("aws:RequestedRegion", "eu-west-1")), "{action}");
    }
}

#[test]
fn what_is_global_is_asked_for_in_virginia() {
    for action in [
        "acm:RequestCertificate",
        "budgets:ViewBudget",
        "ce:GetCostAndUsage",
        "cloudfront:CreateDistribution",
        "cloudwatch:GetMetricData",
        "health:DescribeEvents",
        "iam:GetRole",
        "organizations:DescribeOrganization",
        "route53:ChangeResourceRecordSets",
        "s3:ListAllMyBuckets",
        "sts:AssumeRoleWithWebIdentity",
        "support:CreateCase",
        "wafv2:CreateWebACL",
    ] {
        assert!(passes(&anything(action).with("aws:RequestedRegion", "us-east-1")), "{action}");
    }
}

#[test]
fn nobody_switches_another_region_on() {
    is_for_the_guardrails_alone(&anything("account:EnableRegion"));
}

#[test]
fn the_root_user_does_nothing() {
    let root = "arn:aws:iam::111122223333:root";
    for action in ["s3:PutObject", "iam:CreateRole", "sqs:SendMessage", "account:PutContactInformation"] {
        assert!(!passes(&anything(action).by(root)), "{action}");
    }
    // The management account may act as root of a member for the few tasks that only root can do.
    assert!(passes(&anything("s3:DeleteBucketPolicy").by(root).with("aws:AssumedRoot", "true")));
}

#[test]
fn an_account_stays_in_the_organization() {
    for action in ["organizations:LeaveOrganization", "account:CloseAccount"] {
        assert!(!passes(&anything(action)), "{action}");
        assert!(!passes(&anything(action).by(&role(GUARDRAILS))), "{action} by whoever looks after it");
    }
}

#[test]
fn trail_recorder_and_detection_go_on() {
    for action in [
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StopLogging",
        "cloudtrail:UpdateTrail",
        "config:DeleteConfigRule",
        "config:DeleteConfigurationRecorder",
        "config:DeleteDeliveryChannel",
        "config:PutConfigurationRecorder",
        "config:StopConfigurationRecorder",
        "guardduty:CreateFilter",
        "guardduty:DeleteDetector",
        "guardduty:DisassociateFromAdministratorAccount",
        "guardduty:UpdateDetector",
        "securityhub:BatchDisableStandards",
        "securityhub:DisableSecurityHub",
    ] {
        is_for_the_guardrails_alone(&anything(action));
    }
}

#[test]
fn what_was_seen_is_kept() {
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion"] {
        is_for_the_guardrails_alone(&Request::new(action, &format!("{AUDIT}/AWSLogs/one")));
        assert!(passes(&Request::new(action, BUCKET)), "{action} of the squad's own");
    }
    for action in
        ["s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"]
    {
        is_for_the_guardrails_alone(&Request::new(action, AUDIT));
    }
    for action in ["kms:DisableKey", "kms:PutKeyPolicy"] {
        is_for_the_guardrails_alone(
            &Request::new(action, KEY).with("kms:ResourceAliases", "alias/lakeside-audit"),
        );
        assert!(
            passes(&Request::new(action, KEY).with("kms:ResourceAliases", "alias/lakeside-data")),
            "{action}"
        );
    }
}

#[test]
fn nothing_that_is_stored_is_public() {
    is_for_the_guardrails_alone(&anything("s3:PutAccountPublicAccessBlock"));
    for action in ["s3:CreateBucket", "s3:PutBucketAcl", "s3:PutObject", "s3:PutObjectAcl"] {
        let request = Request::new(action, BUCKET);
        for acl in ["public-read", "public-read-write", "authenticated-read"] {
            assert!(!passes(&request.clone().with("s3:x-amz-acl", acl)), "{action} {acl}");
        }
        for acl in ["private", "bucket-owner-full-control"] {
            assert!(passes(&request.clone().with("s3:x-amz-acl", acl)), "{action} {acl}");
        }
        for grant in ["s3:x-amz-grant-read", "s3:x-amz-grant-full-control"] {
            let everybody = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
            assert!(!passes(&request.clone().with(grant, everybody)), "{action} {grant}");
            assert!(passes(&request.clone().with(grant, "id=\"one\"")), "{action} {grant}");
        }
    }
    assert!(!passes(&anything("ec2:ModifySnapshotAttribute")));
    let url = anything("lambda:CreateFunctionUrlConfig");
    assert!(!passes(&url.clone().with("lambda:FunctionUrlAuthType", "NONE")));
    assert!(passes(&url.with("lambda:FunctionUrlAuthType", "AWS_IAM")));
}

#[test]
fn what_is_stored_and_sent_is_encrypted() {
    let put = Request::new("s3:PutObject", BUCKET);
    assert!(!passes(&put.clone().with("s3:x-amz-server-side-encryption", "AES256")));
    for cipher in ["aws:kms", "aws:kms:dsse"] {
        assert!(passes(&put.clone().with("s3:x-amz-server-side-encryption", cipher)), "{cipher}");
    }
    assert!(!passes(&put.clone().with("s3:x-amz-server-side-encryption-customer-algorithm", "AES256")));

    let volume = Request::new("ec2:CreateVolume", "arn:aws:ec2:eu-central-1:111122223333:volume/one");
    assert!(!passes(&volume.clone().with("ec2:Encrypted", "false")));
    assert!(passes(&volume.with("ec2:Encrypted", "true")));
    for (action, key) in [
        ("rds:CreateDBInstance", "rds:StorageEncrypted"),
        ("elasticfilesystem:CreateFileSystem", "elasticfilesystem:Encrypted"),
    ] {
        assert!(!passes(&anything(action).with(key, "false")), "{action}");
        assert!(passes(&anything(action).with(key, "true")), "{action}");
    }

    for action in ["dynamodb:GetItem", "s3:GetObject", "sqs:ReceiveMessage", "secretsmanager:GetSecretValue"]
    {
        assert!(!passes(&anything(action).with("aws:SecureTransport", "false")), "{action}");
    }
}

#[test]
fn keys_are_not_lost_in_a_hurry() {
    is_for_the_guardrails_alone(&Request::new("kms:DisableKeyRotation", KEY));
    let delete = |days: &str| {
        Request::new("kms:ScheduleKeyDeletion", KEY).with("kms:ScheduleKeyDeletionPendingWindowInDays", days)
    };
    is_for_the_guardrails_alone(&delete("7"));
    is_for_the_guardrails_alone(&delete("13"));
    assert!(passes(&delete("14")));
    let bypass = Request::new("kms:PutKeyPolicy", KEY).with("kms:BypassPolicyLockoutSafetyCheck", "true");
    assert!(!passes(&bypass.by(&role(GUARDRAILS))));
}

#[test]
fn roles_are_made_with_the_boundary() {
    for action in
        ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"]
    {
        let request = Request::new(action, SQUAD_ROLE);
        is_for_the_guardrails_alone(&request);
        is_for_the_guardrails_alone(
            &request.clone().with("iam:PermissionsBoundary", "arn:aws:iam::111122223333:policy/of-my-own"),
        );
        let bounded = request.clone().with("iam:PermissionsBoundary", BOUNDARY);
        assert!(passes(&bounded.by(&role("lakeside-apply-orders-production"))), "{action}");
        // The door's roles are the platform's, and have none.
        assert!(passes(&request.by(&role("lakeside-deploy-platform-production"))), "{action}");
    }
}

#[test]
fn the_boundary_stays_on_and_is_not_altered() {
    let take_off = Request::new("iam:DeleteRolePermissionsBoundary", SQUAD_ROLE)
        .with("iam:PermissionsBoundary", BOUNDARY);
    is_for_the_guardrails_alone(&take_off);
    assert!(!passes(&take_off.by(&role("lakeside-deploy-platform-production"))));
    for action in [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
    ] {
        is_for_the_guardrails_alone(&Request::new(action, BOUNDARY));
        assert!(passes(&Request::new(action, "arn:aws:iam::111122223333:policy/of-my-own")), "{action}");
    }
}

#[test]
fn pipelines_do_not_widen_themselves() {
    for name in [
        "lakeside-deploy-orders-production",
        "lakeside-apply-orders-production",
        "lakeside-plan-production",
        GUARDRAILS,
    ] {
        for action in ["iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:DetachRolePolicy"] {
            is_for_the_guardrails_alone(&Request::new(action, &role(name)));
        }
        let write = Request::new("iam:PutRolePolicy", &role(name)).with("iam:PermissionsBoundary", BOUNDARY);
        is_for_the_guardrails_alone(&write);
        assert!(!passes(&write.by(&role("lakeside-deploy-platform-production"))), "{name}");
    }
    is_for_the_guardrails_alone(&anything("iam:CreateOpenIDConnectProvider"));
}

#[test]
fn nobody_makes_keys_that_last() {
    for action in ["iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"] {
        is_for_the_guardrails_alone(&anything(action));
    }
}

#[test]
fn every_policy_fits_and_is_filled_in() {
    let files = service_control_policies().unwrap();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let rendered = render(&file).unwrap();
        assert!(!rendered.contains("${"), "{} has something left to fill in", file.display());
        let policy: serde_json::Value = serde_json::from_str(&rendered).unwrap();
        let length = policy.to_string().len();
        assert!(length <= 5120, "{} has {length} characters of 5120", file.display());
    }
}
