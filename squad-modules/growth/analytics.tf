# Every event of every bus, in S3 as it was said: a rule and a Firehose stream per bus, one table over all of them.
#
# A stream per domain with its prefix written down, and not one that finds the domain in each event: streams cost nothing,
# partitioning by content does, and what cannot be parsed is stored all the same. The day is that of arrival in UTC, so
# yesterday's partitions are complete; a replay arrives today, and queries take each event once.
locals {
  analytics_name = "${local.platform.prefix}-analytics"

  # What may be said is what there are contracts for: the directory of a contract is its detail-type in lower case.
  contracts = "${path.module}/../../contracts/events"
  analytics_events = {
    for domain in keys(local.platform.buses) : domain => [
      for contract in fileset("${local.contracts}/${domain}", "*/v1.schema.json") :
      replace(title(replace(dirname(contract), "-", " ")), " ", "")
    ]
  }
  analytics_domains = var.analytics ? { for domain, events in local.analytics_events : domain => events if length(events) > 0 } : {}
  analytics         = var.analytics ? { events = local.analytics_name } : {}

  analytics_retry    = { attempts = 185, age_seconds = 86400 }
  analytics_dlq_name = "${local.analytics_name}-dlq"
  analytics_dlq_arn  = "arn:aws:sqs:${local.platform.region}:${local.platform.account_id}:${local.analytics_dlq_name}"
  # Written down, for what is read from a stream is not known while the stream changes.
  analytics_stream_arn = "arn:aws:firehose:${local.platform.region}:${local.platform.account_id}:deliverystream/${local.analytics_name}"
  analytics_bucket     = "${local.analytics_name}-${local.platform.account_id}-${local.platform.region}"
}

resource "aws_cloudwatch_event_rule" "analytics" {
  for_each = local.analytics_domains

  name           = "${local.analytics_name}-${each.key}"
  description    = "Every event of ${each.key}, for later questions."
  event_bus_name = local.platform.buses[each.key].name

  event_pattern = jsonencode({
    account       = [local.platform.account_id]
    source        = ["lakeside.${each.key}"]
    "detail-type" = each.value
  })
}

resource "aws_cloudwatch_event_target" "analytics" {
  for_each = local.analytics_domains

  rule           = aws_cloudwatch_event_rule.analytics[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.analytics[each.key].event_bus_name
  target_id      = "stream"
  arn            = aws_kinesis_firehose_delivery_stream.analytics[each.key].arn
  role_arn       = aws_iam_role.analytics_rules["events"].arn

  dead_letter_config {
    arn = aws_sqs_queue.analytics_dlq["events"].arn
  }

  retry_policy {
    maximum_retry_attempts       = local.analytics_retry.attempts
    maximum_event_age_in_seconds = local.analytics_retry.age_seconds
  }
}

resource "aws_kinesis_firehose_delivery_stream" "analytics" {
  for_each = local.analytics_domains

  name        = "${local.analytics_name}-${each.key}"
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = local.platform.keys.messaging
  }

  extended_s3_configuration {
    bucket_arn          = aws_s3_bucket.analytics["events"].arn
    role_arn            = aws_iam_role.analytics_streams["events"].arn
    prefix              = "events/domain=${each.key}/day=!{timestamp:yyyy-MM-dd}/"
    error_output_prefix = "errors/domain=${each.key}/day=!{timestamp:yyyy-MM-dd}/!{firehose:error-output-type}/"
    custom_time_zone    = "UTC"
    compression_format  = "GZIP"
    kms_key_arn         = local.platform.keys.data

    # Few large objects are cheaper to keep and to ask than many small ones.
    buffering_size     = 64
    buffering_interval = var.analytics_buffer_seconds

    processing_configuration {
      enabled = true

      processors {
        type = "AppendDelimiterToRecord"

        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.analytics["events"].name
      log_stream_name = each.key
    }
  }

  depends_on = [aws_iam_role_policy.analytics_streams]
}

resource "aws_cloudwatch_log_group" "analytics" {
  for_each = local.analytics

  name              = "/aws/kinesisfirehose/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.platform.keys.logs
}

# What cannot be handed to a stream for a day.
resource "aws_sqs_queue" "analytics_dlq" {
  for_each = local.analytics

  name                      = local.analytics_dlq_name
  kms_master_key_id         = local.platform.keys.messaging
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.analytics_dlq.json
}

data "aws_iam_policy_document" "analytics_dlq" {
  statement {
    sid       = "TheRulesAlone"
    actions   = ["sqs:SendMessage"]
    resources = [local.analytics_dlq_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.analytics : rule.arn]
    }
  }
}

