mock_provider "aws" {
  source = "../../platform-terraform/testing"
}

variables {
  environment   = "test"
  artifacts_dir = "tests/artifacts"
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
    function_timeout_seconds = { reserve_stock = 0 }
  }

  expect_failures = [var.function_timeout_seconds]
}

run "rejects_a_timeout_of_more_than_two_minutes" {
  command = plan

  variables {
    function_timeout_seconds = { reserve_stock = 121 }
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

run "rejects_a_hold_shorter_than_a_minute" {
  command = plan

  variables {
    reservation_hold_seconds = 59
  }

  expect_failures = [var.reservation_hold_seconds]
}

run "rejects_a_hold_longer_than_a_week" {
  command = plan

  variables {
    reservation_hold_seconds = 604801
  }

  expect_failures = [var.reservation_hold_seconds]
}

run "rejects_warmth_for_what_nobody_waits_for" {
  command = plan

  variables {
    provisioned_concurrency = { reserve_stock = 1 }
  }

  expect_failures = [var.provisioned_concurrency]
}

run "rejects_levels_that_wait_for_more_than_a_minute" {
  command = plan

  variables {
    level_window_seconds = 61
  }

  expect_failures = [var.level_window_seconds]
}

run "rejects_levels_before_their_time" {
  command = plan

  variables {
    level_window_seconds = -1
  }

  expect_failures = [var.level_window_seconds]
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
