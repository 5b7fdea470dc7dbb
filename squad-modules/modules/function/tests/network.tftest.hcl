mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  name = "reserve-stock"
  platform = {
    account_id      = "111122223333"
    region          = "eu-central-1"
    prefix          = "test"
    alarm_topic_arn = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    keys = {
      data      = "arn:aws:kms:eu-central-1:111122223333:key/data"
      messaging = "arn:aws:kms:eu-central-1:111122223333:key/messaging"
      logs      = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    }
    network = { subnet_ids = ["subnet-a", "subnet-b"], security_group_id = "sg-functions" }
  }
  settings = { artifacts_dir = "tests/artifacts" }
}

run "a_function_is_outside_the_network_unless_it_is_asked_in" {
  assert {
    condition = (
      length(aws_lambda_function.function.vpc_config) == 0
      && !strcontains(jsonencode(data.aws_iam_policy_document.function.statement), "ec2:")
    )
    error_message = "Who needs no network gets none, and no right to one."
  }
}

run "a_function_in_the_network_has_its_subnets_and_its_group" {
  command = plan

  variables {
    in_network = true
  }

  assert {
    condition = (
      aws_lambda_function.function.vpc_config[0].subnet_ids == toset(["subnet-a", "subnet-b"])
      && aws_lambda_function.function.vpc_config[0].security_group_ids == toset(["sg-functions"])
    )
    error_message = "It must be in the platform's subnets, behind the group of functions."
  }
}

run "lambda_may_join_the_network_and_the_function_itself_may_not" {
  command = plan

  variables {
    in_network = true
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.function.statement : statement.sid => join(" ", sort(statement.resources))
      if contains(["JoinTheNetwork", "FindTheNetwork"], statement.sid)
      } == {
      JoinTheNetwork = "arn:aws:ec2:eu-central-1:111122223333:*/*"
      FindTheNetwork = "*"
    }
    error_message = "Interfaces are made in this account; only what knows no resources is granted on all."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.function.statement : join(" ", concat(
        [statement.effect, one(statement.condition).test, one(statement.condition).variable],
        one(statement.condition).values,
      )) if statement.sid == "LambdaAlone"
    ]) == "Deny ArnEquals lambda:SourceFunctionArn arn:aws:lambda:eu-central-1:111122223333:function:test-reserve-stock"
    error_message = "What the function runs must not use what Lambda needs."
  }

  assert {
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.function.statement : statement.actions
      if contains(["JoinTheNetwork", "FindTheNetwork"], statement.sid)
      ])) == toset(flatten([
      for statement in data.aws_iam_policy_document.function.statement : statement.actions if statement.sid == "LambdaAlone"
    ]))
    error_message = "Everything that Lambda is granted must be denied to the function."
  }
}
