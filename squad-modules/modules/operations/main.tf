# What of a squad operations may look at, in one parameter.
locals {
  operations = {
    functions     = { for key, function in var.functions : replace(key, "_", "-") => function }
    queues        = { for key, queue in var.queues : replace(key, "_", "-") => queue }
    tables        = var.tables
    state_machine = var.state_machine
  }
}

# Read by `lakeside`, which knows no names of its own.
resource "aws_ssm_parameter" "operations" {
  name        = "/${var.platform.prefix}/operations/${var.squad}/v1"
  description = "What of ${var.squad} operations may look at."
  type        = "String"
  value       = jsonencode(local.operations)
}
