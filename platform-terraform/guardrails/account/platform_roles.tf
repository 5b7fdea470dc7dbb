# What the platform's own pipeline may do: everything in the account but its guardrails, which are applied by hand and by
# another role.
data "aws_iam_policy_document" "platform" {
  statement {
    sid = "PlatformsRoles"
    actions = [
      "iam:AttachRolePolicy", "iam:CreateRole", "iam:CreateServiceLinkedRole", "iam:DeleteRole", "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:TagRole",
      "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
    resources = [
      "arn:aws:iam::${local.account_id}:role/${var.prefix}-*",
      "arn:aws:iam::${local.account_id}:role/aws-service-role/*",
    ]
  }

  statement {
    sid       = "LookAtRoles"
    actions   = ["iam:Get*", "iam:List*"]
    resources = ["*"]
  }

  statement {
    sid     = "NotTheGuardrails"
    effect  = "Deny"
    actions = ["iam:AttachRolePolicy", "iam:Create*", "iam:Delete*", "iam:DetachRolePolicy", "iam:PassRole", "iam:Put*", "iam:SetDefault*", "iam:Tag*", "iam:Untag*", "iam:Update*"]
    resources = concat(
      [local.boundary_arn, aws_iam_openid_connect_provider.github.arn, aws_iam_role.config.arn],
      [for kind in ["apply", "deploy", "plan"] : "arn:aws:iam::${local.account_id}:role/${var.prefix}-${kind}-*"],
    )
  }

  statement {
    sid       = "NotTheSquadsStates"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::${local.bucket_names.state}/${var.prefix}/guardrails/*", "arn:aws:s3:::${local.bucket_names.state}/${var.prefix}/squads/*"]
  }
}

resource "aws_iam_role_policy_attachment" "platform" {
  role       = aws_iam_role.pipeline["deploy-platform-${var.environment}"].name
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess" # Everything but IAM and Organizations.
}

resource "aws_iam_role_policy" "platform" {
  name   = "apply"
  role   = aws_iam_role.pipeline["deploy-platform-${var.environment}"].id
  policy = data.aws_iam_policy_document.platform.json
}

# What planning may do, for whoever opens a pull request: see how everything is set up, and nothing of what is in it.
data "aws_iam_policy_document" "plan" {
  statement {
    sid       = "States"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::${local.bucket_names.state}", "arn:aws:s3:::${local.bucket_names.state}/${var.prefix}/*"]
  }

  statement {
    sid       = "DecryptStates"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.pipelines.arn]
  }

  statement {
    sid    = "NotWhatIsInThem"
    effect = "Deny"
    actions = [
      "athena:GetQueryResults", "athena:StartQueryExecution", "cognito-idp:AdminGetUser", "cognito-idp:ListUsers*",
      "dynamodb:*Item", "dynamodb:GetRecords", "dynamodb:PartiQL*", "dynamodb:Query", "dynamodb:Scan",
      "kinesis:GetRecords", "lambda:InvokeFunction", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetQueryResults",
      "logs:StartLiveTail", "logs:StartQuery", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage",
      "states:DescribeExecution", "states:GetExecutionHistory", "xray:BatchGetTraces",
    ]
    resources = ["*"]
  }

  statement {
    sid           = "NoOtherObjects"
    effect        = "Deny"
    actions       = ["s3:GetObject*"]
    not_resources = ["arn:aws:s3:::${local.bucket_names.state}/${var.prefix}/*"]
  }

  statement {
    sid           = "NoOtherParameters"
    effect        = "Deny"
    actions       = ["ssm:GetParameter*"]
    not_resources = ["arn:aws:ssm:*:${local.account_id}:parameter/${var.prefix}/*"]
  }
}

resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.pipeline["plan-${var.environment}"].name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "plan" {
  name   = "plan"
  role   = aws_iam_role.pipeline["plan-${var.environment}"].id
  policy = data.aws_iam_policy_document.plan.json
}
