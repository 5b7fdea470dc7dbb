# What of a squad operations may look at, in one parameter.
locals {
  # Consumers that act outside and hear replays, and for how many days each knows what it did: the policies see that all of
  # them are here.
  replayed = jsondecode(file("${path.module}/../../../platform-terraform/policies/data/replay.json")).replay

  queues = { for key, queue in var.queues : replace(key, "_", "-") => queue }

  operations = {
    functions = { for key, function in var.functions : replace(key, "_", "-") => function }
    queues = {
      for name, queue in local.queues :
      name => merge(queue, { for memory in try([local.replayed[name].remembers_days], []) : "remembers_days" => memory })
    }
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
