# What Config has recorded in all accounts and Regions, seen from the security account. Recorders and rules belong to the
# accounts themselves: see guardrails/account.
data "aws_iam_policy_document" "aggregator_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["config.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.security_account.id]
    }
  }
}

data "aws_iam_policy_document" "aggregator" {
  statement {
    sid = "SeeTheOrganization"
    actions = [
      "organizations:DescribeOrganization", "organizations:ListAWSServiceAccessForOrganization",
      "organizations:ListAccounts", "organizations:ListDelegatedAdministrators",
    ]
    resources = ["*"] # Organizations knows no resources for these.
  }
}

resource "aws_iam_role" "aggregator" {
  provider = aws.security

  name               = "${var.prefix}-config-aggregator"
  assume_role_policy = data.aws_iam_policy_document.aggregator_trust.json
}

resource "aws_iam_role_policy" "aggregator" {
  provider = aws.security

  name   = "see-the-organization"
  role   = aws_iam_role.aggregator.id
  policy = data.aws_iam_policy_document.aggregator.json
}

resource "aws_config_configuration_aggregator" "organization" {
  provider = aws.security

  name = "${var.prefix}-organization"

  organization_aggregation_source {
    all_regions = true
    role_arn    = aws_iam_role.aggregator.arn
  }

  depends_on = [aws_iam_role_policy.aggregator, aws_organizations_delegated_administrator.config]
}
