# Security Hub, configured from the security account: one policy for all accounts, in this Region and every linked one.
locals {
  security_hub   = var.detection.security_hub ? { security = var.security_account.id } : {}
  linked_regions = setsubtract(var.allowed_regions, [local.region])
}

resource "aws_securityhub_account" "security" {
  provider = aws.security
  for_each = local.security_hub

  enable_default_standards  = false # The policy below says which.
  control_finding_generator = "SECURITY_CONTROL"
  auto_enable_controls      = true
}

resource "aws_securityhub_organization_admin_account" "security" {
  for_each = local.security_hub

  admin_account_id = each.value

  depends_on = [aws_securityhub_account.security]
}

resource "aws_securityhub_finding_aggregator" "regions" {
  provider = aws.security
  for_each = local.security_hub

  linking_mode      = length(local.linked_regions) > 0 ? "SPECIFIED_REGIONS" : "NO_REGIONS"
  specified_regions = length(local.linked_regions) > 0 ? local.linked_regions : null

  depends_on = [aws_securityhub_organization_admin_account.security]
}

resource "aws_securityhub_organization_configuration" "central" {
  provider = aws.security
  for_each = local.security_hub

  auto_enable           = false # Accounts are enabled by the policy below.
  auto_enable_standards = "NONE"

  organization_configuration {
    configuration_type = "CENTRAL"
  }

  depends_on = [aws_securityhub_finding_aggregator.regions]
}

resource "aws_securityhub_configuration_policy" "standards" {
  provider = aws.security
  for_each = local.security_hub

  name        = "${var.prefix}-standards"
  description = "The standards that every account is held to."

  configuration_policy {
    service_enabled       = true
    enabled_standard_arns = [for standard in var.security_standards : "arn:aws:securityhub:${local.region}::standards/${standard}"]

    security_controls_configuration {
      disabled_control_identifiers = []
    }
  }

  depends_on = [aws_securityhub_organization_configuration.central]
}

resource "aws_securityhub_configuration_policy_association" "everywhere" {
  provider = aws.security
  for_each = local.security_hub

  policy_id = aws_securityhub_configuration_policy.standards[each.key].id
  target_id = local.root_id
}
