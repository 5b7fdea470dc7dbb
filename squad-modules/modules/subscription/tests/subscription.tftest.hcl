mock_provider "aws" {
  source = "../../../platform-terraform/testing"
}

variables {
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
  function = {
    name            = "reserve-stock"
    alias_arn       = "arn:aws:lambda:eu-central-1:111122223333:function:test-reserve-stock:live"
    role            = { name = "test-reserve-stock", arn = "arn:aws:iam::111122223333:role/test-reserve-stock" }
    timeout_seconds = 20
  }
  rules = {
    orders = {
      bus          = "test-orders"
      sources      = ["lakeside.orders"]
      detail_types = ["OrderCreated"]
    }
    states = {
      bus          = "default"
      sources      = ["aws.states"]
      detail_types = ["Step Functions Execution Status Change"]
      detail       = "{\"status\":[\"FAILED\"]}"
    }
  }
  oldest_message_seconds = 300
}

run "a_message_stays_hidden_for_six_times_the_functions_timeout" {
  command = plan

  assert {
    condition = output.visibility_timeout_seconds >= (
      6 * var.function.timeout_seconds
      + coalesce(aws_lambda_event_source_mapping.queue.maximum_batching_window_in_seconds, 0)
    )
    error_message = "A message must not come back while it may still be retried within one delivery."
  }
}

run "only_what_failed_of_a_batch_is_retried" {
  command = plan

  assert {
    condition     = aws_lambda_event_source_mapping.queue.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "The mapping must take partial batch responses."
  }
}

run "a_backlog_cannot_starve_the_account" {
  command = plan

  variables {
    maximum_concurrency = 50
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue.scaling_config[0].maximum_concurrency == 50
    error_message = "The mapping must bound its concurrency."
  }
}

run "the_mapping_feeds_the_alias" {
  command = plan

  assert {
    condition     = aws_lambda_event_source_mapping.queue.function_name == var.function.alias_arn
    error_message = "The mapping must call what deployments shift."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue.batch_size == 10
    error_message = "A batch has ten messages unless said otherwise."
  }
}

run "a_rule_says_whom_and_what_it_hears" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_cloudwatch_event_rule.rule :
      length(jsondecode(rule.event_pattern).source) > 0 && length(jsondecode(rule.event_pattern)["detail-type"]) > 0
    ])
    error_message = "Every pattern must name sources and detail-types."
  }

  assert {
    condition = alltrue([
      for rule in aws_cloudwatch_event_rule.rule : jsondecode(rule.event_pattern).account == ["111122223333"]
    ])
    error_message = "An event of another account must match no rule."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.rule["orders"].event_pattern) == {
      account     = ["111122223333"]
      source      = ["lakeside.orders"]
      detail-type = ["OrderCreated"]
    }
    error_message = "Without a detail every such event matches."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.rule["states"].event_pattern).detail == { status = ["FAILED"] }
    error_message = "A detail narrows the pattern."
  }

  assert {
    condition = alltrue([
      for name, rule in aws_cloudwatch_event_rule.rule :
      rule.event_bus_name == var.rules[name].bus && aws_cloudwatch_event_target.queue[name].event_bus_name == var.rules[name].bus
    ])
    error_message = "Rule and target must be on the bus that was named."
  }
}

run "what_cannot_be_delivered_is_retried_for_a_while_and_then_kept" {
  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.queue :
      target.dead_letter_config[0].arn == module.queue["own"].dlq_arn
    ]) && length(aws_cloudwatch_event_target.queue) == length(var.rules)
    error_message = "Every target must have the dead-letter queue."
  }

  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.queue :
      target.retry_policy[0].maximum_retry_attempts > 0 && target.retry_policy[0].maximum_retry_attempts <= 185
      && target.retry_policy[0].maximum_event_age_in_seconds >= 3600 && target.retry_policy[0].maximum_event_age_in_seconds <= 86400
    ])
    error_message = "Retries must be finite and outlast an hour."
  }
}

run "the_consumer_may_consume_and_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.consume.statement : tolist(statement.actions)])) == toset([
      "kms:Decrypt", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ])
    error_message = "The consumer must not send to its queue."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.consume.statement : statement.resources == toset(
        [statement.sid == "Consume" ? module.queue["own"].arn : var.platform.keys.messaging]
      )
    ]) && aws_iam_role_policy.consume.role == var.function.role.name
    error_message = "The grant must be for this queue, this key and this role."
  }
}

run "a_queue_of_commands_has_no_rules" {
  command = plan

  variables {
    rules = {}
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.rule) == 0 && length(aws_cloudwatch_event_target.queue) == 0
    error_message = "Without rules nothing listens to a bus."
  }
}

