# The function's role: its logs, its tables' items, and what it is given. Nothing else.
locals {
  network_actions = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
  ]
  network_lookups = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = length(var.settings.function_role_auditors) > 0 ? [var.settings.function_role_auditors] : []

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

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.logs.arn}:*"]
  }

  dynamic "statement" {
    for_each = var.settings.tracing ? [1] : []

    content {
      sid       = "SendTraces"
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"] # X-Ray knows no resources.
    }
  }

  statement {
    sid       = "UseTheDataKey"
    actions   = ["kms:Decrypt"]
    resources = [var.platform.keys.data]
  }

  # Lambda joins the network with the function's own role. Which interface it will be is not known, and looking for one
  # knows no resources; so the function itself is denied what Lambda does in its name.
  dynamic "statement" {
    for_each = var.in_network ? [1] : []

    content {
      sid     = "JoinTheNetwork"
      actions = local.network_actions
      resources = [
        "arn:aws:ec2:${var.platform.region}:${var.platform.account_id}:*/*",
      ]
    }
  }

  dynamic "statement" {
    for_each = var.in_network ? [1] : []

    content {
      sid       = "FindTheNetwork"
      actions   = local.network_lookups
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.in_network ? [1] : []

    content {
      sid       = "LambdaAlone"
      effect    = "Deny"
      actions   = concat(local.network_actions, local.network_lookups)
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:aws:lambda:${var.platform.region}:${var.platform.account_id}:function:${local.full_name}"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.tables

    content {
      sid       = statement.key
      actions   = [for action in statement.value.actions : "dynamodb:${action}"]
      resources = [statement.value.arn]

      condition {
        test     = "ForAllValues:StringLike"
        variable = "dynamodb:LeadingKeys"
        values   = statement.value.leading_keys
      }

      # Keys are attributes too. A request that names no attributes would get all of them.
      dynamic "condition" {
        for_each = statement.value.attributes == null ? [] : [concat(["pk", "sk"], statement.value.attributes)]

        content {
          test     = "ForAllValues:StringEquals"
          variable = "dynamodb:Attributes"
          values   = condition.value
        }
      }

      dynamic "condition" {
        for_each = statement.value.attributes == null ? [] : ["SPECIFIC_ATTRIBUTES"]

        content {
          test     = "StringEqualsIfExists"
          variable = "dynamodb:Select"
          values   = [condition.value]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.statements

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role" "function" {
  name                 = "${local.full_name}${var.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}
