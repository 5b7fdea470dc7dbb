# How workflows of GitHub get into this account: by a token that says which repository and which of its environments they
# run in. There are no keys that last.
#
# A role trusts one subject, compared as a whole. Who may use an environment is GitHub's business: its protection rules say
# which branches, and whose approval.
locals {
  github = "token.actions.githubusercontent.com"

  roles = merge(
    {
      for squad in keys(local.squads) : "deploy-${squad}-${var.environment}" => {
        subject     = "environment:${squad}-${var.environment}"
        description = "Puts new code of the functions of ${squad} into service."
      }
    },
    {
      for squad in keys(local.squads) : "apply-${squad}-${var.environment}" => {
        subject     = "environment:${squad}-${var.environment}"
        description = "Applies the Terraform of ${squad}."
      }
    },
    {
      "deploy-platform-${var.environment}" = {
        subject     = "environment:platform-${var.environment}"
        description = "Applies the platform's Terraform."
      }
      "plan-${var.environment}" = {
        subject     = "pull_request"
        description = "Plans every root for a pull request, and changes nothing."
      }
    },
  )
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:sub"
      values   = ["repo:${var.github_repository}:${each.value.subject}"]
    }
  }
}

resource "aws_iam_role" "pipeline" {
  for_each = local.roles

  name                 = "${var.prefix}-${each.key}"
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600

  lifecycle {
    precondition {
      condition     = length("${var.prefix}-${each.key}") <= 64
      error_message = "IAM takes names of up to 64 characters: give the environment or the prefix a shorter one."
    }
  }
}
