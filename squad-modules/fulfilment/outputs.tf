output "state_machine_arn" {
  description = "The saga."
  value       = aws_sfn_state_machine.saga.arn
}

output "function_roles" {
  description = "Role ARN of each function."
  value       = { for name, function in module.function : name => function.role.arn }
}
