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

run "rejects_a_reader_that_is_no_account" {
  command = plan

  variables {
    reader = { account_id = "*", external_id = "lakeside-and-summit" }
  }

  expect_failures = [var.reader]
}

run "rejects_an_external_id_that_can_be_guessed" {
  command = plan

  variables {
    reader = { account_id = "444455556666", external_id = "summit" }
  }

  expect_failures = [var.reader]
}
