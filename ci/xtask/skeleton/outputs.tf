output "function_roles" {
  description = "Role ARN of each function."
  value       = { for name, function in module.function : name => function.role.arn }
}

output "rule_arns" {
  description = "The rules that feed the function: a replay that names them goes to nobody else."
  value = flatten([
    for name, subscription in local.subscriptions : [
      for rule, heard in subscription.rules :
      "arn:aws:events:${local.platform.region}:${local.platform.account_id}:rule/${heard.bus}/${local.platform.prefix}-${replace(name, "_", "-")}-${rule}"
    ]
  ])
}
