mock_provider "aws" {
  source = "../../testing"
}

variables {
  environment       = "test"
  regions           = ["eu-central-1"]
  github_repository = "example/lakeside"
  audit             = { bucket = "lakeside-audit-444455556666-eu-central-1", key_arn = "arn:aws:kms:eu-central-1:444455556666:key/audit" }
  budgets           = { account = 100, squads = { orders = 10 }, tell = ["platform@example.com"] }
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

run "rejects_an_environment_that_is_no_tag" {
  command = plan

  variables {
    environment = "Very Big"
  }

  expect_failures = [var.environment]
}

run "rejects_no_region_at_all" {
  command = plan

  variables {
    regions = []
  }

  expect_failures = [var.regions]
}

run "rejects_regions_by_a_wildcard" {
  command = plan

  variables {
    regions = ["*"]
  }

  expect_failures = [var.regions]
}

run "rejects_every_repository_of_an_organization" {
  command = plan

  variables {
    github_repository = "example/*"
  }

  expect_failures = [var.github_repository]
}

run "rejects_every_organization" {
  command = plan

  variables {
    github_repository = "*/lakeside"
  }

  expect_failures = [var.github_repository]
}

run "rejects_a_repository_whose_name_goes_on" {
  command = plan

  variables {
    github_repository = "example/lakeside:*"
  }

  expect_failures = [var.github_repository]
}

run "rejects_a_repository_of_nobody" {
  command = plan

  variables {
    github_repository = "lakeside"
  }

  expect_failures = [var.github_repository]
}

run "rejects_a_key_that_is_no_key" {
  command = plan

  variables {
    audit = { bucket = "lakeside-audit", key_arn = "alias/lakeside-audit" }
  }

  expect_failures = [var.audit]
}

run "rejects_records_once_in_a_while" {
  command = plan

  variables {
    recording_frequency = "WEEKLY"
  }

  expect_failures = [var.recording_frequency]
}

run "rejects_an_account_that_may_cost_nothing" {
  command = plan

  variables {
    budgets = { account = 0, squads = {}, tell = ["platform@example.com"] }
  }

  expect_failures = [var.budgets]
}

run "rejects_a_squad_that_may_cost_nothing" {
  command = plan

  variables {
    budgets = { account = 100, squads = { orders = 0 }, tell = ["platform@example.com"] }
  }

  expect_failures = [var.budgets]
}

run "rejects_a_budget_that_tells_nobody" {
  command = plan

  variables {
    budgets = { account = 100, squads = {}, tell = [] }
  }

  expect_failures = [var.budgets]
}

run "rejects_a_budget_that_tells_no_address" {
  command = plan

  variables {
    budgets = { account = 100, squads = {}, tell = ["the platform team"] }
  }

  expect_failures = [var.budgets]
}

run "rejects_a_budget_for_a_squad_that_is_none" {
  command = plan

  variables {
    budgets = { account = 100, squads = { sales = 10 }, tell = ["platform@example.com"] }
  }

  expect_failures = [aws_budgets_budget.month["sales"]]
}

run "rejects_packages_that_are_gone_at_once" {
  command = plan

  variables {
    artifact_retention_days = 0
  }

  expect_failures = [var.artifact_retention_days]
}

run "rejects_packages_for_ever" {
  command = plan

  variables {
    artifact_retention_days = 366
  }

  expect_failures = [var.artifact_retention_days]
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

run "rejects_a_boundary_that_iam_would_not_take" {
  command = plan

  variables {
    regions = [for number in range(300) : "eu-central-${number % 10}"]
  }

  expect_failures = [aws_iam_policy.boundary]
}

run "rejects_a_role_whose_name_iam_would_not_take" {
  command = plan

  variables {
    prefix      = "lakeside-north"
    environment = "a-very-long-environment-indeed"
  }

  expect_failures = [aws_iam_role.pipeline]
}
