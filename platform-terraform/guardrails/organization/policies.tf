# Service control policies: what nobody in a member account can do, whatever their own permissions say.
#
# Organizations attaches at most five to one target, and the first is AWS's FullAWSAccess. So what every account needs is
# attached to the root of the organization, and what only accounts with squads need to their units.
locals {
  policies = {
    deny-leaving-organization = { scope = "everywhere", description = "Accounts stay in the organization." }
    deny-public-storage       = { scope = "workloads", description = "Nothing that is stored is readable by everybody." }
    deny-root-user            = { scope = "everywhere", description = "The root user of an account does nothing." }
    limit-regions             = { scope = "everywhere", description = "Nothing is done outside of the allowed Regions." }
    protect-audit             = { scope = "everywhere", description = "Trail, recorder and detection go on." }
    protect-boundary          = { scope = "workloads", description = "Roles carry the boundary, and nobody alters it." }
    require-encryption        = { scope = "workloads", description = "What is stored and sent is encrypted." }
  }

  # Read as JSON and written again, because white space counts towards the limit.
  policy_contents = {
    for name in keys(local.policies) : name => jsonencode(jsondecode(templatefile("${path.module}/policies/${name}.json", {
      allowed_regions = join("\", \"", var.allowed_regions)
      audit_bucket    = local.audit_bucket
      boundary        = "${var.prefix}-squad-boundary"
      guardrails_role = var.guardrails_role
      platform_role   = "${var.prefix}-deploy-platform-*"
      prefix          = var.prefix
    })))
  }

  policy_targets = merge([
    for name, policy in local.policies : {
      for target, id in(policy.scope == "everywhere" ? { root = local.root_id } : var.workload_targets) :
      "${name} of ${target}" => { policy = name, target = id }
    }
  ]...)
}

resource "aws_organizations_policy" "control" {
  for_each = local.policies

  name        = "${var.prefix}-${each.key}"
  description = each.value.description
  type        = "SERVICE_CONTROL_POLICY"
  content     = local.policy_contents[each.key]

  lifecycle {
    precondition {
      condition     = length(local.policy_contents[each.key]) <= 5120
      error_message = "A service control policy must not be longer than 5120 characters: split it, or allow fewer Regions."
    }
  }
}

resource "aws_organizations_policy_attachment" "control" {
  for_each = local.policy_targets

  policy_id = aws_organizations_policy.control[each.value.policy].id
  target_id = each.value.target
}