# Who may hand events to the streams, and what the streams may do with them.
data "aws_iam_policy_document" "analytics_rules_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.analytics : rule.arn]
    }
  }
}

data "aws_iam_policy_document" "analytics_rules" {
  statement {
    sid       = "HandOver"
    actions   = ["firehose:PutRecord", "firehose:PutRecordBatch"]
    resources = [for domain in keys(local.analytics_domains) : "${local.analytics_stream_arn}-${domain}"]
  }
}

resource "aws_iam_role" "analytics_rules" {
  for_each = local.analytics

  name                 = "${each.value}-rules${local.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.analytics_rules_trust.json
  permissions_boundary = local.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "analytics_rules" {
  for_each = local.analytics

  name   = "hand-over"
  role   = aws_iam_role.analytics_rules[each.key].id
  policy = data.aws_iam_policy_document.analytics_rules.json
}

data "aws_iam_policy_document" "analytics_streams_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [local.platform.account_id]
    }
  }
}

data "aws_iam_policy_document" "analytics_streams" {
  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [for bucket in aws_s3_bucket.analytics : bucket.arn]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = flatten([for bucket in aws_s3_bucket.analytics : ["${bucket.arn}/events/*", "${bucket.arn}/errors/*"]])
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.platform.keys.data]
  }

  statement {
    sid       = "SayWhatWentWrong"
    actions   = ["logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.analytics : "${group.arn}:*"]
  }
}

resource "aws_iam_role" "analytics_streams" {
  for_each = local.analytics

  name                 = "${each.value}-streams${local.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.analytics_streams_trust.json
  permissions_boundary = local.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "analytics_streams" {
  for_each = local.analytics

  name   = "write"
  role   = aws_iam_role.analytics_streams[each.key].id
  policy = data.aws_iam_policy_document.analytics_streams.json
}

module "analytics_alarms" {
  source   = "../../platform-terraform/modules/alarms"
  for_each = local.analytics

  platform = local.platform
  subject  = "analytics"

  alarms = merge(
    {
      dead-letters = {
        severity       = "ticket"
        description    = "Events did not reach a stream for a day, as ${local.analytics_dlq_name} says."
        objective      = "every event is kept"
        runbook        = "analytics-behind"
        graph          = "Dead letters"
        threshold      = 0
        period_seconds = 60
        periods        = 1

        metrics = {
          messages = {
            namespace  = "AWS/SQS"
            name       = "ApproximateNumberOfMessagesVisible"
            statistic  = "Maximum"
            dimensions = { QueueName = aws_sqs_queue.analytics_dlq[each.key].name }
          }
        }
      }
    },
    # A stream that cannot write tries for a day and then loses what it holds, in silence but for this.
    {
      for domain in keys(local.analytics_domains) : "${domain}-behind" => {
        severity       = "ticket"
        description    = "Events of ${domain} wait in their stream and do not get to S3."
        objective      = "no event waits for more than ${var.analytics_buffer_seconds + 1800} s"
        runbook        = "analytics-behind"
        graph          = "Age of events on their way to S3 in s"
        threshold      = var.analytics_buffer_seconds + 1800
        period_seconds = 300
        periods        = 3

        metrics = {
          freshness = {
            namespace  = "AWS/Firehose"
            name       = "DeliveryToS3.DataFreshness"
            statistic  = "Maximum"
            dimensions = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.analytics[domain].name }
          }
        }
      }
    },
  )
}
