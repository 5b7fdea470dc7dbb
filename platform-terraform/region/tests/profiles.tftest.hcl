# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../testing"
}

mock_provider "aws" {
  alias  = "us_east_1"
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
    dashboards               = lookup(run.startup.settings, "dashboards", null)
    key_deletion_window_days = lookup(run.startup.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.startup.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.startup.settings, "partner_plans", null)
    partners                 = lookup(run.startup.settings, "partners", null)
    second_region            = lookup(run.startup.settings, "second_region", null)
    edge                     = lookup(run.startup.settings, "edge", null)
    edge_token_digests       = lookup(run.startup.settings, "edge_token_digests", null)
    refuse_direct_calls      = lookup(run.startup.settings, "refuse_direct_calls", null)
    firewall_logs            = lookup(run.startup.settings, "firewall_logs", null)
    schema_registry          = lookup(run.startup.settings, "schema_registry", null)
    schema_discovery         = lookup(run.startup.settings, "schema_discovery", null)
    network                  = lookup(run.startup.settings, "network", null)
    event_subscribers        = lookup(run.startup.settings, "event_subscribers", null)
    deny_other_accounts      = lookup(run.startup.settings, "deny_other_accounts", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "schema_registry", "schema_discovery", "network", "event_subscribers",
      "deny_other_accounts", "edge", "edge_token_digests", "refuse_direct_calls", "firewall_logs", "second_region",
      "dashboards",
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

  assert {
    condition     = var.edge != null && var.refuse_direct_calls && var.firewall_logs && length(var.edge_token_digests) == 0
    error_message = "A real account has an edge that cannot be walked around, knows what it refused, and has a token of its own."
  }

  assert {
    condition     = var.network == null && var.schema_registry && var.deny_other_accounts
    error_message = "A small account pays for no network, and has what costs nothing: the registry, and closed buses."
  }

  assert {
    condition     = length(module.dashboard) == 0
    error_message = "A small account pays for no picture of what alarms tell it."
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
    dashboards               = lookup(run.enterprise.settings, "dashboards", null)
    key_deletion_window_days = lookup(run.enterprise.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.enterprise.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.enterprise.settings, "partner_plans", null)
    partners                 = lookup(run.enterprise.settings, "partners", null)
    second_region            = lookup(run.enterprise.settings, "second_region", null)
    edge                     = lookup(run.enterprise.settings, "edge", null)
    edge_token_digests       = lookup(run.enterprise.settings, "edge_token_digests", null)
    refuse_direct_calls      = lookup(run.enterprise.settings, "refuse_direct_calls", null)
    firewall_logs            = lookup(run.enterprise.settings, "firewall_logs", null)
    schema_registry          = lookup(run.enterprise.settings, "schema_registry", null)
    schema_discovery         = lookup(run.enterprise.settings, "schema_discovery", null)
    network                  = lookup(run.enterprise.settings, "network", null)
    event_subscribers        = lookup(run.enterprise.settings, "event_subscribers", null)
    deny_other_accounts      = lookup(run.enterprise.settings, "deny_other_accounts", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "schema_registry", "schema_discovery", "network", "event_subscribers",
      "deny_other_accounts", "edge", "edge_token_digests", "refuse_direct_calls", "firewall_logs", "second_region",
      "dashboards",
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

  assert {
    condition     = var.edge != null && var.refuse_direct_calls && var.firewall_logs && length(var.edge_token_digests) == 0
    error_message = "A real account has an edge that cannot be walked around, knows what it refused, and has a token of its own."
  }

  assert {
    condition     = var.schema_registry && !var.schema_discovery && var.deny_other_accounts
    error_message = "A real account has the registry, and buses under its own key that are closed to others."
  }

  assert {
    condition     = length(module.dashboard) == 2
    error_message = "An account under load sees what it does."
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
    dashboards               = lookup(run.local.settings, "dashboards", null)
    key_deletion_window_days = lookup(run.local.settings, "key_deletion_window_days", null)
    permissions_boundary_arn = lookup(run.local.settings, "permissions_boundary_arn", null)
    partner_plans            = lookup(run.local.settings, "partner_plans", null)
    partners                 = lookup(run.local.settings, "partners", null)
    second_region            = lookup(run.local.settings, "second_region", null)
    edge                     = lookup(run.local.settings, "edge", null)
    edge_token_digests       = lookup(run.local.settings, "edge_token_digests", null)
    refuse_direct_calls      = lookup(run.local.settings, "refuse_direct_calls", null)
    firewall_logs            = lookup(run.local.settings, "firewall_logs", null)
    schema_registry          = lookup(run.local.settings, "schema_registry", null)
    schema_discovery         = lookup(run.local.settings, "schema_discovery", null)
    network                  = lookup(run.local.settings, "network", null)
    event_subscribers        = lookup(run.local.settings, "event_subscribers", null)
    deny_other_accounts      = lookup(run.local.settings, "deny_other_accounts", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "archive_retention_days", "log_retention_days", "throttle", "password_sign_in",
      "deletion_protection", "set_api_log_role", "tracing", "key_deletion_window_days", "permissions_boundary_arn",
      "partner_plans", "partners", "schema_registry", "schema_discovery", "network", "event_subscribers",
      "deny_other_accounts", "edge", "edge_token_digests", "refuse_direct_calls", "firewall_logs", "second_region",
      "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.password_sign_in && !var.deletion_protection && !var.tracing
    error_message = "The local cloud has test customers, and is thrown away."
  }

  assert {
    condition     = length(module.dashboard) == 2
    error_message = "The local cloud is drawn as an account under load is."
  }
}
