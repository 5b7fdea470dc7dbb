# One consumer of a table's stream: the mapping that feeds it, and where it parks what it gave up on.
locals {
  name = "${var.platform.prefix}-${var.function.name}"

  # Stay below the stream's own 24 hours.
  retry = { attempts = 100, age_seconds = 43200 }
}

# Positions in the stream, not the records themselves.
resource "aws_sqs_queue" "failures" {
  name                      = "${local.name}-dlq"
  kms_master_key_id         = var.platform.keys.messaging
  message_retention_seconds = 1209600
}

data "aws_iam_policy_document" "consume" {
  statement {
    sid = "ReadStream"
    actions = [
      "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
    ]
    resources = [var.stream_arn]
  }

  statement {
    sid       = "Park"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failures.arn]
  }

  statement {
    sid       = "EncryptParked"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.platform.keys.messaging]
  }
}

resource "aws_iam_role_policy" "consume" {
  name   = "consume-stream"
  role   = var.function.role.name
  policy = data.aws_iam_policy_document.consume.json
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = var.stream_arn
  function_name                      = var.function.alias_arn
  enabled                            = var.platform.regions.processing
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_retry_attempts             = local.retry.attempts
  maximum_record_age_in_seconds      = local.retry.age_seconds
  parallelization_factor             = 1
  maximum_batching_window_in_seconds = var.batching_window_seconds

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures.arn
    }
  }

  filter_criteria {
    dynamic "filter" {
      for_each = var.filters

      content {
        pattern = filter.value
      }
    }
  }

  depends_on = [aws_iam_role_policy.consume]
}
