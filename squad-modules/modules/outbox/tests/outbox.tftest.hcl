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
  squad      = "orders"
  bus        = { name = "test-orders", arn = "arn:aws:events:eu-central-1:111122223333:event-bus/test-orders" }
  stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-orders/stream/2025-01-01T00:00:00.000"
  settings   = { artifacts_dir = "tests/artifacts" }
}

run "by_default_a_pipe_brings_events_to_the_bus" {
  command = plan

  assert {
    condition = alltrue([
      length(aws_pipes_pipe.outbox) == 1,
      length(aws_lambda_event_source_mapping.stream) == 0,
      aws_pipes_pipe.outbox[0].source == var.stream_arn,
      aws_pipes_pipe.outbox[0].target == var.bus.arn,
    ])
    error_message = "The pipe alone must read the stream, and write to the bus of the squad."
  }

  assert {
    condition = alltrue([
      aws_pipes_pipe.outbox[0].target_parameters[0].input_template == "<$.detail>",
      aws_pipes_pipe.outbox[0].target_parameters[0].eventbridge_event_bus_parameters[0].source == "$.source",
      aws_pipes_pipe.outbox[0].target_parameters[0].eventbridge_event_bus_parameters[0].detail_type == "$.detailType",
    ])
    error_message = "Source, detail-type and detail must come from what the enrichment answered."
  }
}

run "a_pipe_gives_up_into_the_dead_letter_queue" {
  assert {
    condition = alltrue([
      for stream in aws_pipes_pipe.outbox[0].source_parameters[0].dynamodb_stream_parameters : alltrue([
        stream.starting_position == "TRIM_HORIZON",
        stream.on_partial_batch_item_failure == "AUTOMATIC_BISECT",
        stream.maximum_retry_attempts > 0,
        stream.maximum_record_age_in_seconds > 0 && stream.maximum_record_age_in_seconds < 86400,
        stream.dead_letter_config[0].arn == aws_sqs_queue.failures.arn,
      ])
    ])
    error_message = "Retries must be finite, end before the stream forgets, single out the culprit and park it."
  }
}

run "as_an_enrichment_the_function_only_computes" {
  command = plan

  assert {
    condition     = length(local.function_statements) == 0
    error_message = "The function must not be able to publish beside the pipe."
  }

  assert {
    condition = alltrue([for action in ["dynamodb:GetRecords", "events:PutEvents", "lambda:InvokeFunction", "sqs:SendMessage"] :
      contains(flatten([for statement in data.aws_iam_policy_document.pipe.statement : tolist(statement.actions)]), action)
    ])
    error_message = "The pipe must be allowed to read, enrich, publish and park."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.pipe.statement :
      !contains(statement.resources, "*")
    ])
    error_message = "The grants of the pipe must name their resources."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.pipe_trust.statement :
      one(statement.principals).identifiers == toset(["pipes.amazonaws.com"])
      && one(statement.condition).variable == "aws:SourceAccount" && one(statement.condition).values == tolist([var.platform.account_id])
    ])
    error_message = "Pipes of other accounts must not use the role."
  }

  assert {
    condition     = aws_iam_role.pipe[0].permissions_boundary == var.platform.permissions_boundary_arn
    error_message = "The role must be bounded by the policy of the platform."
  }
}

run "where_pipes_cannot_run_the_function_reads_the_stream" {
  command = plan

  variables {
    transport = "stream"
  }

  assert {
    condition = (
      length(aws_pipes_pipe.outbox) == 0
      && length(aws_iam_role.pipe) == 0
      && length(aws_lambda_event_source_mapping.stream) == 1
    )
    error_message = "The mapping alone must read the stream."
  }

  assert {
    condition = alltrue([
      for mapping in aws_lambda_event_source_mapping.stream : alltrue([
        mapping.event_source_arn == var.stream_arn,
        mapping.starting_position == "TRIM_HORIZON",
        mapping.bisect_batch_on_function_error,
        mapping.function_response_types == toset(["ReportBatchItemFailures"]),
        mapping.maximum_retry_attempts > 0,
        mapping.maximum_record_age_in_seconds > 0 && mapping.maximum_record_age_in_seconds < 86400,
        mapping.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.failures.arn,
      ])
    ])
    error_message = "Retries must be finite, end before the stream forgets, single out the culprit and park it."
  }
}

run "on_a_stream_the_function_reads_publishes_and_parks" {
  command = plan

  variables {
    transport = "stream"
  }

  assert {
    condition = jsonencode({ for name, statement in local.function_statements : name => statement.resources }) == jsonencode({
      EncryptParked = [var.platform.keys.messaging]
      Park          = [aws_sqs_queue.failures.arn]
      Publish       = [var.bus.arn]
      ReadStream    = [var.stream_arn]
    })
    error_message = "The function must reach this stream, this bus and its own dead letters, and nothing else."
  }
}

run "both_transports_read_the_same_records" {
  command = plan

  variables {
    transport = "stream"
  }

  assert {
    condition = toset(flatten(aws_lambda_event_source_mapping.stream[0].filter_criteria[0].filter[*].pattern)) == toset([
      jsonencode({
        eventName = ["INSERT", "MODIFY"]
        dynamodb  = { NewImage = { outbox = { L = { M = { eventId = { S = [{ exists = true }] } } } } } }
      }),
      jsonencode({
        eventName = ["INSERT", "MODIFY"]
        dynamodb  = { NewImage = { outbox = { L = [{ exists = true }] } } }
      }),
    ])
    error_message = "Only writes that carry events are worth an invocation."
  }
}

