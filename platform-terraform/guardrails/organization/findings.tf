# Serious findings do not wait to be looked up: a topic in the security account, to which the platform team subscribes.
locals {
  findings_name = "${var.prefix}-findings"

  findings = {
    guardduty = {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Finding"]
      detail      = { severity = [{ numeric = [">=", var.findings_severity] }] }
    }
    security-hub = {
      source      = ["aws.securityhub"]
      detail-type = ["Security Hub Findings - Imported"]
      detail = { findings = {
        ProductName = ["Security Hub"]
        RecordState = ["ACTIVE"]
        Severity    = { Label = ["CRITICAL"] }
        Workflow    = { Status = ["NEW"] }
      } }
    }
  }
}

resource "aws_sns_topic" "findings" {
  provider = aws.security

  name              = local.findings_name
  kms_master_key_id = aws_kms_key.audit.arn
}

data "aws_iam_policy_document" "findings" {
  statement {
    sid       = "TheRulesAlone"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.findings.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.findings : rule.arn]
    }
  }
}

resource "aws_sns_topic_policy" "findings" {
  provider = aws.security

  arn    = aws_sns_topic.findings.arn
  policy = data.aws_iam_policy_document.findings.json
}

resource "aws_cloudwatch_event_rule" "findings" {
  provider = aws.security
  for_each = local.findings

  name          = "${local.findings_name}-${each.key}"
  description   = "Findings of ${each.key} that somebody should hear of at once."
  event_pattern = jsonencode(each.value)
}

resource "aws_cloudwatch_event_target" "findings" {
  provider = aws.security
  for_each = local.findings

  rule = aws_cloudwatch_event_rule.findings[each.key].name
  arn  = aws_sns_topic.findings.arn

  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 86400
  }

  dead_letter_config {
    arn = aws_sqs_queue.findings_dlq.arn
  }
}

# What could not be sent for a day; the finding itself stays where it was found.
resource "aws_sqs_queue" "findings_dlq" {
  provider = aws.security

  name                      = "${local.findings_name}-dlq"
  kms_master_key_id         = aws_kms_key.audit.arn
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.findings_dlq.json
}

data "aws_iam_policy_document" "findings_dlq" {
  statement {
    sid       = "TheRulesAlone"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:aws:sqs:${local.region}:${var.security_account.id}:${local.findings_name}-dlq"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.findings : rule.arn]
    }
  }
}
