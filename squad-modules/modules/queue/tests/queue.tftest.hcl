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
  name                       = "reserve-stock"
  visibility_timeout_seconds = 60
  oldest_message_seconds     = 300
  rule_arns                  = ["arn:aws:events:eu-central-1:111122223333:rule/test-orders/test-reserve-stock-orders"]
}

run "what_cannot_be_consumed_goes_to_the_dead_letter_queue" {
  assert {
    condition = jsondecode(aws_sqs_queue.queue.redrive_policy) == {
      deadLetterTargetArn = aws_sqs_queue.dlq.arn
      maxReceiveCount     = 5
    }
    error_message = "A message must be given up after five deliveries, into the dead-letter queue."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dlq.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:eu-central-1:111122223333:${aws_sqs_queue.queue.name}"]
    }
    error_message = "No other queue may use the dead-letter queue."
  }

  assert {
    condition     = aws_sqs_queue.dlq.message_retention_seconds > aws_sqs_queue.queue.message_retention_seconds
    error_message = "The dead-letter queue must keep messages longer than the queue: their age goes on counting."
  }

  assert {
    condition     = aws_sqs_queue.dlq.name == "${aws_sqs_queue.queue.name}-dlq"
    error_message = "The dead-letter queue must be called like the queue."
  }
}

run "payments_are_delivered_more_often" {
  command = plan

  variables {
    max_receive_count = 10
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.queue.redrive_policy).maxReceiveCount == 10
    error_message = "The queue must give up when it was told to."
  }
}

run "the_longest_retention_stays_below_the_dead_letter_queues" {
  command = plan

  variables {
    retention_seconds = 1209599
  }

  assert {
    condition     = aws_sqs_queue.dlq.message_retention_seconds > aws_sqs_queue.queue.message_retention_seconds
    error_message = "The dead-letter queue must keep messages longer than the queue."
  }
}

run "both_queues_are_encrypted_with_the_platforms_key" {
  command = plan

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.queue, aws_sqs_queue.dlq] :
      queue.kms_master_key_id == var.platform.keys.messaging
    ])
    error_message = "Both queues must use the key for messages."
  }
}

run "only_its_own_rules_send_to_it" {
  command = plan

  assert {
    condition = toset(keys(data.aws_iam_policy_document.rules)) == toset(["dlq", "queue"]) && alltrue([
      for queue in [aws_sqs_queue.queue, aws_sqs_queue.dlq] : queue.policy == data.aws_iam_policy_document.rules["queue"].json
    ])
    error_message = "Both queues must have a policy: the rules also send what they cannot deliver."
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.rules : [
        for statement in document.statement : alltrue([
          statement.actions == toset(["sqs:SendMessage"]),
          length(statement.resources) == 1,
          statement.principals == toset([{ type = "Service", identifiers = toset(["events.amazonaws.com"]) }]),
          anytrue([
            for condition in statement.condition :
            condition.test == "ArnEquals" && condition.variable == "aws:SourceArn" && condition.values == tolist(var.rule_arns)
          ]),
        ])
      ]
    ]))
    error_message = "EventBridge may send for these rules only: the service as such acts for everybody."
  }

  assert {
    condition = data.aws_iam_policy_document.rules["dlq"].statement[0].resources == toset([
      "arn:aws:sqs:eu-central-1:111122223333:${aws_sqs_queue.dlq.name}",
    ])
    error_message = "The policy must name the queue it belongs to."
  }
}

run "a_queue_of_commands_is_open_to_no_rule" {
  command = plan

  variables {
    rule_arns = []
  }

  assert {
    condition     = length(data.aws_iam_policy_document.rules) == 0
    error_message = "Who sends commands has a grant of its own."
  }
}

