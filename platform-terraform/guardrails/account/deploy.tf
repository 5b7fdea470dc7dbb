# What a squad's deployment may do: bring new code into its own functions and shift their aliases. It makes nothing and
# takes nothing away; that is what applying Terraform is for.
data "aws_iam_policy_document" "deploy" {
  for_each = local.squads

  statement {
    sid = "OwnFunctions"
    actions = [
      "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:GetProvisionedConcurrencyConfig",
      "lambda:ListVersionsByFunction", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
    ]
    # An alias is authorized by its function's ARN as well as by its own.
    resources = flatten([
      for function in each.value.functions : [
        "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-${function}",
        "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-${function}:live",
      ]
    ])
  }

  statement {
    sid       = "OwnPackages"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::${local.bucket_names.artifacts}/${each.key}/*"]
  }

  statement {
    sid       = "EncryptPackages"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.pipelines.arn]
  }

  statement {
    sid = "OwnDeployments"
    actions = [
      "codedeploy:CreateDeployment", "codedeploy:GetApplicationRevision", "codedeploy:GetDeployment",
      "codedeploy:GetDeploymentConfig", "codedeploy:GetDeploymentGroup", "codedeploy:ListDeployments",
      "codedeploy:RegisterApplicationRevision", "codedeploy:StopDeployment",
    ]
    resources = [
      "arn:aws:codedeploy:${local.region}:${local.account_id}:application:${var.prefix}-${each.key}",
      "arn:aws:codedeploy:${local.region}:${local.account_id}:deploymentconfig:${var.prefix}-${each.key}",
      "arn:aws:codedeploy:${local.region}:${local.account_id}:deploymentgroup:${var.prefix}-${each.key}/*",
    ]
  }

  statement {
    sid     = "Contracts"
    actions = ["ssm:GetParameter", "ssm:GetParameters"]
    resources = [
      "arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/deployments/${each.key}/*",
      "arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/platform/*",
    ]
  }

  statement {
    sid       = "OwnAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [for stem in each.value.stems : "arn:aws:cloudwatch:${local.region}:${local.account_id}:alarm:${var.prefix}-${stem}*"]
  }
}

resource "aws_iam_role_policy" "deploy" {
  for_each = local.squads

  name   = "deploy"
  role   = aws_iam_role.pipeline["deploy-${each.key}-${var.environment}"].id
  policy = data.aws_iam_policy_document.deploy[each.key].json
}
