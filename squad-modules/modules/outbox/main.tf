# Brings the events that a table's writes carry to the squad's bus.
locals {
  name      = "${var.squad}-publish-outbox"
  pipe_name = "${var.platform.prefix}-${var.squad}-outbox"

  # Stay below the stream's own 24 hours.
  retry = { attempts = 100, age_seconds = 43200 }

  # Only writes that carry events. AWS tests the existence of leaves alone, and finds them within lists; the local
  # cloud does not look into lists. Filters are alternatives, and each of these matches nothing where the other works.
  entries = [
    { M = { eventId = { S = [{ exists = true }] } } },
    [{ exists = true }],
  ]
  filters = [for entry in local.entries : jsonencode({
    eventName = ["INSERT", "MODIFY"]
    dynamodb  = { NewImage = { outbox = { L = entry } } }
  })]

  read_stream = {
    actions = [
      "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
    ]
    resources = [var.stream_arn]
  }
  park = { actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.failures.arn] }
  encrypt_parked = {
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.platform.keys.messaging]
  }
  publish = { actions = ["events:PutEvents"], resources = [var.bus.arn] }

  # As a pipe's enrichment it only computes.
  function_statements = var.transport == "pipe" ? {} : {
    ReadStream    = local.read_stream
    Park          = local.park
    EncryptParked = local.encrypt_parked
    Publish       = local.publish
  }
}

module "function" {
  source = "../function"

  name        = local.name
  binary      = "publish-outbox"
  platform    = var.platform
  settings    = var.settings
  environment = { BUS_NAME = var.bus.name }
  statements  = local.function_statements
}

# What could not be published: positions in the stream, not the events themselves.
resource "aws_sqs_queue" "failures" {
  name                      = "${var.platform.prefix}-${local.name}-dlq"
  kms_master_key_id         = var.platform.keys.messaging
  message_retention_seconds = 1209600
}

resource "aws_lambda_event_source_mapping" "stream" {
  count = var.transport == "stream" ? 1 : 0

  event_source_arn                   = var.stream_arn
  function_name                      = module.function.alias_arn
  enabled                            = var.platform.regions.processing
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_retry_attempts             = local.retry.attempts
  maximum_record_age_in_seconds      = local.retry.age_seconds
  parallelization_factor             = 1
  maximum_batching_window_in_seconds = 0

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures.arn
    }
  }

  filter_criteria {
    dynamic "filter" {
      for_each = local.filters

      content {
        pattern = filter.value
      }
    }
  }
}
