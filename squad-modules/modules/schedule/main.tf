# A function that is invoked by the clock: the schedule, the one role that may invoke it, and where a missed run goes.
locals {
  full_name = "${var.platform.prefix}-${var.function.name}"
}

resource "aws_scheduler_schedule" "schedule" {
  name                = local.full_name
  description         = "Invokes ${local.full_name}."
  schedule_expression = var.expression
  state               = var.platform.regions.processing ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.function.alias_arn
    role_arn = aws_iam_role.schedule.arn

    # A run that is late is as good as the next one.
    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 300
    }

    dead_letter_config {
      arn = aws_sqs_queue.missed.arn
    }
  }
}

resource "aws_sqs_queue" "missed" {
  name                      = "${local.full_name}-dlq"
  kms_master_key_id         = var.platform.keys.messaging
  message_retention_seconds = 1209600
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.platform.account_id]
    }

    # Scheduler names the group, not the schedule.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:aws:scheduler:${var.platform.region}:${var.platform.account_id}:schedule-group/default"]
    }
  }
}

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "Invoke"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.function.alias_arn]
  }

  statement {
    sid       = "ParkMissedRuns"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.missed.arn]
  }

  statement {
    sid       = "EncryptMissedRuns"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.platform.keys.messaging]
  }
}

resource "aws_iam_role" "schedule" {
  name                 = "${local.full_name}-schedule${var.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "invoke" {
  name   = "invoke"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.invoke.json
}
