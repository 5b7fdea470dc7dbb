output "function" {
  description = "The function publish-outbox of the squad."
  value = {
    name       = module.function.name
    role       = module.function.role
    deployment = module.function.deployment
    operations = module.function.operations
  }
}

output "failures_arn" {
  description = "Where what could not be published is parked."
  value       = aws_sqs_queue.failures.arn
}

output "alarms" {
  description = "The alarms of the outbox and of its function, as module dashboard draws them."
  value       = merge(module.function.alarms, module.alarms.alarms)
}

output "operations" {
  description = "What module operations has to know of what could not be published."
  value = {
    holds           = "positions"
    url             = null
    dead_letter_url = aws_sqs_queue.failures.url
    function        = "${var.platform.prefix}-${local.name}"
  }
}
