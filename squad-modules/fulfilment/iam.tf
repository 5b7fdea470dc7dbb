# What the saga itself may do: send to three queues, call four functions, keep approvals, speak on its bus.
data "aws_iam_policy_document" "saga_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.platform.account_id]
    }
  }

  dynamic "statement" {
    for_each = length(var.function_role_auditors) > 0 ? [var.function_role_auditors] : []

    content {
      sid     = "Auditors"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }
    }
  }
}

data "aws_iam_policy_document" "saga" {
  statement {
    sid     = "SendCommands"
    actions = ["sqs:SendMessage"]
    resources = [
      local.inventory.reserve_stock.queue_arn,
      module.subscription["capture_payment"].queue.arn,
      module.subscription["refund_payment"].queue.arn,
    ]
  }

  statement {
    sid       = "EncryptCommands"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.platform.keys.messaging]
  }

  statement {
    sid     = "CallFunctions"
    actions = ["lambda:InvokeFunction"]
    resources = [
      local.inventory.functions.allocate,
      local.inventory.functions.release_stock,
      module.function["create_label"].alias_arn,
      module.function["void_label"].alias_arn,
    ]
  }

  statement {
    sid       = "RequestApprovals"
    actions   = ["dynamodb:PutItem"]
    resources = [module.table.arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["APPROVAL#*"]
    }
  }

  statement {
    sid       = "UseTheDataKey"
    actions   = ["kms:Decrypt"]
    resources = [local.platform.keys.data]
  }

  statement {
    sid       = "SayHowItEnded"
    actions   = ["events:PutEvents"]
    resources = [local.platform.buses["fulfilment"].arn]
  }

  # Step Functions delivers its logs through the account's log deliveries, which know no resources.
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.tracing ? [1] : []

    content {
      sid = "SendTraces"
      actions = [
        "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ]
      resources = ["*"] # X-Ray knows no resources.
    }
  }
}

resource "aws_iam_role" "saga" {
  name                 = "${local.state_machine_name}${local.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.saga_trust.json
  permissions_boundary = local.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "saga" {
  name   = "saga"
  role   = aws_iam_role.saga.id
  policy = data.aws_iam_policy_document.saga.json
}
