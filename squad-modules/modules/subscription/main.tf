# One consumer: rules, queue, dead-letter queue, and the mapping that feeds its function.
locals {
  # Where the sender must know the queue before there is a consumer, the queue is there already.
  queue = one(concat(
    [
      for queue in module.queue : {
        name                       = queue.name
        arn                        = queue.arn
        url                        = queue.url
        dlq_arn                    = queue.dlq_arn
        dlq_url                    = queue.dlq_url
        visibility_timeout_seconds = queue.visibility_timeout_seconds
      }
    ],
    var.queue[*],
  ))

  # AWS recommends six times the function's timeout, plus the batching window, which is zero here.
  visibility_timeout_seconds = 6 * var.function.timeout_seconds

  # Longer than a consumer may be down, shorter than messages are kept.
  target_retry = { attempts = 185, age_seconds = 86400 }

  # Where another Region works, its events gather here for an hour: enough to go on with what is under way, and no more
  # to work off than a minute's worth. Commands are kept in full, whoever works.
  gathers           = !var.platform.regions.processing && length(var.rules) > 0
  retention_seconds = local.gathers ? 3600 : 345600
}

resource "aws_cloudwatch_event_rule" "rule" {
  for_each = var.rules

  name           = "${var.platform.prefix}-${var.function.name}-${each.key}"
  description    = "What ${var.function.name} hears on ${each.value.bus}."
  event_bus_name = each.value.bus

  # Whoever else may get an event onto the bus: it counts as said by us only if this account said it.
  event_pattern = jsonencode(merge(
    { account = [var.platform.account_id], source = each.value.sources, "detail-type" = each.value.detail_types },
    each.value.detail == null ? {} : { detail = jsondecode(each.value.detail) },
  ))
}

module "queue" {
  source   = "../queue"
  for_each = toset(var.queue == null ? ["own"] : [])

  name                       = var.function.name
  platform                   = var.platform
  visibility_timeout_seconds = local.visibility_timeout_seconds
  max_receive_count          = var.max_receive_count
  oldest_message_seconds     = var.oldest_message_seconds
  runbooks                   = var.runbooks
  retention_seconds          = local.retention_seconds
  rule_arns                  = [for rule in aws_cloudwatch_event_rule.rule : rule.arn]
}

moved {
  from = module.queue
  to   = module.queue["own"]
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = var.rules

  rule           = aws_cloudwatch_event_rule.rule[each.key].name
  event_bus_name = each.value.bus
  target_id      = var.function.name
  arn            = local.queue.arn

  dead_letter_config {
    arn = local.queue.dlq_arn
  }

  retry_policy {
    maximum_retry_attempts       = local.target_retry.attempts
    maximum_event_age_in_seconds = local.target_retry.age_seconds
  }
}

data "aws_iam_policy_document" "consume" {
  statement {
    sid       = "Consume"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue.arn]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.platform.keys.messaging]
  }
}

resource "aws_iam_role_policy" "consume" {
  name   = var.queue == null ? "consume" : "consume-${local.queue.name}" # A function may have several queues.
  role   = var.function.role.name
  policy = data.aws_iam_policy_document.consume.json
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn        = local.queue.arn
  function_name           = var.function.alias_arn
  enabled                 = var.platform.regions.processing
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  depends_on = [aws_iam_role_policy.consume]

  lifecycle {
    precondition {
      condition     = local.queue.visibility_timeout_seconds >= local.visibility_timeout_seconds
      error_message = "The queue must hide messages for at least six times the function's timeout."
    }
  }
}
