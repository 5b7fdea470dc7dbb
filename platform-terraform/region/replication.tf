# What is said on a bus here is said on the bus of the same name in the other Region. There it waits in the queues of
# consumers that stand by.
#
# An event keeps the Region in which it was published. Only what was published here is forwarded, so nothing comes back,
# whichever of the two works. What is replayed here was forwarded when it was new.
locals {
  # Longer than most outages. What is given up is in the archive here, and in the outboxes of the replicated tables.
  forward_retry = { attempts = 185, age_seconds = 86400 }

  forwarded = { for pair in setproduct(local.domains, local.peers) : pair[0] => pair[1] }

  forward_dlq_name = "${var.prefix}-forward-events-dlq"
  forward_dlq_arn  = "arn:aws:sqs:${local.region}:${local.account_id}:${local.forward_dlq_name}"
  peer_bus_arns = {
    for domain, region in local.forwarded :
    domain => "arn:aws:events:${region}:${local.account_id}:event-bus/${var.prefix}-${domain}"
  }
}

resource "aws_cloudwatch_event_rule" "forward" {
  for_each = local.forwarded

  name           = "${var.prefix}-forward-${each.key}"
  description    = "What ${each.key} says here, for ${each.value}."
  event_bus_name = aws_cloudwatch_event_bus.domain[each.key].name

  event_pattern = jsonencode({
    source      = ["lakeside.${each.key}"]
    region      = [local.region]
    replay-name = [{ exists = false }]
  })
}

resource "aws_cloudwatch_event_target" "forward" {
  for_each = local.forwarded

  rule           = aws_cloudwatch_event_rule.forward[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.forward[each.key].event_bus_name
  target_id      = each.value
  arn            = local.peer_bus_arns[each.key]
  role_arn       = aws_iam_role.forward[each.value].arn

  dead_letter_config {
    arn = aws_sqs_queue.forward_dlq[each.value].arn
  }

  retry_policy {
    maximum_retry_attempts       = local.forward_retry.attempts
    maximum_event_age_in_seconds = local.forward_retry.age_seconds
  }
}

resource "aws_sqs_queue" "forward_dlq" {
  for_each = local.peers

  name                      = local.forward_dlq_name
  kms_master_key_id         = aws_kms_key.class["messaging"].arn
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.forward_dlq.json
}

data "aws_iam_policy_document" "forward_dlq" {
  statement {
    sid       = "TheRulesAlone"
    actions   = ["sqs:SendMessage"]
    resources = [local.forward_dlq_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.forward : rule.arn]
    }
  }
}

data "aws_iam_policy_document" "forward_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.forward : rule.arn]
    }
  }
}

data "aws_iam_policy_document" "forward" {
  statement {
    sid       = "ForwardEvents"
    actions   = ["events:PutEvents"]
    resources = values(local.peer_bus_arns)
  }
}

resource "aws_iam_role" "forward" {
  for_each = local.peers

  name               = "${var.prefix}-forward-events${local.role_suffix}"
  assume_role_policy = data.aws_iam_policy_document.forward_trust.json
}

resource "aws_iam_role_policy" "forward" {
  for_each = local.peers

  name   = "forward-events"
  role   = aws_iam_role.forward[each.key].id
  policy = data.aws_iam_policy_document.forward.json
}

module "replication_alarms" {
  source   = "../modules/alarms"
  for_each = local.peers

  platform = local.alarm_topics

  alarms = {
    forward-events-dead-letters = {
      severity    = "page"
      description = "Events did not reach ${each.value} for a day."
      objective   = "every event is known in both Regions"
      runbook     = "region-failover"
      graph       = "Dead letters"
      threshold   = 0

      metrics = {
        messages = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          statistic  = "Maximum"
          dimensions = { QueueName = aws_sqs_queue.forward_dlq[each.key].name }
        }
      }
    }

    # How far the tables there are behind: what a failover would lose for as long as this Region is gone. DynamoDB says
    # nothing while nothing is written.
    replication-behind = {
      severity    = "page"
      description = "The directory's replica in ${each.key} is behind, and with it most likely every table's."
      objective   = "no write takes more than 60 s to the other Region"
      runbook     = "region-failover"
      graph       = "Latency of replication in ms"
      expression  = "FILL(latency, 0)"
      threshold   = 60000
      periods     = 3

      metrics = {
        latency = {
          namespace  = "AWS/DynamoDB"
          name       = "ReplicationLatency"
          statistic  = "Maximum"
          dimensions = { TableName = local.directory, ReceivingRegion = each.key }
        }
      }
    }
  }
}
