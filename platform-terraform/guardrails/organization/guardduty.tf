# GuardDuty in every account, looked after by the security account.
#
# Delegation switches GuardDuty on in the account that it delegates to, where Terraform could then no longer make the
# detector: hence the order.
resource "aws_guardduty_detector" "security" {
  provider = aws.security

  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_guardduty_organization_admin_account" "security" {
  for_each = local.members

  admin_account_id = var.security_account.id

  depends_on = [aws_guardduty_detector.security]
}

resource "aws_guardduty_detector_feature" "security" {
  provider = aws.security
  for_each = var.detection.organization_wide ? var.guardduty_features : []

  detector_id = aws_guardduty_detector.security.id
  name        = each.key
  status      = "ENABLED"
}

resource "aws_guardduty_organization_configuration" "members" {
  provider = aws.security
  for_each = local.members

  detector_id                      = aws_guardduty_detector.security.id
  auto_enable_organization_members = each.value

  depends_on = [aws_guardduty_organization_admin_account.security]
}

resource "aws_guardduty_organization_configuration_feature" "members" {
  provider = aws.security
  for_each = var.detection.organization_wide ? var.guardduty_features : []

  detector_id = aws_guardduty_detector.security.id
  name        = each.key
  auto_enable = "ALL"

  depends_on = [aws_guardduty_organization_configuration.members]
}

locals {
  # All, and not only new ones: an account that was there before is no less in need of it.
  members = var.detection.organization_wide ? { members = "ALL" } : {}
}
