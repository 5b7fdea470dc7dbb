mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "security"
  source = "../../testing"
}

variables {
  environment      = "test"
  security_account = { id = "444455556666" }
  workload_targets = { squads = "ou-abcd-12345678" }
  allowed_regions  = ["eu-central-1"]
}

run "rejects_a_prefix_of_one_letter" {
  command = plan

  variables {
    prefix = "l"
  }

  expect_failures = [var.prefix]
}

run "rejects_a_prefix_that_makes_names_too_long" {
  command = plan

  variables {
    prefix = "lakeside-of-the-north"
  }

  expect_failures = [var.prefix]
}

run "rejects_an_environment_that_is_no_tag" {
  command = plan

  variables {
    environment = "Very Big"
  }

  expect_failures = [var.environment]
}

run "rejects_a_security_account_that_is_no_account" {
  command = plan

  variables {
    security_account = { id = "security" }
  }

  expect_failures = [var.security_account]
}

run "rejects_any_role_in_the_security_account" {
  command = plan

  variables {
    security_account = { id = "444455556666", role = "*" }
  }

  expect_failures = [var.security_account]
}

run "rejects_the_root_of_the_organization_as_a_target" {
  command = plan

  variables {
    workload_targets = { squads = "r-abcd" }
  }

  expect_failures = [var.workload_targets]
}

run "rejects_an_organization_without_squads" {
  command = plan

  variables {
    workload_targets = {}
  }

  expect_failures = [var.workload_targets]
}

run "rejects_no_region_at_all" {
  command = plan

  variables {
    allowed_regions = []
  }

  expect_failures = [var.allowed_regions]
}

run "rejects_regions_by_a_wildcard" {
  command = plan

  variables {
    allowed_regions = ["eu-*"]
  }

  expect_failures = [var.allowed_regions]
}

run "rejects_guardrails_that_every_role_may_change" {
  command = plan

  variables {
    guardrails_role = "*"
  }

  expect_failures = [var.guardrails_role]
}

run "rejects_guardrails_that_a_role_under_any_path_may_change" {
  command = plan

  variables {
    guardrails_role = "admin/*"
  }

  expect_failures = [var.guardrails_role]
}

run "rejects_a_trail_that_is_gone_within_weeks" {
  command = plan

  variables {
    trail_retention_days = 30
  }

  expect_failures = [var.trail_retention_days]
}

run "rejects_a_trail_for_ever" {
  command = plan

  variables {
    trail_retention_days = 3651
  }

  expect_failures = [var.trail_retention_days]
}

run "rejects_a_lock_that_outlasts_the_trail" {
  command = plan

  variables {
    trail_lock_days = 365
  }

  expect_failures = [var.trail_lock_days]
}

run "rejects_a_lock_of_fewer_than_no_days" {
  command = plan

  variables {
    trail_lock_days = -1
  }

  expect_failures = [var.trail_lock_days]
}

run "rejects_a_feature_that_guardduty_does_not_have" {
  command = plan

  variables {
    guardduty_features = ["EVERYTHING"]
  }

  expect_failures = [var.guardduty_features]
}

run "rejects_a_standard_without_a_version" {
  command = plan

  variables {
    security_standards = ["aws-foundational-security-best-practices"]
  }

  expect_failures = [var.security_standards]
}

run "rejects_a_severity_that_no_finding_has" {
  command = plan

  variables {
    findings_severity = 9
  }

  expect_failures = [var.findings_severity]
}

run "rejects_a_severity_below_all_findings" {
  command = plan

  variables {
    findings_severity = 0
  }

  expect_failures = [var.findings_severity]
}

run "rejects_a_key_that_is_deleted_within_days" {
  command = plan

  variables {
    key_deletion_window_days = 6
  }

  expect_failures = [var.key_deletion_window_days]
}

run "rejects_a_key_that_is_deleted_after_months" {
  command = plan

  variables {
    key_deletion_window_days = 31
  }

  expect_failures = [var.key_deletion_window_days]
}

run "rejects_a_policy_that_organizations_would_not_take" {
  command = plan

  variables {
    allowed_regions = [for number in range(600) : "eu-central-${number % 10}"]
  }

  expect_failures = [aws_organizations_policy.control["limit-regions"]]
}

run "rejects_an_organization_without_service_control_policies" {
  command = plan

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      aws_service_access_principals = ["cloudtrail.amazonaws.com"]
      roots                         = [{ id = "r-test", arn = "arn", name = "Root", policy_types = [] }]
    }
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "rejects_an_organization_that_cloudtrail_may_not_see" {
  command = plan

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      aws_service_access_principals = []
      roots = [{
        id = "r-test", arn = "arn", name = "Root", policy_types = [{ status = "ENABLED", type = "SERVICE_CONTROL_POLICY" }]
      }]
    }
  }

  expect_failures = [data.aws_organizations_organization.this]
}
