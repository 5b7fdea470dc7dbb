output "parameter" {
  description = "The SSM parameter that pipelines read."
  value       = aws_ssm_parameter.deployment.name
}

output "alarms" {
  description = "The alarms that take a shift back, as module dashboard draws them."
  value       = merge([for alarms in module.alarms : alarms.alarms]...)
}
