mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  name = "reserve-stock"
  platform = {
    account_id               = "111122223333"
    region                   = "eu-central-1"
    prefix                   = "test"
    alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
    keys = {
      data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
      messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
      logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    }
  }
  settings    = { artifacts_dir = "tests/artifacts" }
  environment = { INVENTORY_TABLE = "test-inventory" }
  tables = {
    Reserve = {
      arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
      actions      = ["PutItem", "UpdateItem"]
      leading_keys = ["SKU#*", "RESERVATION#*"]
    }
  }
  statements = { AnswerTheSaga = { actions = ["states:SendTaskSuccess"], resources = ["*"] } }
}

run "rejects_a_name_that_is_no_name" {
  command = plan

  variables {
    name = "Reserve_Stock"
  }

  expect_failures = [var.name]
}

run "rejects_a_name_that_is_too_long" {
  command = plan

  variables {
    name = "a-name-of-more-than-forty-one-characters-x"
  }

  expect_failures = [var.name]
}

run "rejects_an_unknown_architecture" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", architecture = "riscv64" }
  }

  expect_failures = [var.settings]
}

run "rejects_an_auditor_that_is_everybody" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", function_role_auditors = ["*"] }
  }

  expect_failures = [var.settings]
}

run "rejects_an_auditor_that_is_any_role_of_an_account" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", function_role_auditors = ["arn:aws:iam::111122223333:role/*"] }
  }

  expect_failures = [var.settings]
}

run "rejects_spans_that_leave_the_sandbox_in_the_clear" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", otlp = { endpoint = "http://collector.example:4318" } }
  }

  expect_failures = [var.settings]
}

run "rejects_credentials_in_the_address_for_spans" {
  command = plan

  variables {
    settings = { artifacts_dir = "tests/artifacts", otlp = { endpoint = "https://key:secret@collector.example" } }
  }

  expect_failures = [var.settings]
}

run "rejects_a_layer_without_a_version" {
  command = plan

  variables {
    settings = {
      artifacts_dir = "tests/artifacts"
      otlp = {
        endpoint   = "http://localhost:4318"
        layer_arns = ["arn:aws:lambda:eu-central-1:111122223333:layer:collector"]
      }
    }
  }

  expect_failures = [var.settings]
}

run "rejects_more_layers_than_a_function_has" {
  command = plan

  variables {
    settings = {
      artifacts_dir = "tests/artifacts"
      otlp = {
        endpoint   = "http://localhost:4318"
        layer_arns = [for version in range(1, 7) : "arn:aws:lambda:eu-central-1:111122223333:layer:collector:${version}"]
      }
    }
  }

  expect_failures = [var.settings]
}

run "rejects_no_timeout" {
  command = plan

  variables {
    timeout_seconds = 0
  }

  expect_failures = [var.timeout_seconds]
}

run "rejects_a_timeout_of_more_than_two_minutes" {
  command = plan

  variables {
    timeout_seconds = 121
  }

  expect_failures = [var.timeout_seconds]
}

run "rejects_too_little_memory" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "rejects_too_much_memory" {
  command = plan

  variables {
    memory_mb = 3009
  }

  expect_failures = [var.memory_mb]
}

run "rejects_a_grant_on_a_table_for_all_keys" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["PutItem"]
        leading_keys = ["*"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_for_keys_of_any_kind" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["PutItem"]
        leading_keys = ["SKU#*", "**"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_without_keys" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["PutItem"]
        leading_keys = []
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_for_all_actions" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["*"]
        leading_keys = ["SKU#*"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_to_scan" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["GetItem", "Scan"]
        leading_keys = ["SKU#*"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_without_actions" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = []
        leading_keys = ["SKU#*"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_a_table_that_names_the_service" {
  command = plan

  variables {
    tables = {
      Reserve = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"
        actions      = ["dynamodb:GetItem"]
        leading_keys = ["SKU#*"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_statement_for_all_actions_of_a_service" {
  command = plan

  variables {
    statements = { Other = { actions = ["sqs:*"], resources = ["arn:aws:sqs:eu-central-1:111122223333:test-queue"] } }
  }

  expect_failures = [var.statements]
}

run "rejects_a_statement_that_grants_items_of_any_key" {
  command = plan

  variables {
    statements = { Other = { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory"] } }
  }

  expect_failures = [var.statements]
}

run "rejects_a_statement_for_all_resources" {
  command = plan

  variables {
    statements = { Other = { actions = ["sqs:SendMessage"], resources = ["*"] } }
  }

  expect_failures = [var.statements]
}

run "rejects_a_grant_on_attributes_that_writes" {
  command = plan

  variables {
    tables = {
      Write = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-directory"
        actions      = ["GetItem", "PutItem"]
        leading_keys = ["CUSTOMER#*"]
        attributes   = ["email"]
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_a_grant_on_no_attributes" {
  command = plan

  variables {
    tables = {
      Read = {
        arn          = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-directory"
        actions      = ["GetItem"]
        leading_keys = ["CUSTOMER#*"]
        attributes   = []
      }
    }
  }

  expect_failures = [var.tables]
}

run "rejects_half_a_warm_environment" {
  command = plan

  variables {
    provisioned_concurrency = 0.5
  }

  expect_failures = [var.provisioned_concurrency]
}

run "rejects_fewer_than_no_warm_environments" {
  command = plan

  variables {
    provisioned_concurrency = -1
  }

  expect_failures = [var.provisioned_concurrency]
}

run "rejects_more_warm_environments_than_an_account_has" {
  command = plan

  variables {
    provisioned_concurrency = 501
  }

  expect_failures = [var.provisioned_concurrency]
}

run "rejects_a_function_in_a_network_that_there_is_not" {
  command = plan

  variables {
    in_network = true
  }

  expect_failures = [var.in_network]
}

run "rejects_a_function_that_may_always_fail" {
  command = plan

  variables {
    errors = { percent = 100 }
  }

  expect_failures = [var.errors]
}
