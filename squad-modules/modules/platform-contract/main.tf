# Reads what the platform offers, and names what of it squads may use.
data "aws_ssm_parameter" "contract" {
  name = "/${var.prefix}/platform/v1"

  lifecycle {
    postcondition {
      condition     = try(jsondecode(nonsensitive(self.value)).prefix, null) == var.prefix
      error_message = "What was found under this prefix is not the contract of its platform."
    }
  }
}

locals {
  contract = jsondecode(nonsensitive(data.aws_ssm_parameter.contract.value))
  regions  = try(local.contract.regions, null)
}

# Whether this Region works or stands by: a switch that people turn, and that everything here follows.
data "aws_ssm_parameter" "role" {
  for_each = toset(local.regions[*].role_parameter)

  name = each.value

  lifecycle {
    postcondition {
      condition     = contains(["active", "standby"], nonsensitive(self.value))
      error_message = "A Region is active or standby."
    }
  }
}
