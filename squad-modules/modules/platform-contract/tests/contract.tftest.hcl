# The value is what platform-terraform/region publishes.
mock_provider "aws" {
  override_data {
    target = data.aws_ssm_parameter.contract
    values = {
      value = <<-JSON
        {
          "account_id": "111122223333",
          "region": "eu-central-1",
          "prefix": "test",
          "buses": { "orders": { "name": "test-orders", "arn": "arn:aws:events:eu-central-1:111122223333:event-bus/test-orders" } },
          "keys": { "data": "arn:data", "messaging": "arn:messaging", "logs": "arn:logs" },
          "api": { "id": "abc", "execution_arn": "arn:aws:execute-api:eu-central-1:111122223333:abc", "url": "https://example.com/live", "stage": "live" },
          "user_pool": { "id": "pool", "client_id": "client", "issuer": "https://example.com/pool" },
          "alarm_topic_arn": "arn:aws:sns:eu-central-1:111122223333:test-alarms",
          "permissions_boundary_arn": null
        }
      JSON
    }
  }
}

variables {
  prefix = "test"
}

run "the_contract_is_found_by_the_prefix" {
  assert {
    condition     = data.aws_ssm_parameter.contract.name == "/test/platform/v1"
    error_message = "The parameter must be the platform's first contract."
  }
}

run "squads_get_what_they_may_use" {
  assert {
    condition = toset(keys(output.platform)) == toset([
      "account_id", "alarm_topic_arn", "api_execution_arn", "buses", "keys", "permissions_boundary_arn", "prefix", "region",
    ])
    error_message = "Customers' pool and door's address are no business of the squads."
  }

  assert {
    condition = (
      output.platform.buses["orders"].name == "test-orders"
      && output.platform.keys.logs == "arn:logs"
      && output.platform.permissions_boundary_arn == null
    )
    error_message = "What the platform published must arrive."
  }
}

run "rejects_a_contract_of_another_platform" {
  command = plan

  variables {
    prefix = "other"
  }

  expect_failures = [data.aws_ssm_parameter.contract]
}

run "rejects_a_prefix_that_is_none" {
  command = plan

  variables {
    prefix = "Test/"
  }

  expect_failures = [var.prefix]
}
