# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  artifacts_dir = "tests/artifacts"

  marketplaces = {
    alpine-market = { url = "https://stock.alpine.example.com" }
    trailhead     = { url = "https://api.trailhead.example.com/lakeside" }
  }
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
    environment                 = lookup(run.startup.settings, "environment", null)
    architecture                = lookup(run.startup.settings, "architecture", null)
    outbox_transport            = lookup(run.startup.settings, "outbox_transport", null)
    log_retention_days          = lookup(run.startup.settings, "log_retention_days", null)
    tracing                     = lookup(run.startup.settings, "tracing", null)
    dashboards                  = lookup(run.startup.settings, "dashboards", null)
    deletion_protection         = lookup(run.startup.settings, "deletion_protection", null)
    maximum_concurrency         = lookup(run.startup.settings, "maximum_concurrency", null)
    function_role_auditors      = lookup(run.startup.settings, "function_role_auditors", null)
    canary                      = lookup(run.startup.settings, "canary", null)
    function_timeout_seconds    = lookup(run.startup.settings, "function_timeout_seconds", null)
    loyalty_minor_per_point     = lookup(run.startup.settings, "loyalty_minor_per_point", null)
    loyalty_currency            = lookup(run.startup.settings, "loyalty_currency", null)
    sender_address              = lookup(run.startup.settings, "sender_address", "orders@example.com")
    doubtful_messages           = lookup(run.startup.settings, "doubtful_messages", null)
    low_stock_units             = lookup(run.startup.settings, "low_stock_units", null)
    low_stock_subscriptions     = lookup(run.startup.settings, "low_stock_subscriptions", null)
    analytics                   = lookup(run.startup.settings, "analytics", null)
    analytics_buffer_seconds    = lookup(run.startup.settings, "analytics_buffer_seconds", null)
    analytics_retention_days    = lookup(run.startup.settings, "analytics_retention_days", null)
    analytics_first_day         = lookup(run.startup.settings, "analytics_first_day", null)
    analytics_plain_http        = lookup(run.startup.settings, "analytics_plain_http", null)
    levels_not_shown            = lookup(run.startup.settings, "levels_not_shown", null)
    secret_recovery_window_days = lookup(run.startup.settings, "secret_recovery_window_days", null)
    network_functions           = lookup(run.startup.settings, "network_functions", null)
    table_capacity              = lookup(run.startup.settings, "table_capacity", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "canary", "function_timeout_seconds", "loyalty_minor_per_point",
      "loyalty_currency", "sender_address", "doubtful_messages", "low_stock_units", "low_stock_subscriptions",
      "analytics", "analytics_buffer_seconds", "analytics_retention_days", "analytics_first_day", "analytics_plain_http",
      "levels_not_shown", "secret_recovery_window_days",
      "network_functions", "table_capacity", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      var.outbox_transport == "pipe"
      && var.architecture == "arm64"
      && var.deletion_protection
      && length(var.function_role_auditors) == 0
      && var.secret_recovery_window_days > 0
      && var.analytics
      && !var.analytics_plain_http
    )
    error_message = "A real account uses pipes, protects its tables and secrets, keeps events and has no auditors of roles."
  }

  assert {
    condition     = length(var.table_capacity) == 0 && length(var.network_functions) == 0
    error_message = "A small account pays for nothing that it does not use."
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
    environment                 = lookup(run.enterprise.settings, "environment", null)
    architecture                = lookup(run.enterprise.settings, "architecture", null)
    outbox_transport            = lookup(run.enterprise.settings, "outbox_transport", null)
    log_retention_days          = lookup(run.enterprise.settings, "log_retention_days", null)
    tracing                     = lookup(run.enterprise.settings, "tracing", null)
    dashboards                  = lookup(run.enterprise.settings, "dashboards", null)
    deletion_protection         = lookup(run.enterprise.settings, "deletion_protection", null)
    maximum_concurrency         = lookup(run.enterprise.settings, "maximum_concurrency", null)
    function_role_auditors      = lookup(run.enterprise.settings, "function_role_auditors", null)
    canary                      = lookup(run.enterprise.settings, "canary", null)
    function_timeout_seconds    = lookup(run.enterprise.settings, "function_timeout_seconds", null)
    loyalty_minor_per_point     = lookup(run.enterprise.settings, "loyalty_minor_per_point", null)
    loyalty_currency            = lookup(run.enterprise.settings, "loyalty_currency", null)
    sender_address              = lookup(run.enterprise.settings, "sender_address", "orders@example.com")
    doubtful_messages           = lookup(run.enterprise.settings, "doubtful_messages", null)
    low_stock_units             = lookup(run.enterprise.settings, "low_stock_units", null)
    low_stock_subscriptions     = lookup(run.enterprise.settings, "low_stock_subscriptions", null)
    analytics                   = lookup(run.enterprise.settings, "analytics", null)
    analytics_buffer_seconds    = lookup(run.enterprise.settings, "analytics_buffer_seconds", null)
    analytics_retention_days    = lookup(run.enterprise.settings, "analytics_retention_days", null)
    analytics_first_day         = lookup(run.enterprise.settings, "analytics_first_day", null)
    analytics_plain_http        = lookup(run.enterprise.settings, "analytics_plain_http", null)
    levels_not_shown            = lookup(run.enterprise.settings, "levels_not_shown", null)
    secret_recovery_window_days = lookup(run.enterprise.settings, "secret_recovery_window_days", null)
    network_functions           = lookup(run.enterprise.settings, "network_functions", null)
    table_capacity              = lookup(run.enterprise.settings, "table_capacity", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "canary", "function_timeout_seconds", "loyalty_minor_per_point",
      "loyalty_currency", "sender_address", "doubtful_messages", "low_stock_units", "low_stock_subscriptions",
      "analytics", "analytics_buffer_seconds", "analytics_retention_days", "analytics_first_day", "analytics_plain_http",
      "levels_not_shown", "secret_recovery_window_days",
      "network_functions", "table_capacity", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      var.outbox_transport == "pipe"
      && var.architecture == "arm64"
      && var.deletion_protection
      && length(var.function_role_auditors) == 0
      && var.secret_recovery_window_days > 0
      && var.analytics
      && !var.analytics_plain_http
    )
    error_message = "A real account uses pipes, protects its tables and secrets, keeps events and has no auditors of roles."
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
    environment                 = lookup(run.local.settings, "environment", null)
    architecture                = lookup(run.local.settings, "architecture", null)
    outbox_transport            = lookup(run.local.settings, "outbox_transport", null)
    log_retention_days          = lookup(run.local.settings, "log_retention_days", null)
    tracing                     = lookup(run.local.settings, "tracing", null)
    dashboards                  = lookup(run.local.settings, "dashboards", null)
    deletion_protection         = lookup(run.local.settings, "deletion_protection", null)
    maximum_concurrency         = lookup(run.local.settings, "maximum_concurrency", null)
    function_role_auditors      = lookup(run.local.settings, "function_role_auditors", null)
    canary                      = lookup(run.local.settings, "canary", null)
    function_timeout_seconds    = lookup(run.local.settings, "function_timeout_seconds", null)
    loyalty_minor_per_point     = lookup(run.local.settings, "loyalty_minor_per_point", null)
    loyalty_currency            = lookup(run.local.settings, "loyalty_currency", null)
    sender_address              = lookup(run.local.settings, "sender_address", "orders@example.com")
    doubtful_messages           = lookup(run.local.settings, "doubtful_messages", null)
    low_stock_units             = lookup(run.local.settings, "low_stock_units", null)
    low_stock_subscriptions     = lookup(run.local.settings, "low_stock_subscriptions", null)
    analytics                   = lookup(run.local.settings, "analytics", null)
    analytics_buffer_seconds    = lookup(run.local.settings, "analytics_buffer_seconds", null)
    analytics_retention_days    = lookup(run.local.settings, "analytics_retention_days", null)
    analytics_first_day         = lookup(run.local.settings, "analytics_first_day", null)
    analytics_plain_http        = lookup(run.local.settings, "analytics_plain_http", null)
    levels_not_shown            = lookup(run.local.settings, "levels_not_shown", null)
    secret_recovery_window_days = lookup(run.local.settings, "secret_recovery_window_days", null)
    network_functions           = lookup(run.local.settings, "network_functions", null)
    table_capacity              = lookup(run.local.settings, "table_capacity", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "canary", "function_timeout_seconds", "loyalty_minor_per_point",
      "loyalty_currency", "sender_address", "doubtful_messages", "low_stock_units", "low_stock_subscriptions",
      "analytics", "analytics_buffer_seconds", "analytics_retention_days", "analytics_first_day", "analytics_plain_http",
      "levels_not_shown", "secret_recovery_window_days",
      "network_functions", "table_capacity", "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.outbox_transport == "stream" && !var.tracing && !var.deletion_protection && var.analytics_plain_http
    error_message = "The local cloud has neither pipes nor traces nor TLS, and is thrown away."
  }

  assert {
    condition     = length(module.dashboard) == 1
    error_message = "The local cloud is drawn as an account under load is."
  }
}
