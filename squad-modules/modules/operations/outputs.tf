output "parameter" {
  description = "The SSM parameter that the command line reads."
  value       = aws_ssm_parameter.operations.name
}

output "queues" {
  description = "The names of the queues in it."
  value       = toset(keys(local.operations.queues))
}
