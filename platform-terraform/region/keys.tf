# One key per class of data, so that a grant on one says nothing about the others.
locals {
  key_classes = {
    data      = "Tables and what functions keep in their environment."
    directory = "Names, addresses, mail and phone: the directory alone."
    messaging = "Buses, queues and topics."
    logs      = "Log groups."
    secrets   = "Secrets of the squads, such as credentials of partners."
  }

  # AWS services that use a key on their own behalf, and only for this account's resources.
  key_services = {
    data      = []
    directory = []
    messaging = ["events.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com"]
    logs      = ["logs.${data.aws_region.current.name}.amazonaws.com"]
    secrets   = []
  }

  # Secrets Manager uses a key in the name of whoever asks for a secret. Nobody needs the key without it.
  key_ways = {
    secrets = ["secretsmanager.${data.aws_region.current.name}.amazonaws.com"]
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_iam_policy_document" "key" {
  for_each = local.key_classes

  statement {
    sid       = "AccountDelegatesToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  dynamic "statement" {
    for_each = contains(keys(local.key_ways), each.key) ? [local.key_ways[each.key]] : []

    content {
      sid       = "NotWithoutItsService"
      effect    = "Deny"
      actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "StringNotEquals"
        variable = "kms:ViaService"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.key_services[each.key]) > 0 ? [local.key_services[each.key]] : []

    content {
      sid       = "ServicesOfThisAccount"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = statement.value
      }

      # CloudWatch Logs names the log group in the encryption context and no source account.
      dynamic "condition" {
        for_each = each.key == "logs" ? [] : [data.aws_caller_identity.current.account_id]

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [condition.value]
        }
      }

      dynamic "condition" {
        for_each = each.key == "logs" ? [data.aws_caller_identity.current.account_id] : []

        content {
          test     = "ArnLike"
          variable = "kms:EncryptionContext:aws:logs:arn"
          values   = ["arn:aws:logs:${data.aws_region.current.name}:${condition.value}:log-group:*"]
        }
      }
    }
  }
}

resource "aws_kms_key" "class" {
  for_each = local.key_classes

  description             = each.value
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days
  policy                  = data.aws_iam_policy_document.key[each.key].json
}

resource "aws_kms_alias" "class" {
  for_each = local.key_classes

  name          = "alias/${var.prefix}-${each.key}"
  target_key_id = aws_kms_key.class[each.key].key_id
}
