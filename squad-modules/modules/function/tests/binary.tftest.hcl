# In a file of its own: Terraform gives code to functions that it makes, and to no others.
mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  name   = "inventory-publish-outbox"
  binary = "publish-outbox"
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

run "one_binary_can_serve_several_functions" {
  command = plan

  assert {
    condition = (
      aws_lambda_function.function.function_name == "test-inventory-publish-outbox"
      && endswith(aws_lambda_function.function.filename, "/publish-outbox.zip")
    )
    error_message = "The package is called like the binary, the function like itself."
  }
}

run "a_deployment_finds_all_that_it_has_to_know" {
  command = plan

  assert {
    condition = output.deployment == {
      function = "test-inventory-publish-outbox"
      alias    = "live"
      binary   = "publish-outbox"
      alarm    = "test-inventory-publish-outbox-errors"
    }
    error_message = "Function, alias, package and alarm must be what was made."
  }
}
