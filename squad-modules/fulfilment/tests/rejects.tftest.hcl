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
  environment           = "test"
  artifacts_dir         = "tests/artifacts"
  payment_processor_url = "https://payments.example.com"
  carrier_url           = "https://carrier.example.com"
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
    function_timeout_seconds = { capture_payment = 0 }
  }

  expect_failures = [var.function_timeout_seconds]
}

run "rejects_a_timeout_of_more_than_two_minutes" {
  command = plan

  variables {
    function_timeout_seconds = { capture_payment = 121 }
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

run "rejects_a_payment_concurrency_below_what_sqs_can" {
  command = plan

  variables {
    payment_maximum_concurrency = 1
  }

  expect_failures = [var.payment_maximum_concurrency]
}

run "rejects_a_payment_concurrency_above_what_sqs_can" {
  command = plan

  variables {
    payment_maximum_concurrency = 1001
  }

  expect_failures = [var.payment_maximum_concurrency]
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

run "rejects_payments_without_tls" {
  command = plan

  variables {
    payment_processor_url = "http://payments.example.com"
  }

  expect_failures = [var.payment_processor_url]
}

run "rejects_payments_to_nobody" {
  command = plan

  variables {
    payment_processor_url = "https://"
  }

  expect_failures = [var.payment_processor_url]
}

run "rejects_labels_without_tls" {
  command = plan

  variables {
    carrier_url = "http://carrier.example.com"
  }

  expect_failures = [var.carrier_url]
}

run "rejects_an_approval_threshold_of_nothing" {
  command = plan

  variables {
    approval_threshold_minor = 0
  }

  expect_failures = [var.approval_threshold_minor]
}

run "rejects_an_approval_threshold_in_fractions" {
  command = plan

  variables {
    approval_threshold_minor = 1999.5
  }

  expect_failures = [var.approval_threshold_minor]
}

run "rejects_an_approval_without_time_to_decide" {
  command = plan

  variables {
    approval_timeout_seconds = 4
  }

  expect_failures = [var.approval_timeout_seconds]
}

run "rejects_an_approval_of_more_than_a_day" {
  command = plan

  variables {
    approval_timeout_seconds = 86401
  }

  expect_failures = [var.approval_timeout_seconds]
}

run "rejects_an_approval_that_outlasts_the_reservation" {
  command = plan

  variables {
    approval_timeout_seconds = 10800
  }

  expect_failures = [aws_sfn_state_machine.saga]
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
    network_functions = ["capture_payment"]
  }

  expect_failures = [var.network_functions]
}

run "rejects_a_rotation_in_fractions_of_days" {
  command = plan

  variables {
    processor_key_rotation_days = 1.5
  }

  expect_failures = [var.processor_key_rotation_days]
}

run "rejects_a_rotation_before_now" {
  command = plan

  variables {
    processor_key_rotation_days = -1
  }

  expect_failures = [var.processor_key_rotation_days]
}

run "rejects_a_rotation_that_nobody_lives_to_see" {
  command = plan

  variables {
    processor_key_rotation_days = 366
  }

  expect_failures = [var.processor_key_rotation_days]
}

run "rejects_a_recovery_window_that_secrets_manager_does_not_know" {
  command = plan

  variables {
    secret_recovery_window_days = 1
  }

  expect_failures = [var.secret_recovery_window_days]
}

run "rejects_a_recovery_window_of_more_than_a_month" {
  command = plan

  variables {
    secret_recovery_window_days = 31
  }

  expect_failures = [var.secret_recovery_window_days]
}

run "rejects_less_than_no_attempts" {
  command = plan

  variables {
    payments_not_let_in = -1
  }

  expect_failures = [var.payments_not_let_in]
}
