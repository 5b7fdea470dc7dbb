# Plans with the very files that accounts are applied with.
mock_provider "aws" {
  source = "../../platform-terraform/testing"

  override_data {
    target = data.aws_ssm_parameter.inventory
    values = {
      value = <<-JSON
        {
          "reserve_stock": {
            "queue_arn": "arn:aws:sqs:eu-central-1:111122223333:lakeside-reserve-stock",
            "queue_url": "https://sqs.eu-central-1.amazonaws.com/111122223333/lakeside-reserve-stock"
          },
          "functions": {
            "allocate": "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-allocate:live",
            "release_stock": "arn:aws:lambda:eu-central-1:111122223333:function:lakeside-release-stock:live"
          },
          "reservation_hold_seconds": 14400
        }
      JSON
    }
  }
}

variables {
  artifacts_dir         = "tests/artifacts"
  payment_processor_url = "https://payments.example.com"
  carrier_url           = "https://carrier.example.com"
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
    approval_timeout_seconds    = lookup(run.startup.settings, "approval_timeout_seconds", null)
    approval_threshold_minor    = lookup(run.startup.settings, "approval_threshold_minor", null)
    payment_maximum_concurrency = lookup(run.startup.settings, "payment_maximum_concurrency", null)
    network_functions           = lookup(run.startup.settings, "network_functions", null)
    table_capacity              = lookup(run.startup.settings, "table_capacity", null)
    processor_key_rotation_days = lookup(run.startup.settings, "processor_key_rotation_days", null)
    secret_recovery_window_days = lookup(run.startup.settings, "secret_recovery_window_days", null)
    payments_not_let_in         = lookup(run.startup.settings, "payments_not_let_in", null)
  }

  assert {
    condition = length(setsubtract(keys(run.startup.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "function_timeout_seconds", "approval_timeout_seconds",
      "approval_threshold_minor", "payment_maximum_concurrency", "processor_key_rotation_days",
      "secret_recovery_window_days", "payments_not_let_in", "canary", "network_functions", "table_capacity",
      "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      var.outbox_transport == "pipe"
      && var.architecture == "arm64"
      && var.deletion_protection
      && var.processor_key_rotation_days > 0
      && var.secret_recovery_window_days > 0
      && length(var.function_role_auditors) == 0
    )
    error_message = "A real account uses pipes, protects its tables and secrets, rotates and has no auditors of roles."
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
    approval_timeout_seconds    = lookup(run.enterprise.settings, "approval_timeout_seconds", null)
    approval_threshold_minor    = lookup(run.enterprise.settings, "approval_threshold_minor", null)
    payment_maximum_concurrency = lookup(run.enterprise.settings, "payment_maximum_concurrency", null)
    network_functions           = lookup(run.enterprise.settings, "network_functions", null)
    table_capacity              = lookup(run.enterprise.settings, "table_capacity", null)
    processor_key_rotation_days = lookup(run.enterprise.settings, "processor_key_rotation_days", null)
    secret_recovery_window_days = lookup(run.enterprise.settings, "secret_recovery_window_days", null)
    payments_not_let_in         = lookup(run.enterprise.settings, "payments_not_let_in", null)
  }

  assert {
    condition = length(setsubtract(keys(run.enterprise.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "function_timeout_seconds", "approval_timeout_seconds",
      "approval_threshold_minor", "payment_maximum_concurrency", "processor_key_rotation_days",
      "secret_recovery_window_days", "payments_not_let_in", "canary", "network_functions", "table_capacity",
      "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition = (
      var.outbox_transport == "pipe"
      && var.architecture == "arm64"
      && var.deletion_protection
      && var.processor_key_rotation_days > 0
      && var.secret_recovery_window_days > 0
      && length(var.function_role_auditors) == 0
    )
    error_message = "A real account uses pipes, protects its tables and secrets, rotates and has no auditors of roles."
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
    approval_timeout_seconds    = lookup(run.local.settings, "approval_timeout_seconds", null)
    approval_threshold_minor    = lookup(run.local.settings, "approval_threshold_minor", null)
    payment_maximum_concurrency = lookup(run.local.settings, "payment_maximum_concurrency", null)
    network_functions           = lookup(run.local.settings, "network_functions", null)
    table_capacity              = lookup(run.local.settings, "table_capacity", null)
    processor_key_rotation_days = lookup(run.local.settings, "processor_key_rotation_days", null)
    secret_recovery_window_days = lookup(run.local.settings, "secret_recovery_window_days", null)
    payments_not_let_in         = lookup(run.local.settings, "payments_not_let_in", null)
  }

  assert {
    condition = length(setsubtract(keys(run.local.settings), [
      "environment", "architecture", "outbox_transport", "log_retention_days", "tracing", "deletion_protection",
      "maximum_concurrency", "function_role_auditors", "function_timeout_seconds", "approval_timeout_seconds",
      "approval_threshold_minor", "payment_maximum_concurrency", "processor_key_rotation_days",
      "secret_recovery_window_days", "payments_not_let_in", "canary", "network_functions", "table_capacity",
      "dashboards",
    ])) == 0
    error_message = "This test leaves out a setting of the profile."
  }

  assert {
    condition     = var.outbox_transport == "stream" && !var.tracing && !var.deletion_protection
    error_message = "The local cloud has neither pipes nor traces, and is thrown away."
  }

  assert {
    condition     = length(module.dashboard) == 1
    error_message = "The local cloud is drawn as an account under load is."
  }
}
