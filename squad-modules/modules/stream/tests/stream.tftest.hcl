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
    name      = "publish-levels"
    alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:test-publish-levels:live"
    role      = { name = "test-publish-levels", arn = "arn:aws:iam::111122223333:role/test-publish-levels" }
  }
  stream_arn            = "arn:aws:dynamodb:eu-central-1:111122223333:table/test-inventory/stream/2025-01-01T00:00:00.000"
  oldest_record_seconds = 60
  runbook               = "levels-stuck"
  filters               = ["{\"dynamodb\":{\"Keys\":{\"pk\":{\"S\":[{\"prefix\":\"SKU#\"}]}}}}"]
}

run "a_record_is_tried_again_for_a_while_and_parked" {
  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.stream.event_source_arn == var.stream_arn,
      aws_lambda_event_source_mapping.stream.starting_position == "TRIM_HORIZON",
      aws_lambda_event_source_mapping.stream.bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.stream.function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.stream.maximum_retry_attempts > 0,
      aws_lambda_event_source_mapping.stream.maximum_record_age_in_seconds > 0,
      aws_lambda_event_source_mapping.stream.maximum_record_age_in_seconds < 86400,
      aws_lambda_event_source_mapping.stream.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.failures.arn,
    ])
    error_message = "Retries must be finite, end before the stream forgets, single out the culprit and park it."
  }
}

run "the_mapping_feeds_the_alias_with_what_was_asked_for" {
  command = plan

  variables {
    batching_window_seconds = 5
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.stream.function_name == var.function.alias_arn,
      toset(flatten(aws_lambda_event_source_mapping.stream.filter_criteria[0].filter[*].pattern)) == toset(var.filters),
      aws_lambda_event_source_mapping.stream.maximum_batching_window_in_seconds == 5,
      aws_lambda_event_source_mapping.stream.parallelization_factor == 1,
    ])
    error_message = "The mapping must call what deployments shift, with the wanted records alone."
  }
}

run "the_role_reads_this_stream_and_parks" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in data.aws_iam_policy_document.consume.statement : statement.sid => statement.resources
      }) == jsonencode({
      EncryptParked = [var.platform.keys.messaging]
      Park          = [aws_sqs_queue.failures.arn]
      ReadStream    = [var.stream_arn]
    })
    error_message = "The function must reach this stream and its own dead letters, and nothing else."
  }

  assert {
    condition     = aws_iam_role_policy.consume.role == var.function.role.name
    error_message = "The grant must be the consumer's."
  }
}

run "what_was_parked_is_kept_and_pages" {
  command = plan

  assert {
    condition = (
      aws_sqs_queue.failures.name == "test-publish-levels-dlq"
      && aws_sqs_queue.failures.message_retention_seconds == 1209600
      && aws_sqs_queue.failures.kms_master_key_id == var.platform.keys.messaging
    )
    error_message = "What was parked must be kept as long as SQS can, encrypted."
  }

  assert {
    condition = alltrue([
      output.alarms["test-publish-levels-dead-letters"].threshold == 0,
      output.alarms["test-publish-levels-dead-letters"].comparison == "GreaterThanThreshold",
      output.alarms["test-publish-levels-dead-letters"].metrics.records.dimensions == tomap({ QueueName = aws_sqs_queue.failures.name }),
      output.alarms["test-publish-levels-dead-letters"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "A single parked record must reach the alarm topic."
  }
}

run "records_that_wait_page" {
  command = plan

  assert {
    condition = alltrue([
      output.alarms["test-publish-levels-behind"].metrics.age.name == "IteratorAge",
      output.alarms["test-publish-levels-behind"].metrics.age.dimensions == tomap({ FunctionName = "test-publish-levels" }),
      output.alarms["test-publish-levels-behind"].threshold == 60000,
      output.alarms["test-publish-levels-behind"].topic_arn == var.platform.alarm_topic_arn,
    ])
    error_message = "Records that wait for minutes must reach the alarm topic, although no function fails."
  }
}

run "rejects_a_consumer_of_everything" {
  command = plan

  variables {
    filters = []
  }

  expect_failures = [var.filters]
}

run "rejects_a_filter_that_filters_nothing" {
  command = plan

  variables {
    filters = ["{}"]
  }

  expect_failures = [var.filters]
}

run "rejects_gathering_for_more_than_a_minute" {
  command = plan

  variables {
    batching_window_seconds = 61
  }

  expect_failures = [var.batching_window_seconds]
}

run "rejects_gathering_into_the_past" {
  command = plan

  variables {
    batching_window_seconds = -1
  }

  expect_failures = [var.batching_window_seconds]
}

run "the_stream_of_a_replica_is_read_once_this_region_works" {
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
    condition     = !aws_lambda_event_source_mapping.stream.enabled
    error_message = "A replica's stream says everything that the other Region says itself."
  }
}

run "rejects_an_age_that_cannot_be_measured" {
  command = plan

  variables {
    oldest_record_seconds = 59
  }

  expect_failures = [var.oldest_record_seconds]
}

run "rejects_an_age_that_no_stream_reaches" {
  command = plan

  variables {
    oldest_record_seconds = 86400
  }

  expect_failures = [var.oldest_record_seconds]
}
