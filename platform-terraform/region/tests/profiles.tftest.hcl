# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../testing"
}


run "startup" {
  module {
    source = "../testing/profile"
  }

  variables {
    file = "startup.tfvars"
  }
}

run "the_startup_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.startup.settings, "environment", null)
    archive_retention_days   = lookup(run.startup.settings, "archive_retention_days", null)
    log_retention_days       = lookup(run.startup.settings, "log_retention_days", null)
    throttle                 = lookup(run.startup.settings, "throttle", null)
    password_sign_in         = lookup(run.startup.settings, "password_sign_in", null)
    deletion_protection      = lookup(run.startup.settings, "deletion_protection", null)
    set_api_log_role         = lookup(run.startup.settings, "set_api_log_role", null)
    tracing                  = lookup(run.startup.settings, "tracing", null)
    key_deletion_window_days = lookup(run.startup.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.startup.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.startup.settings, "partner_plans", null)
    partners                 = lookup(run.startup.settings, "partners", null)
    second_region            = lookup(run.startup.settings, "second_region", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "second_region",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      !var.password_sign_in
      && var.deletion_protection
      && var.key_deletion_window_days == 30
      && var.archive_retention_days >= 7
    )
    error_message = "A real account knows no passwords, keeps its customers and keys, and can replay a week."
  }

  assert {
    condition     = length(aws_ssm_parameter.role) == 0
    error_message = "An account that should cost little must pay for one Region."
  }
}

run "enterprise" {
  module {
    source = "../testing/profile"
  }

  variables {
    file = "enterprise.tfvars"
  }
}

run "the_enterprise_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.enterprise.settings, "environment", null)
    archive_retention_days   = lookup(run.enterprise.settings, "archive_retention_days", null)
    log_retention_days       = lookup(run.enterprise.settings, "log_retention_days", null)
    throttle                 = lookup(run.enterprise.settings, "throttle", null)
    password_sign_in         = lookup(run.enterprise.settings, "password_sign_in", null)
    deletion_protection      = lookup(run.enterprise.settings, "deletion_protection", null)
    set_api_log_role         = lookup(run.enterprise.settings, "set_api_log_role", null)
    tracing                  = lookup(run.enterprise.settings, "tracing", null)
    key_deletion_window_days = lookup(run.enterprise.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.enterprise.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.enterprise.settings, "partner_plans", null)
    partners                 = lookup(run.enterprise.settings, "partners", null)
    second_region            = lookup(run.enterprise.settings, "second_region", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "second_region",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      !var.password_sign_in
      && var.deletion_protection
      && var.key_deletion_window_days == 30
      && var.archive_retention_days >= 7
    )
    error_message = "A real account knows no passwords, keeps its customers and keys, and can replay a week."
  }

  assert {
    condition     = length(aws_ssm_parameter.role) == 1
    error_message = "An account under load must have a Region that stands by."
  }
}

run "local" {
  module {
    source = "../testing/profile"
  }

  variables {
    file = "local.tfvars"
  }
}

run "the_local_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.local.settings, "environment", null)
    archive_retention_days   = lookup(run.local.settings, "archive_retention_days", null)
    log_retention_days       = lookup(run.local.settings, "log_retention_days", null)
    throttle                 = lookup(run.local.settings, "throttle", null)
    password_sign_in         = lookup(run.local.settings, "password_sign_in", null)
    deletion_protection      = lookup(run.local.settings, "deletion_protection", null)
    set_api_log_role         = lookup(run.local.settings, "set_api_log_role", null)
    tracing                  = lookup(run.local.settings, "tracing", null)
    key_deletion_window_days = lookup(run.local.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.local.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.local.settings, "partner_plans", null)
    partners                 = lookup(run.local.settings, "partners", null)
    second_region            = lookup(run.local.settings, "second_region", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "second_region",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.password_sign_in && !var.deletion_protection && !var.tracing
    error_message = "The local cloud has test customers, and is thrown away."
  }
}
