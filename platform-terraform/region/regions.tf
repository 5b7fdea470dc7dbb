# The second Region: which of the two this is, and the switch that says which of them works.
#
# Both are applied by the same roots with the same prefix. One is home: it makes the tables, and DynamoDB replicates them.
# Exactly one works at a time, for between Regions the last writer wins and no condition holds. Which one that is, is no
# property of a Region and no setting of a profile: it is turned in an emergency, by hand or by a script, and an apply by
# somebody who knows nothing of it must not turn it back.
locals {
  owns_tables = try(var.second_region.home, local.region) == local.region
  peers       = toset([for regions in var.second_region[*] : local.owns_tables ? regions.standby : regions.home])

  initial_role = local.owns_tables ? "active" : "standby"

  # Roles belong to the account and not to a Region. Those of the home Region have plain names.
  role_suffix = local.owns_tables ? "" : "-${local.region}"

  directory = "${var.prefix}-directory"

  # Null where there is no other Region.
  regions = one([for region in local.peers : {
    role_parameter = aws_ssm_parameter.role[region].name
    role_suffix    = local.role_suffix
    home           = var.second_region.home
    owns_tables    = local.owns_tables
  }])
}

# `active` or `standby`. Everything follows it: what squads apply, the answer of `GET /health`, and with that the name of
# the door. Terraform only makes it; see docs/runbooks/region-failover.md for how it is turned.
resource "aws_ssm_parameter" "role" {
  for_each = local.peers

  name            = "/${var.prefix}/region/role"
  description     = "Whether this Region works (active) or stands by for ${each.value} (standby)."
  type            = "String"
  value           = local.initial_role
  allowed_pattern = "^(active|standby)$"

  lifecycle {
    ignore_changes = [value]
  }
}
