# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../../testing"
}

mock_provider "aws" {
  alias  = "security"
  source = "../../testing"
}

run "startup" {
  module {
    source = "../../testing/profile"
  }

  variables {
    file = "startup.tfvars"
  }
}

run "the_startup_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.startup.settings, "environment", null)
    security_account         = lookup(run.startup.settings, "security_account", null)
    workload_targets         = lookup(run.startup.settings, "workload_targets", null)
    allowed_regions          = lookup(run.startup.settings, "allowed_regions", null)
    guardrails_role          = lookup(run.startup.settings, "guardrails_role", null)
    trail_retention_days     = lookup(run.startup.settings, "trail_retention_days", null)
    trail_lock_days          = lookup(run.startup.settings, "trail_lock_days", null)
    detection                = lookup(run.startup.settings, "detection", null)
    guardduty_features       = lookup(run.startup.settings, "guardduty_features", null)
    security_standards       = lookup(run.startup.settings, "security_standards", null)
    findings_severity        = lookup(run.startup.settings, "findings_severity", null)
    cost_allocation_tags     = lookup(run.startup.settings, "cost_allocation_tags", null)
    deletion_protection      = lookup(run.startup.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.startup.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "security_account", "workload_targets", "allowed_regions", "guardrails_role", "trail_retention_days", "trail_lock_days", "detection", "guardduty_features", "security_standards", "findings_severity", "cost_allocation_tags", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.deletion_protection && var.detection.organization_wide && var.detection.security_hub && var.detection.config_everywhere && length(var.cost_allocation_tags) > 0 && var.key_deletion_window_days == 30
    error_message = "A real organization is watched as a whole, knows what its squads cost, and keeps its trail."
  }
}

run "enterprise" {
  module {
    source = "../../testing/profile"
  }

  variables {
    file = "enterprise.tfvars"
  }
}

run "the_enterprise_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.enterprise.settings, "environment", null)
    security_account         = lookup(run.enterprise.settings, "security_account", null)
    workload_targets         = lookup(run.enterprise.settings, "workload_targets", null)
    allowed_regions          = lookup(run.enterprise.settings, "allowed_regions", null)
    guardrails_role          = lookup(run.enterprise.settings, "guardrails_role", null)
    trail_retention_days     = lookup(run.enterprise.settings, "trail_retention_days", null)
    trail_lock_days          = lookup(run.enterprise.settings, "trail_lock_days", null)
    detection                = lookup(run.enterprise.settings, "detection", null)
    guardduty_features       = lookup(run.enterprise.settings, "guardduty_features", null)
    security_standards       = lookup(run.enterprise.settings, "security_standards", null)
    findings_severity        = lookup(run.enterprise.settings, "findings_severity", null)
    cost_allocation_tags     = lookup(run.enterprise.settings, "cost_allocation_tags", null)
    deletion_protection      = lookup(run.enterprise.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.enterprise.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "security_account", "workload_targets", "allowed_regions", "guardrails_role", "trail_retention_days", "trail_lock_days", "detection", "guardduty_features", "security_standards", "findings_severity", "cost_allocation_tags", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.deletion_protection && var.detection.organization_wide && var.detection.security_hub && var.detection.config_everywhere && length(var.cost_allocation_tags) > 0 && var.key_deletion_window_days == 30
    error_message = "A real organization is watched as a whole, knows what its squads cost, and keeps its trail."
  }
}

run "local" {
  module {
    source = "../../testing/profile"
  }

  variables {
    file = "local.tfvars"
  }
}

run "the_local_profile_plans" {
  command = plan

  variables {
    environment              = lookup(run.local.settings, "environment", null)
    security_account         = lookup(run.local.settings, "security_account", { id = "444455556666" })
    workload_targets         = lookup(run.local.settings, "workload_targets", { squads = "ou-abcd-12345678" })
    allowed_regions          = lookup(run.local.settings, "allowed_regions", null)
    guardrails_role          = lookup(run.local.settings, "guardrails_role", null)
    trail_retention_days     = lookup(run.local.settings, "trail_retention_days", null)
    trail_lock_days          = lookup(run.local.settings, "trail_lock_days", null)
    detection                = lookup(run.local.settings, "detection", null)
    guardduty_features       = lookup(run.local.settings, "guardduty_features", null)
    security_standards       = lookup(run.local.settings, "security_standards", null)
    findings_severity        = lookup(run.local.settings, "findings_severity", null)
    cost_allocation_tags     = lookup(run.local.settings, "cost_allocation_tags", null)
    deletion_protection      = lookup(run.local.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.local.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "security_account", "workload_targets", "allowed_regions", "guardrails_role", "trail_retention_days", "trail_lock_days", "detection", "guardduty_features", "security_standards", "findings_severity", "cost_allocation_tags", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = !var.deletion_protection && !var.detection.security_hub
    error_message = "What is made on the emulator is thrown away."
  }
}
