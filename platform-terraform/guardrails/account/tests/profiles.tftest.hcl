# Plans with the very files that accounts are applied with.
mock_provider "aws" {
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
    regions                  = lookup(run.startup.settings, "regions", null)
    github_repository        = lookup(run.startup.settings, "github_repository", null)
    audit                    = lookup(run.startup.settings, "audit", null)
    recording_frequency      = lookup(run.startup.settings, "recording_frequency", null)
    budgets                  = lookup(run.startup.settings, "budgets", null)
    artifact_retention_days  = lookup(run.startup.settings, "artifact_retention_days", null)
    in_force                 = lookup(run.startup.settings, "in_force", null)
    deletion_protection      = lookup(run.startup.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.startup.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "regions", "github_repository", "audit", "recording_frequency", "budgets", "artifact_retention_days", "in_force", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.deletion_protection && var.key_deletion_window_days == 30 && var.in_force.guard_rules && var.in_force.budgets && var.in_force.public_access_block && length(setsubtract(keys(local.teams), keys(var.budgets.squads))) == 0
    error_message = "A real account keeps its states and keys, and every squad has a budget."
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
    regions                  = lookup(run.enterprise.settings, "regions", null)
    github_repository        = lookup(run.enterprise.settings, "github_repository", null)
    audit                    = lookup(run.enterprise.settings, "audit", null)
    recording_frequency      = lookup(run.enterprise.settings, "recording_frequency", null)
    budgets                  = lookup(run.enterprise.settings, "budgets", null)
    artifact_retention_days  = lookup(run.enterprise.settings, "artifact_retention_days", null)
    in_force                 = lookup(run.enterprise.settings, "in_force", null)
    deletion_protection      = lookup(run.enterprise.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.enterprise.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "regions", "github_repository", "audit", "recording_frequency", "budgets", "artifact_retention_days", "in_force", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.deletion_protection && var.key_deletion_window_days == 30 && var.in_force.guard_rules && var.in_force.budgets && var.in_force.public_access_block && length(setsubtract(keys(local.teams), keys(var.budgets.squads))) == 0
    error_message = "A real account keeps its states and keys, and every squad has a budget."
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
    regions                  = lookup(run.local.settings, "regions", null)
    github_repository        = lookup(run.local.settings, "github_repository", null)
    audit                    = lookup(run.local.settings, "audit", { bucket = "lakeside-audit-444455556666-us-east-1", key_arn = "arn:aws:kms:us-east-1:444455556666:key/audit" })
    recording_frequency      = lookup(run.local.settings, "recording_frequency", null)
    budgets                  = lookup(run.local.settings, "budgets", null)
    artifact_retention_days  = lookup(run.local.settings, "artifact_retention_days", null)
    in_force                 = lookup(run.local.settings, "in_force", null)
    deletion_protection      = lookup(run.local.settings, "deletion_protection", null)
    key_deletion_window_days = lookup(run.local.settings, "key_deletion_window_days", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "regions", "github_repository", "audit", "recording_frequency", "budgets", "artifact_retention_days", "in_force", "deletion_protection", "key_deletion_window_days",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = !var.deletion_protection
    error_message = "What is made on the emulator is thrown away."
  }
}
