mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  environment    = "test"
  artifacts_dir  = "tests/artifacts"
  sender_address = "orders@example.com"

  marketplaces = {
    alpine-market = { url = "https://stock.alpine.example.com" }
    trailhead     = { url = "https://api.trailhead.example.com/lakeside" }
  }
}

run "rejects_a_prefix_that_is_none" {
  command = plan

  variables {
    prefix = "Lakeside"
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

run "rejects_an_unknown_architecture" {
  command = plan

  variables {
    architecture = "riscv64"
  }

  expect_failures = [var.architecture]
}

run "rejects_an_unknown_outbox_transport" {
  command = plan

  variables {
    outbox_transport = "kinesis"
  }

  expect_failures = [var.outbox_transport]
}

run "rejects_no_timeout" {
  command = plan

  variables {
    function_timeout_seconds = { notify_customer = 0 }
  }

  expect_failures = [var.function_timeout_seconds]
}

run "rejects_a_timeout_of_more_than_two_minutes" {
  command = plan

  variables {
    function_timeout_seconds = { notify_customer = 121 }
  }

  expect_failures = [var.function_timeout_seconds]
}

run "rejects_a_timeout_of_no_function" {
  command = plan

  variables {
    function_timeout_seconds = { no_such_function = 10 }
  }

  expect_failures = [var.function_timeout_seconds]
}

run "rejects_a_concurrency_below_what_sqs_can" {
  command = plan

  variables {
    maximum_concurrency = 1
  }

  expect_failures = [var.maximum_concurrency]
}

run "rejects_a_concurrency_above_what_sqs_can" {
  command = plan

  variables {
    maximum_concurrency = 1001
  }

  expect_failures = [var.maximum_concurrency]
}

run "rejects_a_log_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "rejects_logs_for_ever" {
  command = plan

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "rejects_an_auditor_that_is_everybody" {
  command = plan

  variables {
    function_role_auditors = ["*"]
  }

  expect_failures = [var.function_role_auditors]
}

run "rejects_an_auditor_that_is_any_role_of_an_account" {
  command = plan

  variables {
    function_role_auditors = ["arn:aws:iam::111122223333:role/*"]
  }

  expect_failures = [var.function_role_auditors]
}

run "rejects_points_for_nothing" {
  command = plan

  variables {
    loyalty_minor_per_point = 0
  }

  expect_failures = [var.loyalty_minor_per_point]
}

run "rejects_points_for_part_of_a_cent" {
  command = plan

  variables {
    loyalty_minor_per_point = 0.5
  }

  expect_failures = [var.loyalty_minor_per_point]
}

run "rejects_a_currency_that_is_none" {
  command = plan

  variables {
    loyalty_currency = "dollars"
  }

  expect_failures = [var.loyalty_currency]
}

run "rejects_a_sender_without_a_domain" {
  command = plan

  variables {
    sender_address = "orders"
  }

  expect_failures = [var.sender_address]
}

run "rejects_fewer_doubtful_messages_than_none" {
  command = plan

  variables {
    doubtful_messages = -1
  }

  expect_failures = [var.doubtful_messages]
}

run "rejects_no_marketplace" {
  command = plan

  variables {
    marketplaces = {}
  }

  expect_failures = [var.marketplaces]
}

run "rejects_a_marketplace_without_a_proper_name" {
  command = plan

  variables {
    marketplaces = { "Alpine Market" = { url = "https://stock.alpine.example.com" } }
  }

  expect_failures = [var.marketplaces]
}

run "rejects_a_marketplace_that_is_reached_in_the_clear" {
  command = plan

  variables {
    marketplaces = { alpine-market = { url = "http://stock.alpine.example.com" } }
  }

  expect_failures = [var.marketplaces]
}

run "rejects_a_marketplace_that_is_nowhere" {
  command = plan

  variables {
    marketplaces = { alpine-market = { url = "https://" } }
  }

  expect_failures = [var.marketplaces]
}

run "rejects_a_recovery_window_that_secrets_manager_does_not_know" {
  command = plan

  variables {
    secret_recovery_window_days = 1
  }

  expect_failures = [var.secret_recovery_window_days]
}

run "rejects_a_longer_recovery_window_than_there_is" {
  command = plan

  variables {
    secret_recovery_window_days = 31
  }

  expect_failures = [var.secret_recovery_window_days]
}

run "rejects_fewer_levels_that_are_not_shown_than_none" {
  command = plan

  variables {
    levels_not_shown = -1
  }

  expect_failures = [var.levels_not_shown]
}

run "rejects_a_threshold_below_nothing" {
  command = plan

  variables {
    low_stock_units = -1
  }

  expect_failures = [var.low_stock_units]
}

run "rejects_a_threshold_of_half_a_unit" {
  command = plan

  variables {
    low_stock_units = 0.5
  }

  expect_failures = [var.low_stock_units]
}

run "rejects_a_buyer_without_an_address" {
  command = plan

  variables {
    low_stock_subscriptions = { tents = { address = "tents" } }
  }

  expect_failures = [var.low_stock_subscriptions]
}

run "rejects_a_prefix_that_no_sku_has" {
  command = plan

  variables {
    low_stock_subscriptions = { tents = { address = "tents@example.com", sku_prefixes = ["tent*"] } }
  }

  expect_failures = [var.low_stock_subscriptions]
}

run "rejects_a_subscription_that_wants_more_than_there_is" {
  command = plan

  variables {
    low_stock_subscriptions = { tents = { address = "tents@example.com", units = 100 } }
  }

  expect_failures = [var.low_stock_subscriptions]
}

run "rejects_events_that_are_written_one_by_one" {
  command = plan

  variables {
    analytics_buffer_seconds = 59
  }

  expect_failures = [var.analytics_buffer_seconds]
}

run "rejects_answers_that_are_behind_for_longer_than_a_stream_can" {
  command = plan

  variables {
    analytics_buffer_seconds = 901
  }

  expect_failures = [var.analytics_buffer_seconds]
}

run "rejects_events_that_are_gone_before_their_storage_is_paid_off" {
  command = plan

  variables {
    analytics_retention_days = 180
  }

  expect_failures = [var.analytics_retention_days]
}

run "rejects_a_first_day_that_is_none" {
  command = plan

  variables {
    analytics_first_day = "1.1.2026"
  }

  expect_failures = [var.analytics_first_day]
}

run "rejects_a_function_in_the_network_that_there_is_not" {
  command = plan

  variables {
    network_functions = ["no_such_function"]
  }

  expect_failures = [var.network_functions]
}

run "rejects_capacity_for_a_table_that_there_is_not" {
  command = plan

  variables {
    table_capacity = { no-such-table = { read = { min = 1, max = 2 }, write = { min = 1, max = 2 } } }
  }

  expect_failures = [var.table_capacity]
}

run "rejects_a_function_in_the_network_that_calls_out_of_it" {
  command = plan

  variables {
    network_functions = ["notify_customer"]
  }

  expect_failures = [var.network_functions]
}
