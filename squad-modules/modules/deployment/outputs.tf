output "parameter" {
  description = "The SSM parameter that pipelines read."
  value       = aws_ssm_parameter.deployment.name
}
