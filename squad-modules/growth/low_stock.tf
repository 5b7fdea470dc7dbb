# Tells buyers that a SKU runs low: a rule on the levels that inventory announces, and a topic. No function, and nothing
# that an order waits for.
#
# A rule sees one level at a time and cannot know the one before: it tells of every change at or below the threshold,
# not of the crossing. Who wants to hear less sets a lower one of their own. A replay tells nobody: what ran low then is no
# news now, and a topic does not know what it said.
locals {
  low_stock_name = "${local.platform.prefix}-low-stock"

  # A level of yesterday is no news; the next one says more.
  low_stock_retry = { attempts = 20, age_seconds = 3600 }
}

resource "aws_cloudwatch_event_rule" "low_stock" {
  name           = local.low_stock_name
  description    = "Levels of ${var.low_stock_units} units and below."
  event_bus_name = local.platform.buses["inventory"].name
  state          = local.platform.regions.processing ? "ENABLED" : "DISABLED" # One mail, not one of each Region.

  event_pattern = jsonencode({
    account       = [local.platform.account_id]
    source        = ["lakeside.inventory"]
    "detail-type" = ["StockLevelChanged"]
    "replay-name" = [{ exists = false }]
    detail        = { data = { available = [{ numeric = ["<=", var.low_stock_units] }] } }
  })
}

resource "aws_cloudwatch_event_target" "low_stock" {
  rule           = aws_cloudwatch_event_rule.low_stock.name
  event_bus_name = aws_cloudwatch_event_rule.low_stock.event_bus_name
  target_id      = "topic"
  arn            = aws_sns_topic.low_stock.arn

  # A sentence for people; the fields beside it are what subscriptions filter by.
  input_transformer {
    input_paths = {
      sku       = "$.detail.data.sku"
      available = "$.detail.data.available"
      version   = "$.detail.data.version"
      at        = "$.detail.metadata.occurredAt"
    }

    input_template = <<-TEMPLATE
      {
        "alert": "<sku> runs low: <available> units may still be promised, as of <at>.",
        "sku": <sku>,
        "available": <available>,
        "version": <version>
      }
    TEMPLATE
  }

  dead_letter_config {
    arn = aws_sqs_queue.low_stock_dlq.arn
  }

  retry_policy {
    maximum_retry_attempts       = local.low_stock_retry.attempts
    maximum_event_age_in_seconds = local.low_stock_retry.age_seconds
  }
}

resource "aws_sns_topic" "low_stock" {
  name              = local.low_stock_name
  display_name      = "Lakeside stock"
  kms_master_key_id = local.platform.keys.messaging
}

data "aws_iam_policy_document" "low_stock" {
  for_each = {
    topic = { action = "sns:Publish", resource = aws_sns_topic.low_stock.arn }
    dlq   = { action = "sqs:SendMessage", resource = local.low_stock_dlq_arn }
  }

  statement {
    sid       = "TheRuleAlone"
    actions   = [each.value.action]
    resources = [each.value.resource]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.low_stock.arn]
    }
  }
}

resource "aws_sns_topic_policy" "low_stock" {
  arn    = aws_sns_topic.low_stock.arn
  policy = data.aws_iam_policy_document.low_stock["topic"].json
}

resource "aws_sns_topic_subscription" "low_stock" {
  for_each = var.low_stock_subscriptions

  topic_arn           = aws_sns_topic.low_stock.arn
  protocol            = "email"
  endpoint            = each.value.address
  filter_policy_scope = local.low_stock_filters[each.key] == null ? null : "MessageBody"
  filter_policy       = local.low_stock_filters[each.key]
}

locals {
  low_stock_dlq_name = "${local.low_stock_name}-dlq"
  low_stock_dlq_arn  = "arn:aws:sqs:${local.platform.region}:${local.platform.account_id}:${local.low_stock_dlq_name}"

  # What a subscription is narrowed to; null where it is told everything.
  low_stock_narrowed = {
    for name, subscription in var.low_stock_subscriptions : name => merge(
      length(subscription.sku_prefixes) == 0 ? {} : {
        sku = [for prefix in subscription.sku_prefixes : { prefix = prefix }]
      },
      subscription.units == null ? {} : { available = [{ numeric = ["<=", subscription.units] }] },
    )
  }
  low_stock_filters = {
    for name, narrowed in local.low_stock_narrowed : name => length(narrowed) == 0 ? null : jsonencode(narrowed)
  }
}

resource "aws_sqs_queue" "low_stock_dlq" {
  name                      = local.low_stock_dlq_name
  kms_master_key_id         = local.platform.keys.messaging
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.low_stock["dlq"].json
}

module "low_stock_alarms" {
  source = "../../platform-terraform/modules/alarms"

  platform = local.platform
  subject  = "low-stock"

  alarms = {
    dead-letters = {
      severity    = "ticket" # The next level says more.
      description = "Buyers were not told of low stock, as ${local.low_stock_dlq_name} says."
      objective   = "buyers are told of every SKU that runs low"
      runbook     = "dead-letter-queue"
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        messages = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.low_stock_dlq.name }
        }
      }
    }
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.low_stock_dead_letters
  to   = module.low_stock_alarms.aws_cloudwatch_metric_alarm.alarm["dead-letters"]
}
