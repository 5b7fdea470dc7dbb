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
}
