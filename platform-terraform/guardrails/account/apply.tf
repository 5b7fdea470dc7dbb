# What a squad's Terraform may do: anything with what bears one of the squad's names, and roles under the boundary. A name
# is the only thing by which IAM tells one squad's resources from another's before they exist.
#
# IAM takes no wildcard for the service of an ARN, so each kind of resource is written down; and no policy that long, so
# there are three.
locals {
  owned_kinds = {
    computing = {
      lambda    = "function:"
      pipes     = "pipe/"
      scheduler = "schedule/default/"
      states    = "stateMachine:"
    }
    keeping = {
      dynamodb       = "table/"
      firehose       = "deliverystream/"
      secretsmanager = "secret:"
      sns            = ""
      sqs            = ""
    }
    watching = {
      cloudwatch = "alarm:"
      logs       = "log-group:*/" # Each service has a part of its own before the name.
    }
  }

  owned = merge([
    for squad in keys(local.squads) : { for group, kinds in local.owned_kinds : "${squad} ${group}" => { squad = squad, group = group, kinds = kinds } }
  ]...)
}

data "aws_iam_policy_document" "own" {
  for_each = local.owned

  # Whole services, but only on what is the squad's own: which calls a provider makes for a resource changes with its
  # versions, and is no boundary worth keeping.
  statement {
    sid     = "OwnResources"
    actions = [for service in keys(each.value.kinds) : "${service}:*"]
    resources = flatten([
      for service, kind in each.value.kinds : [
        for stem in local.squads[each.value.squad].stems : "arn:aws:${service}:${local.region}:${local.account_id}:${kind}${var.prefix}-${stem}*"
      ]
    ])
  }
}

resource "aws_iam_policy" "own" {
  for_each = local.owned

  name        = "${var.prefix}-apply-${each.value.squad}-${var.environment}-${each.value.group}"
  description = "What ${each.value.squad} owns by name: ${each.value.group}."
  policy      = data.aws_iam_policy_document.own[each.key].json
}

resource "aws_iam_role_policy_attachment" "own" {
  for_each = local.owned

  role       = aws_iam_role.pipeline["apply-${each.value.squad}-${var.environment}"].name
  policy_arn = aws_iam_policy.own[each.key].arn
}

data "aws_iam_policy_document" "apply" {
  for_each = local.squads

  # Terraform makes tables and secrets; what is in them is not its business.
  statement {
    sid    = "NotWhatIsInThem"
    effect = "Deny"
    actions = [
      "dynamodb:*Item", "dynamodb:PartiQL*", "dynamodb:Query", "dynamodb:Scan", "lambda:InvokeFunction",
      "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery", "secretsmanager:GetSecretValue",
      "sqs:ReceiveMessage", "sqs:SendMessage", "states:GetExecutionHistory", "states:StartExecution",
    ]
    resources = ["*"]
  }

  statement {
    sid     = "OwnDeployments"
    actions = ["codedeploy:*"]
    resources = [
      "arn:aws:codedeploy:${local.region}:${local.account_id}:application:${var.prefix}-${each.key}",
      "arn:aws:codedeploy:${local.region}:${local.account_id}:deploymentconfig:${var.prefix}-${each.key}",
      "arn:aws:codedeploy:${local.region}:${local.account_id}:deploymentgroup:${var.prefix}-${each.key}/*",
    ]
  }

  statement {
    sid     = "OwnRules"
    actions = ["events:*"]
    resources = [
      for stem in each.value.stems : "arn:aws:events:${local.region}:${local.account_id}:rule/*/${var.prefix}-${stem}*"
    ]
  }

  # A mapping has an id and no name: it is the squad's by the function that it feeds.
  statement {
    sid       = "OwnMappings"
    actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = [for stem in each.value.stems : "arn:aws:lambda:${local.region}:${local.account_id}:function:${var.prefix}-${stem}*"]
    }
  }

  statement {
    sid       = "OwnRolesUnderTheBoundary"
    actions   = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    resources = [for stem in each.value.stems : "arn:aws:iam::${local.account_id}:role/${var.prefix}-${stem}*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn]
    }
  }

  statement {
    sid = "OwnRoles"
    actions = [
      "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:GetRole", "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:TagRole",
      "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
    resources = [for stem in each.value.stems : "arn:aws:iam::${local.account_id}:role/${var.prefix}-${stem}*"]
  }

  statement {
    sid       = "OwnRolesToServices"
    actions   = ["iam:PassRole"]
    resources = [for stem in each.value.stems : "arn:aws:iam::${local.account_id}:role/${var.prefix}-${stem}*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values = [
        "codedeploy.amazonaws.com", "events.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com",
        "pipes.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com",
      ]
    }
  }

  statement {
    sid = "OwnBuckets"
    actions = [
      "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:Get*Configuration", "s3:GetBucket*",
      "s3:ListBucket", "s3:Put*Configuration", "s3:PutBucket*",
    ]
    resources = [for stem in each.value.stems : "arn:aws:s3:::${var.prefix}-${stem}*"]
  }

  # The platform's keys, for what the squad encrypts by them; by their aliases, for their ids are the platform's business.
  statement {
    sid       = "PlatformsKeys"
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = ["arn:aws:kms:${local.region}:${local.account_id}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [for class in ["data", "logs", "messaging"] : "alias/${var.prefix}-${class}"]
    }
  }

  statement {
    sid       = "Contracts"
    actions   = ["ssm:GetParameter", "ssm:GetParameters"]
    resources = ["arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/*"]
  }

  statement {
    sid     = "OwnContracts"
    actions = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:ListTagsForResource", "ssm:PutParameter"]
    resources = [
      "arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/${each.key}/*",
      "arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/deployments/${each.key}/*",
      "arn:aws:ssm:${local.region}:${local.account_id}:parameter/${var.prefix}/operations/${each.key}/*",
    ]
  }

  statement {
    sid       = "OwnState"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for suffix in ["", ".tflock"] : "arn:aws:s3:::${local.bucket_names.state}/${var.prefix}/squads/${each.key}.tfstate${suffix}"]
  }

  statement {
    sid       = "FindTheState"
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::${local.bucket_names.state}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.prefix}/squads/${each.key}.tfstate*"]
    }
  }

  statement {
    sid       = "OwnPackages"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::${local.bucket_names.artifacts}/${each.key}/*"]
  }

  statement {
    sid       = "EncryptStateAndPackages"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.pipelines.arn]
  }

  # What a plan asks for of everything there is, and what knows no names of ours: mail identities, catalogues, log
  # deliveries.
  statement {
    sid = "LookAround"
    actions = [
      "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", "dynamodb:ListStreams", "glue:*Database*",
      "glue:*Table*", "glue:GetTags", "kms:ListAliases", "lambda:GetEventSourceMapping",
      "lambda:ListEventSourceMappings", "lambda:ListTags", "logs:*LogDelivery", "logs:DescribeLogGroups",
      "logs:DescribeMetricFilters", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy", "ses:*EmailIdentity*",
      "sns:GetSubscriptionAttributes", "ssm:DescribeParameters", "states:ListStateMachineVersions",
      "states:ValidateStateMachineDefinition",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "apply" {
  for_each = local.squads

  name   = "apply"
  role   = aws_iam_role.pipeline["apply-${each.key}-${var.environment}"].id
  policy = data.aws_iam_policy_document.apply[each.key].json
}
