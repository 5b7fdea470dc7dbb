# One bus per domain: its owner alone publishes to it, anybody in the account may add rules.
locals {
  domains = toset(["orders", "inventory", "fulfilment", "growth"])
}

resource "aws_cloudwatch_event_bus" "domain" {
  for_each = local.domains

  name = "${var.prefix}-${each.key}"
  # Discovery cannot read a bus under a key of ours. Such a bus is encrypted with a key that AWS owns.
  kms_key_identifier = var.schema_discovery ? null : aws_kms_key.class["messaging"].arn
}

# Whoever is not of this account gets nothing here, whatever their own policies or a later grant say. Subscribers in other
# accounts are sent what they subscribe to (subscribers.tf), and need no right on a bus.
data "aws_iam_policy_document" "bus" {
  for_each = local.domains

  statement {
    sid     = "ThisAccountAlone"
    effect  = "Deny"
    actions = ["events:PutEvents", "events:PutRule", "events:PutTargets"]
    resources = [
      aws_cloudwatch_event_bus.domain[each.key].arn,
      "arn:aws:events:${local.region}:${local.account_id}:rule/${aws_cloudwatch_event_bus.domain[each.key].name}/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }

    # AWS's own services are of no account.
    condition {
      test     = "BoolIfExists"
      variable = "aws:PrincipalIsAWSService"
      values   = ["false"]
    }
  }
}

resource "aws_cloudwatch_event_bus_policy" "domain" {
  for_each = { for domain in local.domains : domain => domain if var.deny_other_accounts }

  event_bus_name = aws_cloudwatch_event_bus.domain[each.key].name
  policy         = data.aws_iam_policy_document.bus[each.key].json
}

resource "aws_cloudwatch_event_archive" "domain" {
  for_each = local.domains

  name             = "${var.prefix}-${each.key}"
  description      = "Everything said on the ${each.key} bus, for replay."
  event_source_arn = aws_cloudwatch_event_bus.domain[each.key].arn
  retention_days   = var.archive_retention_days
}