run "a_queue_that_is_there_already_is_consumed_as_it_is" {
  command = plan

  variables {
    rules                  = {}
    oldest_message_seconds = null
    queue = {
      name                       = "test-publish-stock-bazaar.fifo"
      arn                        = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar.fifo"
      url                        = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar.fifo"
      dlq_arn                    = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar-dlq.fifo"
      dlq_url                    = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar-dlq.fifo"
      visibility_timeout_seconds = 120
    }
  }

  assert {
    condition = alltrue([
      length(module.queue) == 0,
      aws_lambda_event_source_mapping.queue.event_source_arn == var.queue.arn,
      aws_lambda_event_source_mapping.queue.function_response_types == toset(["ReportBatchItemFailures"]),
      output.queue.url == var.queue.url,
    ])
    error_message = "No other queue may be made, and this one must feed the function."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.consume.statement :
      statement.sid == "Consume" && statement.resources == toset([var.queue.arn])
    ]) && aws_iam_role_policy.consume.name == "consume-test-publish-stock-bazaar.fifo"
    error_message = "The grant must be for this queue, beside those for other queues of the function."
  }
}

run "rejects_a_queue_that_hides_messages_too_briefly" {
  command = plan

  variables {
    rules                  = {}
    oldest_message_seconds = null
    queue = {
      name                       = "test-publish-stock-bazaar.fifo"
      arn                        = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar.fifo"
      url                        = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar.fifo"
      dlq_arn                    = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar-dlq.fifo"
      dlq_url                    = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar-dlq.fifo"
      visibility_timeout_seconds = 119
    }
  }

  expect_failures = [aws_lambda_event_source_mapping.queue]
}

run "rejects_rules_for_a_queue_that_is_there_already" {
  command = plan

  variables {
    oldest_message_seconds = null
    queue = {
      name                       = "test-publish-stock-bazaar.fifo"
      arn                        = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar.fifo"
      url                        = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar.fifo"
      dlq_arn                    = "arn:aws:sqs:eu-central-1:111122223333:test-publish-stock-bazaar-dlq.fifo"
      dlq_url                    = "https://sqs.eu-central-1.amazonaws.com/111122223333/test-publish-stock-bazaar-dlq.fifo"
      visibility_timeout_seconds = 120
    }
  }

  expect_failures = [var.queue]
}

run "rejects_a_rule_that_hears_everybody" {
  command = plan

  variables {
    rules = {
      orders = {
        bus          = "test-orders"
        sources      = []
        detail_types = ["OrderCreated"]
      }
    }
  }

  expect_failures = [var.rules]
}

run "rejects_a_rule_that_hears_everything" {
  command = plan

  variables {
    rules = {
      orders = {
        bus          = "test-orders"
        sources      = ["lakeside.orders"]
        detail_types = []
      }
    }
  }

  expect_failures = [var.rules]
}

run "rejects_a_detail_that_is_no_object" {
  command = plan

  variables {
    rules = {
      orders = {
        bus          = "test-orders"
        sources      = ["lakeside.orders"]
        detail_types = ["OrderCreated"]
        detail       = "status=FAILED"
      }
    }
  }

  expect_failures = [var.rules]
}

run "rejects_an_empty_batch" {
  command = plan

  variables {
    batch_size = 0
  }

  expect_failures = [var.batch_size]
}

run "rejects_a_batch_larger_than_ten" {
  command = plan

  variables {
    batch_size = 11
  }

  expect_failures = [var.batch_size]
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

run "a_consumer_stands_by_while_another_region_works" {
  command = plan

  variables {
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
      regions = { home = "eu-west-1", owns_tables = false, role_suffix = "-eu-central-1", processing = false }
    }
  }

  assert {
    condition     = !aws_lambda_event_source_mapping.queue.enabled
    error_message = "Two Regions that work at a time would undo each other's writes."
  }

  assert {
    condition     = local.retention_seconds == 3600
    error_message = "What another Region has handled must not pile up."
  }
}

run "commands_are_kept_in_full_whoever_works" {
  command = plan

  variables {
    rules = {}
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
      regions = { home = "eu-west-1", owns_tables = false, role_suffix = "-eu-central-1", processing = false }
    }
  }

  assert {
    condition     = local.retention_seconds == 345600
    error_message = "A command that was accepted is nowhere else."
  }
}

run "a_consumer_works_in_the_one_region" {
  command = plan

  assert {
    condition     = aws_lambda_event_source_mapping.queue.enabled && local.retention_seconds == 345600
    error_message = "Without a second Region nothing stands by."
  }
}

run "rejects_a_queue_without_an_objective" {
  command = plan

  variables {
    oldest_message_seconds = null
  }

  expect_failures = [var.oldest_message_seconds]
}