run "so_does_the_pipe" {
  command = plan

  assert {
    condition = toset(
      flatten(aws_pipes_pipe.outbox[0].source_parameters[0].filter_criteria[0].filter[*].pattern)
    ) == toset(local.filters)
    error_message = "The pipe must filter as the mapping does."
  }
}

run "what_the_pipe_parks_is_kept_and_pages" {
  command = plan

  variables {
    transport = "pipe"
  }

  assert {
    condition = (
      aws_sqs_queue.failures.message_retention_seconds == 1209600
      && aws_sqs_queue.failures.kms_master_key_id == var.platform.keys.messaging
    )
    error_message = "What was parked must be kept as long as SQS can, encrypted."
  }

  assert {
    condition = alltrue([
      output.alarms["test-orders-publish-outbox-dead-letters"].threshold == 0,
      output.alarms["test-orders-publish-outbox-dead-letters"].comparison == "GreaterThanThreshold",
      output.alarms["test-orders-publish-outbox-dead-letters"].metrics.records.dimensions == tomap({ QueueName = aws_sqs_queue.failures.name }),
      output.alarms["test-orders-publish-outbox-dead-letters"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A single parked record must reach the alarm topic."
  }
}

run "what_the_stream_parks_is_kept_and_pages" {
  command = plan

  variables {
    transport = "stream"
  }

  assert {
    condition = (
      aws_sqs_queue.failures.message_retention_seconds == 1209600
      && aws_sqs_queue.failures.kms_master_key_id == var.platform.keys.messaging
    )
    error_message = "What was parked must be kept as long as SQS can, encrypted."
  }

  assert {
    condition = alltrue([
      output.alarms["test-orders-publish-outbox-dead-letters"].threshold == 0,
      output.alarms["test-orders-publish-outbox-dead-letters"].comparison == "GreaterThanThreshold",
      output.alarms["test-orders-publish-outbox-dead-letters"].metrics.records.dimensions == tomap({ QueueName = aws_sqs_queue.failures.name }),
      output.alarms["test-orders-publish-outbox-dead-letters"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A single parked record must reach the alarm topic."
  }
}

run "rejects_an_unknown_transport" {
  command = plan

  variables {
    transport = "kinesis"
  }

  expect_failures = [var.transport]
}

run "a_pipe_that_publishes_nothing_pages" {
  command = plan

  assert {
    condition = alltrue([
      output.alarms["test-orders-publish-outbox-behind"].metrics.behind.name == "ExecutionFailed",
      output.alarms["test-orders-publish-outbox-behind"].metrics.behind.dimensions == tomap({ PipeName = aws_pipes_pipe.outbox[0].name }),
      output.alarms["test-orders-publish-outbox-behind"].threshold == 0,
      output.alarms["test-orders-publish-outbox-behind"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A pipe that fails again and again must reach the alarm topic."
  }
}

run "a_stream_that_is_not_published_pages" {
  command = plan

  variables {
    transport = "stream"
  }

  assert {
    condition = alltrue([
      output.alarms["test-orders-publish-outbox-behind"].metrics.behind.name == "IteratorAge",
      output.alarms["test-orders-publish-outbox-behind"].metrics.behind.dimensions == tomap({ FunctionName = "test-orders-publish-outbox" }),
      output.alarms["test-orders-publish-outbox-behind"].threshold == 60000,
      output.alarms["test-orders-publish-outbox-behind"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "Events that wait for minutes must reach the alarm topic, although no function fails."
  }
}

run "a_replicas_outbox_is_published_by_the_region_that_works" {
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
    condition     = aws_pipes_pipe.outbox[0].desired_state == "STOPPED" && aws_iam_role.pipe[0].name == "test-orders-outbox-pipe-eu-central-1"
    error_message = "Both Regions would say everything."
  }
}

run "so_it_is_where_pipes_cannot_run" {
  command = plan

  variables {
    transport = "stream"
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
    condition     = !aws_lambda_event_source_mapping.stream[0].enabled
    error_message = "Both Regions would say everything."
  }
}

run "the_one_region_publishes" {
  command = plan

  assert {
    condition     = aws_pipes_pipe.outbox[0].desired_state == "RUNNING"
    error_message = "Without a second Region nothing stands by."
  }
}

run "events_that_come_late_are_looked_at_whatever_the_transport" {
  command = plan

  assert {
    condition = (
      output.alarms["test-orders-publish-outbox-lag"].severity == "ticket"
      && output.alarms["test-orders-publish-outbox-lag"].metrics.lag.namespace == "Lakeside"
      && output.alarms["test-orders-publish-outbox-lag"].metrics.lag.name == "OutboxLag"
      && output.alarms["test-orders-publish-outbox-lag"].metrics.lag.dimensions == tomap({ Function = "test-orders-publish-outbox" })
    )
    error_message = "What the function counts must be what the alarm looks at."
  }
}
