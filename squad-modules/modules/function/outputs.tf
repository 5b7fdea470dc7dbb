output "name" {
  description = "The function's name without the prefix."
  value       = var.name
}

output "arn" {
  description = "The function's ARN, without version."
  value       = aws_lambda_function.function.arn
}

output "alias_arn" {
  description = "The ARN of its alias `live`, which is what callers and mappings use."
  value       = aws_lambda_alias.live.arn
}

output "role" {
  description = "Its role."
  value       = { name = aws_iam_role.function.name, arn = aws_iam_role.function.arn }
}

output "timeout_seconds" {
  description = "When Lambda ends an invocation."
  value       = var.timeout_seconds
}

output "policy" {
  description = "The policy of its role, as JSON."
  value       = data.aws_iam_policy_document.function.json
}

output "deployment" {
  description = "What module deployment has to know of it."
  value = {
    function = aws_lambda_function.function.function_name
    alias    = aws_lambda_alias.live.name
    binary   = coalesce(var.binary, var.name)
    alarm    = module.alarms.names["errors"]
  }
}

output "in_network" {
  description = "Whether it runs in the platform's private network."
  value       = length(aws_lambda_function.function.vpc_config) > 0
}

output "alarms" {
  description = "Its alarms, as module dashboard draws them."
  value       = module.alarms.alarms
}

output "operations" {
  description = "What module operations has to know of it."
  value = {
    function  = aws_lambda_function.function.function_name
    log_group = aws_cloudwatch_log_group.logs.name
  }
}
