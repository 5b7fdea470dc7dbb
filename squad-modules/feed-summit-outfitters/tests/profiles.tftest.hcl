# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  artifacts_dir = "tests/artifacts"
}

run "startup" {
  module {
    source = "../../platform-terraform/testing/profile"
  }

  variables {
    file = "startup.tfvars"
  }
}

run "the_startup_profile_plans" {
  command = plan

  variables {
    environment            = lookup(run.startup.settings, "environment", null)
    architecture           = lookup(run.startup.settings, "architecture", null)
    log_retention_days     = lookup(run.startup.settings, "log_retention_days", null)
    tracing                = lookup(run.startup.settings, "tracing", null)
    dashboards             = lookup(run.startup.settings, "dashboards", null)
    deletion_protection    = lookup(run.startup.settings, "deletion_protection", null)
    maximum_concurrency    = lookup(run.startup.settings, "maximum_concurrency", null)
    function_role_auditors = lookup(run.startup.settings, "function_role_auditors", null)
    canary                 = lookup(run.startup.settings, "canary", null)
    reader                 = lookup(run.startup.settings, "reader", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "architecture", "log_retention_days", "tracing", "deletion_protection", "maximum_concurrency",
      "function_role_auditors", "canary", "reader", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.architecture == "arm64" && var.deletion_protection && length(var.function_role_auditors) == 0
    error_message = "A real account protects its tables and has no auditors of roles."
  }

  assert {
    condition     = length(module.dashboard) == 0
    error_message = "A small account pays for no picture of what alarms tell it."
  }
}

run "enterprise" {
  module {
    source = "../../platform-terraform/testing/profile"
  }

  variables {
    file = "enterprise.tfvars"
  }
}

run "the_enterprise_profile_plans" {
  command = plan

  variables {
    environment            = lookup(run.enterprise.settings, "environment", null)
    architecture           = lookup(run.enterprise.settings, "architecture", null)
    log_retention_days     = lookup(run.enterprise.settings, "log_retention_days", null)
    tracing                = lookup(run.enterprise.settings, "tracing", null)
    dashboards             = lookup(run.enterprise.settings, "dashboards", null)
    deletion_protection    = lookup(run.enterprise.settings, "deletion_protection", null)
    maximum_concurrency    = lookup(run.enterprise.settings, "maximum_concurrency", null)
    function_role_auditors = lookup(run.enterprise.settings, "function_role_auditors", null)
    canary                 = lookup(run.enterprise.settings, "canary", null)
    reader                 = lookup(run.enterprise.settings, "reader", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "architecture", "log_retention_days", "tracing", "deletion_protection", "maximum_concurrency",
      "function_role_auditors", "canary", "reader", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.architecture == "arm64" && var.deletion_protection && length(var.function_role_auditors) == 0
    error_message = "A real account protects its tables and has no auditors of roles."
  }

  assert {
    condition     = var.canary != null
    error_message = "Under load a new version is shifted step by step."
  }

  assert {
    condition     = length(module.dashboard) == 1
    error_message = "An account under load sees what it does."
  }
}

run "local" {
  module {
    source = "../../platform-terraform/testing/profile"
  }

  variables {
    file = "local.tfvars"
  }
}

run "the_local_profile_plans" {
  command = plan

  variables {
    environment            = lookup(run.local.settings, "environment", null)
    architecture           = lookup(run.local.settings, "architecture", null)
    log_retention_days     = lookup(run.local.settings, "log_retention_days", null)
    tracing                = lookup(run.local.settings, "tracing", null)
    dashboards             = lookup(run.local.settings, "dashboards", null)
    deletion_protection    = lookup(run.local.settings, "deletion_protection", null)
    maximum_concurrency    = lookup(run.local.settings, "maximum_concurrency", null)
    function_role_auditors = lookup(run.local.settings, "function_role_auditors", null)
    canary                 = lookup(run.local.settings, "canary", null)
    reader                 = lookup(run.local.settings, "reader", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "architecture", "log_retention_days", "tracing", "deletion_protection", "maximum_concurrency",
      "function_role_auditors", "canary", "reader", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = !var.tracing && !var.deletion_protection
    error_message = "The local cloud has no traces, and is thrown away."
  }

  assert {
    condition     = length(module.dashboard) == 1
    error_message = "The local cloud is drawn as an account under load is."
  }
}
