mock_provider "aws" {
  source = "../testing"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

variables {
  environment = "test"
}

run "rejects_a_prefix_of_one_letter" {
  command = plan

  variables {
    prefix = "l"
  }

  expect_failures = [var.prefix]
}

run "rejects_a_prefix_that_makes_names_too_long" {
  command = plan

  variables {
    prefix = "lakeside-of-the-north"
  }

  expect_failures = [var.prefix]
}

run "rejects_a_prefix_in_capitals" {
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

run "rejects_an_archive_for_ever" {
  command = plan

  variables {
    archive_retention_days = 0
  }

  expect_failures = [var.archive_retention_days]
}

run "rejects_an_archive_that_outlasts_the_sagas_names" {
  command = plan

  variables {
    archive_retention_days = 61
  }

  expect_failures = [var.archive_retention_days]
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

run "rejects_a_door_that_lets_nobody_in" {
  command = plan

  variables {
    throttle = { rate = 0, burst = 10 }
  }

  expect_failures = [var.throttle]
}

run "rejects_a_burst_below_the_rate" {
  command = plan

  variables {
    throttle = { rate = 100, burst = 50 }
  }

  expect_failures = [var.throttle]
}

run "rejects_a_key_that_is_deleted_within_days" {
  command = plan

  variables {
    key_deletion_window_days = 6
  }

  expect_failures = [var.key_deletion_window_days]
}

run "rejects_a_key_that_is_deleted_after_months" {
  command = plan

  variables {
    key_deletion_window_days = 31
  }

  expect_failures = [var.key_deletion_window_days]
}

run "rejects_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:role/admin"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "rejects_a_plan_without_a_proper_name" {
  command = plan

  variables {
    partner_plans = { "Big Plan" = { rate = 1, burst = 1, requests_per_day = 1 } }
  }

  expect_failures = [var.partner_plans]
}

run "rejects_a_plan_that_lets_nothing_through" {
  command = plan

  variables {
    partner_plans = { standard = { rate = 0, burst = 1, requests_per_day = 1 } }
  }

  expect_failures = [var.partner_plans]
}

run "rejects_a_plan_whose_burst_is_below_its_rate" {
  command = plan

  variables {
    partner_plans = { standard = { rate = 10, burst = 9, requests_per_day = 1 } }
  }

  expect_failures = [var.partner_plans]
}

run "rejects_a_plan_whose_day_has_no_requests" {
  command = plan

  variables {
    partner_plans = { standard = { rate = 1, burst = 1, requests_per_day = 0 } }
  }

  expect_failures = [var.partner_plans]
}

run "rejects_a_partner_whose_id_the_authorizer_would_not_read" {
  command = plan

  variables {
    partners = { "Acme Inc" = "standard" }
  }

  expect_failures = [var.partners]
}

run "rejects_a_partner_without_a_plan" {
  command = plan

  variables {
    partners = { acme = "no-such-plan" }
  }

  expect_failures = [var.partners]
}
