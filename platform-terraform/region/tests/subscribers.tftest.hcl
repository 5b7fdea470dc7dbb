mock_provider "aws" {
  alias  = "us_east_1"
  source = "../testing"
}

mock_provider "aws" {
  source = "../testing"

  override_resource {
    target = aws_cloudwatch_event_rule.subscriber["security-orders"]
    values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/lakeside-orders/lakeside-subscriber-security-orders" }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.subscriber["partner-orders"]
    values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/lakeside-orders/lakeside-subscriber-partner-orders" }
  }

  override_resource {
    target = aws_cloudwatch_event_rule.subscriber["partner-inventory"]
    values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/lakeside-inventory/lakeside-subscriber-partner-inventory" }
  }
}

variables {
  environment = "test"

  event_subscribers = {
    security = { account_id = "444455556666", bus_name = "audit", buses = ["orders"] }
    partner = {
      account_id   = "777788889999"
      buses        = ["orders", "inventory"]
      detail_types = ["OrderFulfilled", "StockLevelChanged"]
    }
  }
}

run "nobody_is_told_unless_named" {
  command = plan

  variables {
    event_subscribers = {}
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.subscriber) == 0 && length(aws_iam_role.subscriber) == 0
    error_message = "Nothing may leave the account unasked."
  }
}

run "a_subscriber_is_told_what_it_subscribes_to" {
  command = plan

  assert {
    condition = {
      for key, rule in aws_cloudwatch_event_rule.subscriber : key => [rule.event_bus_name, jsondecode(rule.event_pattern)["detail-type"]]
      } == {
      partner-inventory = ["lakeside-inventory", ["StockLevelChanged"]]
      partner-orders    = ["lakeside-orders", ["OrderFulfilled"]]
      security-orders = ["lakeside-orders", [
        "OrderCancellationRequested", "OrderCancelled", "OrderConfirmed", "OrderCreated", "OrderFulfilled", "OrderRejected",
      ]]
    }
    error_message = "Each subscriber must hear its detail-types, or all of the bus if it names none."
  }

  assert {
    condition = {
      for key, target in aws_cloudwatch_event_target.subscriber : key => target.arn
      } == {
      partner-inventory = "arn:aws:events:eu-central-1:777788889999:event-bus/default"
      partner-orders    = "arn:aws:events:eu-central-1:777788889999:event-bus/default"
      security-orders   = "arn:aws:events:eu-central-1:444455556666:event-bus/audit"
    }
    error_message = "Each subscriber must be told on its own bus."
  }
}

run "only_what_this_account_says_goes_out_and_no_replay" {
  command = plan

  assert {
    condition = alltrue([
      for key, rule in aws_cloudwatch_event_rule.subscriber :
      jsondecode(rule.event_pattern).account == ["111122223333"]
      && jsondecode(rule.event_pattern).source == ["lakeside.${split("-", key)[1]}"]
      && jsondecode(rule.event_pattern)["replay-name"] == [{ exists = false }]
    ])
    error_message = "A rule must name the account and the source, and leave replays at home."
  }
}

run "what_is_not_taken_waits_with_an_alarm" {
  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.subscriber :
      length(target.dead_letter_config) == 1
      && target.retry_policy[0].maximum_event_age_in_seconds <= 86400
      && target.retry_policy[0].maximum_retry_attempts <= 185
    ])
    error_message = "A target needs finite retries and a dead-letter queue."
  }

  assert {
    condition = alltrue([
      for name, queue in aws_sqs_queue.subscriber_dlq :
      queue.message_retention_seconds == 1209600
      && queue.kms_master_key_id == aws_kms_key.class["messaging"].arn
      && one(values(module.subscriber_alarms[name].alarms)).metrics.messages.dimensions == tomap({ QueueName = queue.name })
    ])
    error_message = "Dead letters must be kept, encrypted, and seen."
  }

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.subscriber_dlq :
      name => join(", ", one(document.statement[0].condition).values)
      } == {
      partner = join(", ", [
        "arn:aws:events:eu-central-1:111122223333:rule/lakeside-inventory/lakeside-subscriber-partner-inventory",
        "arn:aws:events:eu-central-1:111122223333:rule/lakeside-orders/lakeside-subscriber-partner-orders",
      ])
      security = "arn:aws:events:eu-central-1:111122223333:rule/lakeside-orders/lakeside-subscriber-security-orders"
    }
    error_message = "A dead-letter queue is open to the subscriber's rules alone."
  }
}

