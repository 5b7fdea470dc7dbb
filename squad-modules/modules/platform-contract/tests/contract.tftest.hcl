mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  prefix = "lakeside"
}

run "the_contract_is_found_by_the_prefix" {
  command = plan

  assert {
    condition     = data.aws_ssm_parameter.contract.name == "/lakeside/platform/v1"
    error_message = "The parameter must be the platform's first contract."
  }
}

run "squads_get_what_they_may_use" {
  command = plan

  assert {
    condition = toset(keys(output.platform)) == toset([
      "account_id", "alarm_topic_arn", "api_execution_arn", "buses", "directory", "keys", "network",
      "permissions_boundary_arn", "prefix", "region", "regions", "repository_url", "ticket_topic_arn",
    ])
    error_message = "Customers' pool and door's address are no business of the squads."
  }

  assert {
    condition = (
      output.platform.buses["orders"].name == "lakeside-orders"
      && output.platform.keys.logs == "arn:aws:kms:eu-central-1:111122223333:key/logs"
      && output.platform.keys.secrets == "arn:aws:kms:eu-central-1:111122223333:key/secrets"
      && output.platform.network.security_group_id == "sg-functions"
      && output.platform.permissions_boundary_arn == "arn:aws:iam::111122223333:policy/squads"
    )
    error_message = "What the platform published must arrive."
  }
}

run "what_came_later_is_null_where_the_platform_is_older" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.contract
    values = {
      value = <<-JSON
        {
          "account_id": "111122223333",
          "region": "eu-central-1",
          "prefix": "lakeside",
          "buses": {},
          "keys": { "data": "a", "messaging": "b", "logs": "c" },
          "directory": {},
          "api": { "execution_arn": "d" },
          "alarm_topic_arn": "e",
          "permissions_boundary_arn": null
        }
      JSON
    }
  }

  assert {
    condition = (
      output.platform.keys.secrets == null && output.platform.keys.data == "a" && output.platform.network == null
      && output.platform.ticket_topic_arn == "e" && output.platform.repository_url == null
    )
    error_message = "Squads must plan on a platform that has not been applied anew."
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

run "one_region_works" {
  command = plan

  assert {
    condition = (
      output.platform.regions.processing && output.platform.regions.owns_tables
      && output.platform.regions.role_suffix == "" && output.platform.regions.home == null
      && length(data.aws_ssm_parameter.role) == 0
    )
    error_message = "A contract that knows no Regions is of an installation in one."
  }
}

run "the_switch_says_who_works" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.contract
    values = { value = "{\"account_id\":\"111122223333\",\"region\":\"eu-central-1\",\"prefix\":\"lakeside\",\"buses\":{},\"keys\":{},\"directory\":{},\"api\":{\"execution_arn\":\"\"},\"alarm_topic_arn\":\"\",\"permissions_boundary_arn\":null,\"regions\":{\"role_parameter\":\"/lakeside/region/role\",\"role_suffix\":\"-eu-central-1\",\"home\":\"eu-west-1\",\"owns_tables\":false}}" }
  }

  override_data {
    target = data.aws_ssm_parameter.role["/lakeside/region/role"]
    values = { value = "standby" }
  }

  assert {
    condition = jsonencode(output.platform.regions) == jsonencode({
      role_suffix = "-eu-central-1"
      home        = "eu-west-1"
      owns_tables = false
      processing  = false
    })
    error_message = "A squad must follow the switch, and no setting of its own."
  }
}

run "rejects_a_switch_that_says_neither" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.contract
    values = { value = "{\"account_id\":\"111122223333\",\"region\":\"eu-central-1\",\"prefix\":\"lakeside\",\"buses\":{},\"keys\":{},\"directory\":{},\"api\":{\"execution_arn\":\"\"},\"alarm_topic_arn\":\"\",\"permissions_boundary_arn\":null,\"regions\":{\"role_parameter\":\"/lakeside/region/role\",\"role_suffix\":\"\",\"home\":\"eu-central-1\",\"owns_tables\":true}}" }
  }

  override_data {
    target = data.aws_ssm_parameter.role["/lakeside/region/role"]
    values = { value = "perhaps" }
  }

  expect_failures = [data.aws_ssm_parameter.role]
}
