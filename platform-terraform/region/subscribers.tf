# What accounts of others are sent of what is said here: a rule of ours for each bus they subscribe to, with a role that may
# put events on their bus and nothing else, and a dead-letter queue. They have no right on our buses. Their bus must let the
# role in; the output `event_subscribers` names it.
locals {
  # The detail-types that there are contracts for, by domain.
  detail_types = {
    for domain in local.domains : domain => [
      for name in keys(local.event_schemas) : split("@", name)[1] if startswith(name, "lakeside.${domain}@")
    ]
  }

  subscriber_targets = {
    for name, subscriber in var.event_subscribers :
    name => "arn:aws:events:${local.region}:${subscriber.account_id}:event-bus/${subscriber.bus_name}"
  }

  # One rule for each subscriber and bus: those of the detail-types that are said there, or all.
  subscriber_rules = merge([
    for name, subscriber in var.event_subscribers : {
      for domain in subscriber.buses : "${name}-${domain}" => {
        subscriber = name
        domain     = domain
        detail_types = subscriber.detail_types == null ? local.detail_types[domain] : [
          for type in subscriber.detail_types : type if contains(local.detail_types[domain], type)
        ]
      }
    }
  ]...)

  subscriber_dlqs = {
    for name in keys(var.event_subscribers) :
    name => "arn:aws:sqs:${local.region}:${local.account_id}:${var.prefix}-subscriber-${name}-dlq"
  }

  # Longer than they may be down.
  subscriber_retry = { attempts = 185, age_seconds = 86400 }
}

resource "aws_cloudwatch_event_rule" "subscriber" {
  for_each = local.subscriber_rules

  name           = "${var.prefix}-subscriber-${each.key}"
  description    = "What the account of ${each.value.subscriber} hears of ${each.value.domain}."
  event_bus_name = aws_cloudwatch_event_bus.domain[each.value.domain].name

  # They cannot tell a replay from the first time, so they are not sent one.
  event_pattern = jsonencode({
    account       = [local.account_id]
    source        = ["lakeside.${each.value.domain}"]
    "detail-type" = each.value.detail_types
    "replay-name" = [{ exists = false }]
  })

  lifecycle {
    precondition {
      condition     = length(each.value.detail_types) > 0
      error_message = "A subscriber names a bus on which none of its detail-types is said."
    }

    precondition {
      condition     = var.event_subscribers[each.value.subscriber].account_id != local.account_id
      error_message = "Who is in this account adds a rule of their own, and is no subscriber."
    }
  }
}

resource "aws_cloudwatch_event_target" "subscriber" {
  for_each = local.subscriber_rules

  rule           = aws_cloudwatch_event_rule.subscriber[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.subscriber[each.key].event_bus_name
  target_id      = each.value.subscriber
  arn            = local.subscriber_targets[each.value.subscriber]
  role_arn       = aws_iam_role.subscriber[each.value.subscriber].arn

  dead_letter_config {
    arn = aws_sqs_queue.subscriber_dlq[each.value.subscriber].arn
  }

  retry_policy {
    maximum_retry_attempts       = local.subscriber_retry.attempts
    maximum_event_age_in_seconds = local.subscriber_retry.age_seconds
  }
}

data "aws_iam_policy_document" "subscriber_trust" {
  for_each = var.event_subscribers

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for key, rule in local.subscriber_rules : aws_cloudwatch_event_rule.subscriber[key].arn if rule.subscriber == each.key]
    }
  }
}

data "aws_iam_policy_document" "subscriber" {
  for_each = var.event_subscribers

  statement {
    sid       = "TellTheSubscriber"
    actions   = ["events:PutEvents"]
    resources = [local.subscriber_targets[each.key]]
  }
}

resource "aws_iam_role" "subscriber" {
  for_each = var.event_subscribers

  name               = "${var.prefix}-subscriber-${each.key}${local.role_suffix}"
  assume_role_policy = data.aws_iam_policy_document.subscriber_trust[each.key].json
}

resource "aws_iam_role_policy" "subscriber" {
  for_each = var.event_subscribers

  name   = "tell-the-subscriber"
  role   = aws_iam_role.subscriber[each.key].id
  policy = data.aws_iam_policy_document.subscriber[each.key].json
}

# What they did not take for a day.
data "aws_iam_policy_document" "subscriber_dlq" {
  for_each = var.event_subscribers

  statement {
    sid       = "TheRulesAlone"
    actions   = ["sqs:SendMessage"]
    resources = [local.subscriber_dlqs[each.key]]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for key, rule in local.subscriber_rules : aws_cloudwatch_event_rule.subscriber[key].arn if rule.subscriber == each.key]
    }
  }
}

resource "aws_sqs_queue" "subscriber_dlq" {
  for_each = var.event_subscribers

  name                      = "${var.prefix}-subscriber-${each.key}-dlq"
  kms_master_key_id         = aws_kms_key.class["messaging"].arn
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.subscriber_dlq[each.key].json
}

module "subscriber_alarms" {
  source   = "../modules/alarms"
  for_each = var.event_subscribers

  platform = local.alarm_topics
  subject  = "subscriber-${each.key}"

  alarms = {
    dead-letters = {
      severity    = "ticket"
      description = "The account of ${each.key} did not take events for a day."
      objective   = "every event that is subscribed to arrives"
      runbook     = "event-subscribers"
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        messages = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.subscriber_dlq[each.key].name }
        }
      }
    }
  }
}
