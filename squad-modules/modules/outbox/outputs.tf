output "function" {
  description = "The function publish-outbox of the squad."
  value = {
    name       = module.function.name
    role       = module.function.role
    deployment = module.function.deployment
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
