mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "security"
  source = "../../testing"

  override_resource {
    target = aws_kms_key.audit
    values = {
      arn    = "arn:aws:kms:eu-central-1:444455556666:key/audit"
      key_id = "audit"
    }
  }
}

variables {
  environment      = "test"
  security_account = { id = "444455556666" }
  workload_targets = { production = "ou-abcd-prod1234", staging = "ou-abcd-stag1234" }
  allowed_regions  = ["eu-central-1", "eu-west-1"]
}

run "every_policy_is_attached_where_it_belongs" {
  command = plan

  assert {
    condition = alltrue([
      for name in fileset("./policies", "*.json") : contains(keys(aws_organizations_policy.control), trimsuffix(name, ".json"))
    ])
    error_message = "A policy that is only a file binds nobody."
  }

  assert {
    condition = alltrue([
      for name in keys(local.policies) :
      anytrue([for attachment in local.policy_targets : attachment.policy == name])
    ])
    error_message = "A policy that is attached to nothing binds nobody."
  }

  assert {
    condition = {
      for target in distinct([for attachment in aws_organizations_policy_attachment.control : attachment.target_id]) :
      target => length([for attachment in aws_organizations_policy_attachment.control : attachment if attachment.target_id == target])
    } == { r-test = 4, ou-abcd-prod1234 = 3, ou-abcd-stag1234 = 3 }
    error_message = "Organizations attaches at most five policies to a target, and FullAWSAccess is one of them."
  }
}

run "policies_say_what_this_organization_says" {
  command = plan

  assert {
    condition = alltrue([
      for policy in aws_organizations_policy.control :
      policy.type == "SERVICE_CONTROL_POLICY" && length(regexall("\\$\\{", policy.content)) == 0 && length(policy.content) <= 5120
    ])
    error_message = "Nothing may be left to fill in, and Organizations takes 5120 characters."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_organizations_policy.control["limit-regions"].content).Statement :
      statement.Condition.StringNotEquals["aws:RequestedRegion"] == ["eu-central-1", "eu-west-1"] if statement.Sid == "OnlyTheseRegions"
    ])
    error_message = "The allowed Regions are those of the profile."
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_organizations_policy.control : [
        for statement in jsondecode(policy.content).Statement : statement.Effect == "Deny"
      ]
    ]))
    error_message = "A service control policy here only takes away."
  }
}

run "the_trail_sees_everything_and_can_be_believed" {
  assert {
    condition = alltrue([
      aws_cloudtrail.organization.is_organization_trail,
      aws_cloudtrail.organization.is_multi_region_trail,
      aws_cloudtrail.organization.include_global_service_events,
      aws_cloudtrail.organization.enable_log_file_validation,
      aws_cloudtrail.organization.enable_logging,
      aws_cloudtrail.organization.kms_key_id == aws_kms_key.audit.arn,
    ])
    error_message = "The trail must cover every account and Region, be encrypted, and prove that nobody changed it."
  }
}

run "the_audit_bucket_is_nobodys_but_the_auditors" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.audit.block_public_acls,
      aws_s3_bucket_public_access_block.audit.block_public_policy,
      aws_s3_bucket_public_access_block.audit.ignore_public_acls,
      aws_s3_bucket_public_access_block.audit.restrict_public_buckets,
      !aws_s3_bucket.audit.force_destroy,
      aws_s3_bucket_versioning.audit.versioning_configuration[0].status == "Enabled",
    ])
    error_message = "The audit trail must be neither public nor quick to delete."
  }

  assert {
    condition = toset([
      for statement in data.aws_iam_policy_document.audit_bucket.statement : statement.sid if statement.effect == "Deny"
    ]) == toset(["NothingByAnotherCipher", "NothingByAnotherKey", "NothingInPlainText"])
    error_message = "Nothing may be written in plain text or under another key."
  }

  assert {
    condition = alltrue(flatten([
      for document in [data.aws_iam_policy_document.audit_bucket, data.aws_iam_policy_document.audit_key] : [
        for statement in document.statement : [
          for principal in statement.principals : principal.type != "Service" || anytrue([
            for condition in statement.condition :
            condition.test == "StringEquals" && contains(["aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"], condition.variable)
          ])
        ]
      ]
    ]))
    error_message = "A service acts for everybody: policies must say for whom it may act here."
  }
}

