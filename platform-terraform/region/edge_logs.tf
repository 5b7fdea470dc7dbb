# What the edge writes down, in us-east-1, where CloudFront and its firewall keep their logs, under a key that is there.
locals {
  # Neither addresses nor agents, cookies, queries or paths with ids: what was asked for is said by the pattern that fitted.
  edge_access_fields = [
    "date", "time", "x-edge-location", "x-edge-request-id", "cs-method", "cache-behavior-path-pattern", "sc-status",
    "sc-bytes", "time-taken", "time-to-first-byte", "x-edge-result-type", "x-edge-detailed-result-type", "cs-protocol",
    "cs-protocol-version", "ssl-protocol",
  ]

  edge_log_groups = var.edge == null ? {} : merge(
    { access = "/${var.prefix}/edge/access" },
    var.firewall_logs ? { firewall = "aws-waf-logs-${var.prefix}-edge" } : {},
  )
}

data "aws_iam_policy_document" "edge_logs_key" {
  count = var.edge == null ? 0 : 1

  statement {
    sid       = "AccountDelegatesToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid       = "LogsOfThisAccount"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.us-east-1.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:us-east-1:${local.account_id}:log-group:*"]
    }
  }
}

resource "aws_kms_key" "edge_logs" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  description             = "Log groups of the edge."
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = data.aws_iam_policy_document.edge_logs_key[0].json
}

resource "aws_kms_alias" "edge_logs" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  name          = "alias/${var.prefix}-edge-logs"
  target_key_id = aws_kms_key.edge_logs[0].key_id
}

resource "aws_cloudwatch_log_group" "edge" {
  provider = aws.us_east_1
  for_each = local.edge_log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.edge_logs[0].arn
}

data "aws_iam_policy_document" "edge_log_delivery" {
  count = var.edge == null ? 0 : 1

  statement {
    sid       = "WriteWhatTheEdgeSays"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for group in values(aws_cloudwatch_log_group.edge) : "${group.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:logs:us-east-1:${local.account_id}:*"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "edge" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  policy_name     = "${var.prefix}-edge"
  policy_document = data.aws_iam_policy_document.edge_log_delivery[0].json
}

resource "aws_cloudwatch_log_delivery_source" "edge_access" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  name         = "${var.prefix}-edge-access"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.edge[0].arn
}

resource "aws_cloudwatch_log_delivery_destination" "edge_access" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  name          = "${var.prefix}-edge-access"
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = aws_cloudwatch_log_group.edge["access"].arn
  }
}

resource "aws_cloudwatch_log_delivery" "edge_access" {
  provider = aws.us_east_1
  count    = var.edge == null ? 0 : 1

  delivery_source_name     = aws_cloudwatch_log_delivery_source.edge_access[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.edge_access[0].arn
  record_fields            = local.edge_access_fields

  depends_on = [aws_cloudwatch_log_resource_policy.edge]
}
