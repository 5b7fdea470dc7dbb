# CodeDeploy's role: the aliases of these functions and their alarms. Nothing else.
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["codedeploy.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.platform.account_id]
    }
  }
}

data "aws_iam_policy_document" "code_deploy" {
  count = var.settings.canary == null ? 0 : 1

  statement {
    sid     = "ShiftAliases"
    actions = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    # An alias is authorized by its function's ARN as well as by its own.
    resources = flatten([
      for function in values(local.shifted) : [
        for suffix in ["", ":${function.alias}"] :
        "arn:aws:lambda:${var.platform.region}:${var.platform.account_id}:function:${function.function}${suffix}"
      ]
    ])
  }

  statement {
    sid       = "WatchAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [for name in values(local.alarm_names) : "arn:aws:cloudwatch:${var.platform.region}:${var.platform.account_id}:alarm:${name}"]
  }
}

resource "aws_iam_role" "code_deploy" {
  count = var.settings.canary == null ? 0 : 1

  name                 = "${local.name}-code-deploy${var.platform.regions.role_suffix}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.platform.permissions_boundary_arn
}

resource "aws_iam_role_policy" "code_deploy" {
  count = var.settings.canary == null ? 0 : 1

  name   = "code-deploy"
  role   = aws_iam_role.code_deploy[0].id
  policy = data.aws_iam_policy_document.code_deploy[0].json
}
