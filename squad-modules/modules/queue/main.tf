# One consumer's queue and its dead-letter queue, with the policies that let exactly its rules send to them.
locals {
  # SQS tells a FIFO queue by its name, and takes only such a one for its dead letters.
  suffix    = var.fifo ? ".fifo" : ""
  base_name = "${var.platform.prefix}-${var.name}"
  full_name = "${local.base_name}${local.suffix}"
  base_arn  = "arn:aws:sqs:${var.platform.region}:${var.platform.account_id}"
  dlq_name  = "${local.base_name}-dlq${local.suffix}"
  arns      = { queue = "${local.base_arn}:${local.full_name}", dlq = "${local.base_arn}:${local.dlq_name}" }

  dlq_retention_seconds = 1209600
}

# Without rules nobody needs a policy: who sends has a grant of its own.
data "aws_iam_policy_document" "rules" {
  for_each = { for name, arn in local.arns : name => arn if length(var.rule_arns) > 0 }

  statement {
    sid       = "RulesOfThisQueue"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = var.rule_arns
    }
  }
}

# The policies are in the queues themselves: as resources of their own each costs the provider another wait.
resource "aws_sqs_queue" "dlq" {
  name                      = local.dlq_name
  kms_master_key_id         = var.platform.keys.messaging
  message_retention_seconds = local.dlq_retention_seconds
  policy                    = try(data.aws_iam_policy_document.rules["dlq"].json, null)
  fifo_queue                = var.fifo

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arns.queue]
  })
}

resource "aws_sqs_queue" "queue" {
  name                       = local.full_name
  kms_master_key_id          = var.platform.keys.messaging
  message_retention_seconds  = var.retention_seconds
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = var.visibility_timeout_seconds
  policy                     = try(data.aws_iam_policy_document.rules["queue"].json, null)
  fifo_queue                 = var.fifo

  # Each group has its own order, its own deduplication and its own share of the throughput.
  deduplication_scope   = var.fifo ? "messageGroup" : null
  fifo_throughput_limit = var.fifo ? "perMessageGroupId" : null

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq.arn
    maxReceiveCount     = var.max_receive_count
  })
}