run "a_role_tells_one_subscriber_and_does_nothing_else" {
  command = plan

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.subscriber :
      name => [for statement in document.statement : [statement.actions, statement.resources]]
      } == {
      partner  = [[toset(["events:PutEvents"]), toset(["arn:aws:events:eu-central-1:777788889999:event-bus/default"])]]
      security = [[toset(["events:PutEvents"]), toset(["arn:aws:events:eu-central-1:444455556666:event-bus/audit"])]]
    }
    error_message = "The role puts events on the subscriber's bus, and that is all."
  }

  assert {
    condition = alltrue([
      for name, document in data.aws_iam_policy_document.subscriber_trust :
      one(document.statement[0].condition).variable == "aws:SourceArn"
    ])
    error_message = "The role is for the subscriber's rules."
  }
}

run "nobody_else_says_anything_on_our_buses" {
  command = plan

  assert {
    condition = alltrue([
      for domain, document in data.aws_iam_policy_document.bus :
      one(document.statement).effect == "Deny"
      && one(document.statement).actions == toset(["events:PutEvents", "events:PutRule", "events:PutTargets"])
      && toset([
        for condition in one(document.statement).condition : "${condition.test} ${condition.variable} ${one(condition.values)}"
        ]) == toset([
        "StringNotEquals aws:PrincipalAccount 111122223333", "BoolIfExists aws:PrincipalIsAWSService false",
      ])
    ])
    error_message = "Other accounts must be denied, and nobody granted anything, by the policy of every bus."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_event_bus_policy.domain)) == toset(keys(aws_cloudwatch_event_bus.domain))
    error_message = "Every bus must have the policy."
  }
}

run "where_policies_are_not_read_there_are_none" {
  command = plan

  variables {
    deny_other_accounts = false
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.domain) == 0
    error_message = "The switch must leave nothing of it."
  }
}

run "subscribers_learn_which_role_to_let_in" {
  command = plan

  assert {
    condition = (
      toset(keys(output.event_subscribers)) == toset(["partner", "security"])
      && output.event_subscribers["security"].rule_arns == ["arn:aws:events:eu-central-1:111122223333:rule/lakeside-orders/lakeside-subscriber-security-orders"]
    )
    error_message = "Their bus's policy names the role and the rules."
  }
}

run "rejects_a_subscriber_without_a_proper_name" {
  command = plan

  variables {
    event_subscribers = { "Security Team" = { account_id = "444455556666", buses = ["orders"] } }
  }

  expect_failures = [var.event_subscribers]
}

run "rejects_a_subscriber_that_is_no_account" {
  command = plan

  variables {
    event_subscribers = { security = { account_id = "*", buses = ["orders"] } }
  }

  expect_failures = [var.event_subscribers]
}

run "rejects_a_subscriber_of_a_domain_that_there_is_not" {
  command = plan

  variables {
    event_subscribers = { security = { account_id = "444455556666", buses = ["payroll"] } }
  }

  expect_failures = [var.event_subscribers]
}

run "rejects_an_event_without_a_contract" {
  command = plan

  variables {
    event_subscribers = { security = { account_id = "444455556666", buses = ["orders"], detail_types = ["OrderLost"] } }
  }

  expect_failures = [var.event_subscribers]
}

run "rejects_a_bus_on_which_nothing_of_it_is_said" {
  command = plan

  variables {
    event_subscribers = {
      security = { account_id = "444455556666", buses = ["inventory", "orders"], detail_types = ["OrderCreated"] }
    }
  }

  expect_failures = [aws_cloudwatch_event_rule.subscriber]
}

run "rejects_a_subscriber_in_this_account" {
  command = plan

  variables {
    event_subscribers = { security = { account_id = "111122223333", buses = ["orders"] } }
  }

  expect_failures = [aws_cloudwatch_event_rule.subscriber]
}

run "operations_find_what_subscribers_did_not_take_and_every_archive" {
  assert {
    condition = (
      aws_ssm_parameter.operations.name == "/lakeside/operations/platform/v1"
      && keys(jsondecode(aws_ssm_parameter.operations.value).queues) == ["subscriber-partner", "subscriber-security"]
      && toset(keys(jsondecode(aws_ssm_parameter.operations.value).archives)) == local.domains
    )
    error_message = "Whoever gives an event up must give it up where operations look."
  }
}