run "a_trail_that_is_not_locked_has_no_lock" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.audit) == 0 && !aws_s3_bucket.audit.object_lock_enabled
    error_message = "A lock cannot be taken back, so there must be none unless a profile says so."
  }
}

run "a_locked_trail_can_be_deleted_by_nobody" {
  command = plan

  variables {
    trail_lock_days = 30
  }

  assert {
    condition = (
      aws_s3_bucket.audit.object_lock_enabled
      && aws_s3_bucket_object_lock_configuration.audit["audit"].rule[0].default_retention[0].mode == "COMPLIANCE"
      && aws_s3_bucket_object_lock_configuration.audit["audit"].rule[0].default_retention[0].days == 30
    )
    error_message = "The lock must hold against everybody, for as long as the profile says."
  }
}

run "every_account_is_watched" {
  command = plan

  assert {
    condition = alltrue([
      aws_guardduty_detector.security.enable,
      aws_guardduty_organization_configuration.members["members"].auto_enable_organization_members == "ALL",
      toset(keys(aws_guardduty_organization_configuration_feature.members)) == toset(["LAMBDA_NETWORK_LOGS", "S3_DATA_EVENTS"]),
      alltrue([for feature in aws_guardduty_organization_configuration_feature.members : feature.auto_enable == "ALL"]),
      aws_guardduty_organization_admin_account.security["members"].admin_account_id == "444455556666",
    ])
    error_message = "GuardDuty must watch every account, with S3 and Lambda."
  }

  assert {
    condition = alltrue([
      aws_securityhub_organization_admin_account.security["security"].admin_account_id == "444455556666",
      aws_securityhub_organization_configuration.central["security"].organization_configuration[0].configuration_type == "CENTRAL",
      aws_securityhub_configuration_policy_association.everywhere["security"].target_id == "r-test",
      aws_securityhub_configuration_policy.standards["security"].configuration_policy[0].service_enabled,
      aws_securityhub_configuration_policy.standards["security"].configuration_policy[0].enabled_standard_arns == toset(["arn:aws:securityhub:eu-central-1::standards/aws-foundational-security-best-practices/v/1.0.0"]),
    ])
    error_message = "Security Hub must hold every account to the same standards."
  }

  assert {
    condition     = aws_securityhub_finding_aggregator.regions["security"].specified_regions == toset(["eu-west-1"])
    error_message = "Findings of all allowed Regions must come together."
  }
}

run "one_region_has_no_others_to_link" {
  command = plan

  variables {
    allowed_regions = ["eu-central-1"]
  }

  assert {
    condition     = aws_securityhub_finding_aggregator.regions["security"].linking_mode == "NO_REGIONS"
    error_message = "Security Hub refuses an empty list of Regions."
  }
}

run "serious_findings_reach_somebody" {
  command = plan

  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.findings :
      target.arn == aws_sns_topic.findings.arn && one(target.dead_letter_config).arn == aws_sqs_queue.findings_dlq.arn
    ])
    error_message = "Findings must go to the topic, and what does not get there must be kept."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.findings["guardduty"].event_pattern).detail.severity == [{ numeric = [">=", 7] }]
    error_message = "GuardDuty's findings must be told from the severity on that the profile says."
  }
}

run "the_bill_can_be_split_by_squad" {
  command = plan

  assert {
    condition     = toset(keys(aws_ce_cost_allocation_tag.tag)) == toset(["lakeside:environment", "lakeside:squad"])
    error_message = "Billing must know the tags that every resource carries."
  }
}
