output "function_roles" {
  description = "Role ARN of each function."
  value       = { for name, function in module.function : name => function.role.arn }
}
