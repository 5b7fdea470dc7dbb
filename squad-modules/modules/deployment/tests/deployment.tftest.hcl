mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
  squad = "orders"
  platform = {
    account_id               = "111122223333"
    region                   = "eu-central-1"
    prefix                   = "test"
    alarm_topic_arn          = "arn:aws:sns:eu-central-1:111122223333:test-alarms"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/squads"
  }
  functions = {
    order_query    = { function = "test-order-query", alias = "live", binary = "order-query", alarm = "test-order-query-errors" }
    publish_outbox = { function = "test-orders-publish-outbox", alias = "live", binary = "publish-outbox", alarm = "test-orders-publish-outbox-errors" }
  }
  settings = { canary = { type = "linear", percent = 20, interval_minutes = 2 } }
}

run "whoever_deploys_reads_all_that_it_has_to_know" {
  command = plan

  assert {
    condition     = aws_ssm_parameter.deployment.name == "/test/deployments/orders/v1"
    error_message = "The parameter must be found by prefix and squad."
  }

  assert {
    condition = jsondecode(aws_ssm_parameter.deployment.value) == {
      application = "test-orders"
      functions = {
        order-query    = { function = "test-order-query", alias = "live", binary = "order-query", alarm = "test-order-query-error-rate" }
        publish-outbox = { function = "test-orders-publish-outbox", alias = "live", binary = "publish-outbox", alarm = "test-orders-publish-outbox-error-rate" }
      }
    }
    error_message = "Each function must be there with its alias, its package and the alarm that undoes its shift."
  }
}

run "without_a_shift_there_is_nothing_of_code_deploy" {
  command = plan

  variables {
    settings = { canary = null }
  }

  assert {
    condition = alltrue([
      length(aws_codedeploy_app.squad) == 0,
      length(aws_codedeploy_deployment_config.squad) == 0,
      length(aws_codedeploy_deployment_group.function) == 0,
      length(aws_iam_role.code_deploy) == 0,
      length(output.alarms) == 0,
    ])
    error_message = "An alias that is moved at once must cost nothing."
  }

  assert {
    condition = (
      jsondecode(aws_ssm_parameter.deployment.value).application == null
      && jsondecode(aws_ssm_parameter.deployment.value).functions.order-query.alarm == "test-order-query-errors"
    )
    error_message = "Without a shift the function's own alarm must be watched."
  }
}

run "a_linear_shift_goes_step_by_step" {
  command = plan

  assert {
    condition = (
      aws_codedeploy_app.squad[0].compute_platform == "Lambda"
      && aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].type == "TimeBasedLinear"
      && aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].time_based_linear[0].percentage == 20
      && aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].time_based_linear[0].interval == 2
    )
    error_message = "The steps must be those of the settings."
  }
}

run "a_canary_is_one_step_and_then_everything" {
  command = plan

  variables {
    settings = { canary = { type = "canary", percent = 5, interval_minutes = 10 } }
  }

  assert {
    condition = (
      aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].type == "TimeBasedCanary"
      && aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].time_based_canary[0].percentage == 5
      && aws_codedeploy_deployment_config.squad[0].traffic_routing_config[0].time_based_canary[0].interval == 10
    )
    error_message = "The step must be that of the settings."
  }
}

