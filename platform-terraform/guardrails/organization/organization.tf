# The organization as it is: this root binds it and does not own it.
data "aws_organizations_organization" "this" {
  lifecycle {
    postcondition {
      condition = anytrue([
        for kind in self.roots[0].policy_types : kind.type == "SERVICE_CONTROL_POLICY" && kind.status == "ENABLED"
      ])
      error_message = "The organization does not know service control policies yet: switch them on as README.md says."
    }

    postcondition {
      condition     = contains(self.aws_service_access_principals, "cloudtrail.amazonaws.com")
      error_message = "CloudTrail may not see the organization yet: give it trusted access as README.md says."
    }
  }
}

data "aws_region" "current" {}

locals {
  organization_id = data.aws_organizations_organization.this.id
  management_id   = data.aws_organizations_organization.this.master_account_id
  root_id         = data.aws_organizations_organization.this.roots[0].id
  region          = data.aws_region.current.name
}

# The security account sees what Config records in all others.
resource "aws_organizations_delegated_administrator" "config" {
  for_each = var.detection.config_everywhere ? { security = var.security_account.id } : {}

  account_id        = each.value
  service_principal = "config.amazonaws.com"
}

# Billing knows tags by which it may split the bill in the account that pays, and nowhere else.
resource "aws_ce_cost_allocation_tag" "tag" {
  for_each = var.cost_allocation_tags

  tag_key = each.key
  status  = "Active"
}
