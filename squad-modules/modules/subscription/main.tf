# One consumer: rules, queue, dead-letter queue, and the mapping that feeds its function.
locals {
  # AWS recommends six times the function's timeout, plus the batching window, which is zero here.
  visibility_timeout_seconds = 6 * var.function.timeout_seconds

  # Longer than a consumer may be down, shorter than messages are kept.
  target_retry = { attempts = 185, age_seconds = 86400 }
}

resource "aws_cloudwatch_event_rule" "rule" {
  for_each = var.rules

  name           = "${var.platform.prefix}-${var.function.name}-${each.key}"
  description    = "What ${var.function.name} hears on ${each.value.bus}."
  event_bus_name = each.value.bus

  event_pattern = jsonencode(merge(
    { source = each.value.sources, "detail-type" = each.value.detail_types },
    each.value.detail == null ? {} : { detail = jsondecode(each.value.detail) },
  ))
}

module "queue" {
  source = "../queue"

  name                       = var.function.name
  platform                   = var.platform
  visibility_timeout_seconds = local.visibility_timeout_seconds
  max_receive_count          = var.max_receive_count
  oldest_message_seconds     = var.oldest_message_seconds
  rule_arns                  = [for rule in aws_cloudwatch_event_rule.rule : rule.arn]
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = var.rules

  rule           = aws_cloudwatch_event_rule.rule[each.key].name
  event_bus_name = each.value.bus
  target_id      = var.function.name
  arn            = module.queue.arn

  dead_letter_config {
    arn = module.queue.dlq_arn
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
    resources = [module.queue.arn]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.platform.keys.messaging]
  }
}

resource "aws_iam_role_policy" "consume" {
  name   = "consume"
  role   = var.function.role.name
  policy = data.aws_iam_policy_document.consume.json
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn        = module.queue.arn
  function_name           = var.function.alias_arn
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  depends_on = [aws_iam_role_policy.consume]
}