run "a_shift_is_taken_back_when_its_functions_alarm_rings" {
  command = plan

  assert {
    condition = alltrue([
      for key, group in aws_codedeploy_deployment_group.function :
      group.deployment_group_name == var.functions[key].function
      && group.deployment_style[0].deployment_type == "BLUE_GREEN"
      && group.deployment_style[0].deployment_option == "WITH_TRAFFIC_CONTROL"
      && group.auto_rollback_configuration[0].enabled
      && group.auto_rollback_configuration[0].events == toset(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"])
      && group.alarm_configuration[0].enabled
      && group.alarm_configuration[0].ignore_poll_alarm_failure != true
      && group.alarm_configuration[0].alarms == toset(["${var.functions[key].function}-error-rate"])
    ])
    error_message = "Every shift must be bound to the alarm of its own function."
  }
}

run "a_version_that_always_fails_rings_at_its_first_step" {
  command = plan

  variables {
    settings = { canary = { type = "canary", percent = 4, interval_minutes = 5 } }
  }

  assert {
    condition = alltrue([
      for alarm in values(output.alarms) : alarm.threshold < var.settings.canary.percent
    ])
    error_message = "Its failures are no more of all invocations than its share."
  }
}

run "the_rate_is_of_what_comes_through_the_alias" {
  command = plan

  assert {
    condition = alltrue([
      for metric in values(output.alarms["test-order-query-error-rate"].metrics) :
      metric.dimensions == tomap({ FunctionName = "test-order-query", Resource = "test-order-query:live" })
      && metric.statistic == "Sum"
    ])
    error_message = "What is invoked past the alias is no news of a version."
  }

  assert {
    condition = (
      output.alarms["test-order-query-error-rate"].threshold == 5
      && output.alarms["test-order-query-error-rate"].missing == "notBreaching"
      && output.alarms["test-order-query-error-rate"].topic_arn == var.platform.alarm_topic_arn
    )
    error_message = "More than five percent must ring, and silence must not."
  }
}

run "code_deploy_moves_these_aliases_and_nothing_else" {
  command = plan

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.code_deploy[0].statement : statement.sid => {
        actions   = statement.actions
        resources = statement.resources
      }
      } == {
      ShiftAliases = {
        actions = toset(["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"])
        resources = toset([
          "arn:aws:lambda:eu-central-1:111122223333:function:test-order-query",
          "arn:aws:lambda:eu-central-1:111122223333:function:test-order-query:live",
          "arn:aws:lambda:eu-central-1:111122223333:function:test-orders-publish-outbox",
          "arn:aws:lambda:eu-central-1:111122223333:function:test-orders-publish-outbox:live",
        ])
      }
      WatchAlarms = {
        actions = toset(["cloudwatch:DescribeAlarms"])
        resources = toset([
          "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-order-query-error-rate",
          "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:test-orders-publish-outbox-error-rate",
        ])
      }
    }
    error_message = "The role must reach the squad's aliases and alarms alone."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.trust.statement :
      one(statement.principals).identifiers == toset(["codedeploy.amazonaws.com"])
      && one(statement.condition).variable == "aws:SourceAccount"
      && one(statement.condition).values == tolist(["111122223333"])
    ])
    error_message = "Only CodeDeploy, and for this account, may assume the role."
  }

  assert {
    condition     = aws_iam_role.code_deploy[0].permissions_boundary == var.platform.permissions_boundary_arn
    error_message = "The role must be bounded by the platform's policy."
  }
}

run "rejects_a_squad_that_is_no_name" {
  command = plan

  variables {
    squad = "Orders"
  }

  expect_failures = [var.squad]
}

run "rejects_nothing_to_deploy" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
}

run "rejects_a_shift_of_no_known_kind" {
  command = plan

  variables {
    settings = { canary = { type = "sudden", percent = 10, interval_minutes = 2 } }
  }

  expect_failures = [var.settings]
}

run "rejects_a_step_of_more_than_half" {
  command = plan

  variables {
    settings = { canary = { type = "linear", percent = 51, interval_minutes = 2 } }
  }

  expect_failures = [var.settings]
}

run "rejects_a_step_of_half_a_percent" {
  command = plan

  variables {
    settings = { canary = { type = "linear", percent = 0.5, interval_minutes = 2 } }
  }

  expect_failures = [var.settings]
}

run "rejects_a_step_that_is_over_before_it_is_judged" {
  command = plan

  variables {
    settings = { canary = { type = "linear", percent = 10, interval_minutes = 1 } }
  }

  expect_failures = [var.settings]
}

run "rejects_a_step_of_more_than_an_hour" {
  command = plan

  variables {
    settings = { canary = { type = "canary", percent = 10, interval_minutes = 61 } }
  }

  expect_failures = [var.settings]
}
