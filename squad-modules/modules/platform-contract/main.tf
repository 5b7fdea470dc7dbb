# Reads what the platform offers, and names what of it squads may use.
data "aws_ssm_parameter" "contract" {
  name = "/${var.prefix}/platform/v1"
}

locals {
  contract = jsondecode(nonsensitive(data.aws_ssm_parameter.contract.value))
}
