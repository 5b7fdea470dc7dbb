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