run "one_dead_letter_pages" {
  command = plan

  assert {
    condition = alltrue([
      output.alarms["test-reserve-stock-dead-letters"].threshold == 0,
      output.alarms["test-reserve-stock-dead-letters"].comparison == "GreaterThanThreshold",
      output.alarms["test-reserve-stock-dead-letters"].metrics.messages.name == "ApproximateNumberOfMessagesVisible",
      output.alarms["test-reserve-stock-dead-letters"].metrics.messages.dimensions == tomap({ QueueName = aws_sqs_queue.dlq.name }),
      output.alarms["test-reserve-stock-dead-letters"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A single dead letter must reach the alarm topic."
  }
}

run "a_consumer_that_is_behind_pages" {
  command = plan

  variables {
    oldest_message_seconds = 120
  }

  assert {
    condition = alltrue([
      output.alarms["test-reserve-stock-behind"].threshold == 120,
      output.alarms["test-reserve-stock-behind"].metrics.age.name == "ApproximateAgeOfOldestMessage",
      output.alarms["test-reserve-stock-behind"].metrics.age.dimensions == tomap({ QueueName = aws_sqs_queue.queue.name }),
      output.alarms["test-reserve-stock-behind"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A message that waits longer than allowed must reach the alarm topic."
  }
}

run "a_queue_may_have_runbooks_of_its_own" {
  command = plan

  variables {
    runbooks = { dead_letters = "marketplace-behind", behind = "levels-stuck" }
  }

  assert {
    condition = (
      output.alarms["test-reserve-stock-dead-letters"].runbook == "marketplace-behind"
      && output.alarms["test-reserve-stock-behind"].runbook == "levels-stuck"
    )
    error_message = "Each alarm must lead where its queue says."
  }
}

run "a_queue_in_order_has_its_order_per_group" {
  command = plan

  variables {
    fifo      = true
    rule_arns = []
  }

  assert {
    condition = alltrue([
      aws_sqs_queue.queue.name == "test-reserve-stock.fifo",
      aws_sqs_queue.queue.fifo_queue,
      aws_sqs_queue.queue.deduplication_scope == "messageGroup",
      aws_sqs_queue.queue.fifo_throughput_limit == "perMessageGroupId",
      !coalesce(aws_sqs_queue.queue.content_based_deduplication, false),
    ])
    error_message = "Each group must have its own order and deduplication, and messages the ids that their senders give them."
  }

  assert {
    condition = alltrue([
      aws_sqs_queue.dlq.name == "test-reserve-stock-dlq.fifo",
      aws_sqs_queue.dlq.fifo_queue,
      jsondecode(aws_sqs_queue.dlq.redrive_allow_policy).sourceQueueArns == ["arn:aws:sqs:eu-central-1:111122223333:test-reserve-stock.fifo"],
    ])
    error_message = "The dead letters of a FIFO queue go to a FIFO queue, which takes no others."
  }

  assert {
    condition = alltrue([
      output.alarms["test-reserve-stock-dead-letters"].metrics.messages.dimensions.QueueName == "test-reserve-stock-dlq.fifo",
      output.alarms["test-reserve-stock-behind"].metrics.age.dimensions.QueueName == "test-reserve-stock.fifo",
    ])
    error_message = "Alarms must look at the queues by their names, and be called as for any other queue."
  }
}

run "a_queue_without_order_has_nothing_of_it" {
  command = plan

  assert {
    condition     = aws_sqs_queue.queue.name == "test-reserve-stock" && !coalesce(aws_sqs_queue.queue.fifo_queue, false) && !coalesce(aws_sqs_queue.dlq.fifo_queue, false)
    error_message = "A standard queue must stay one."
  }
}

run "rejects_a_rule_that_feeds_a_queue_in_order" {
  command = plan

  variables {
    fifo = true
  }

  expect_failures = [var.fifo]
}

run "rejects_messages_that_are_hardly_hidden" {
  command = plan

  variables {
    visibility_timeout_seconds = 5
  }

  expect_failures = [var.visibility_timeout_seconds]
}

run "rejects_messages_hidden_for_longer_than_sqs_can" {
  command = plan

  variables {
    visibility_timeout_seconds = 43201
  }

  expect_failures = [var.visibility_timeout_seconds]
}

run "rejects_giving_up_too_early" {
  command = plan

  variables {
    max_receive_count = 4
  }

  expect_failures = [var.max_receive_count]
}

run "rejects_giving_up_too_late" {
  command = plan

  variables {
    max_receive_count = 21
  }

  expect_failures = [var.max_receive_count]
}

run "rejects_a_retention_as_long_as_the_dead_letter_queues" {
  command = plan

  variables {
    retention_seconds = 1209600
  }

  expect_failures = [var.retention_seconds]
}

run "rejects_a_retention_shorter_than_an_outage" {
  command = plan

  variables {
    retention_seconds = 3599
  }

  expect_failures = [var.retention_seconds]
}

run "rejects_every_rule" {
  command = plan

  variables {
    rule_arns = ["*"]
  }

  expect_failures = [var.rule_arns]
}

run "rejects_every_rule_of_an_account" {
  command = plan

  variables {
    rule_arns = ["arn:aws:events:eu-central-1:111122223333:rule/*"]
  }

  expect_failures = [var.rule_arns]
}

run "rejects_a_sender_that_is_no_rule" {
  command = plan

  variables {
    rule_arns = ["arn:aws:sns:eu-central-1:111122223333:test-alarms"]
  }

  expect_failures = [var.rule_arns]
}

run "rejects_an_age_that_cannot_be_measured" {
  command = plan

  variables {
    oldest_message_seconds = 59
  }

  expect_failures = [var.oldest_message_seconds]
}

run "what_waits_for_another_region_to_end_pages_nobody" {
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
    condition     = !output.alarms["test-reserve-stock-behind"].rings && output.alarms["test-reserve-stock-dead-letters"].rings
    error_message = "Age means nothing where nobody consumes; a dead letter always does."
  }
}
