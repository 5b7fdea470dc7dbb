output "platform" {
  description = "The contract with the squads, as published in SSM."
  value       = local.platform
}

output "event_subscribers" {
  description = "For each subscriber in another account: the role that their bus must let in, and the rules that it acts for."
  value = {
    for name in keys(var.event_subscribers) : name => {
      role_arn  = aws_iam_role.subscriber[name].arn
      rule_arns = [for key, rule in local.subscriber_rules : aws_cloudwatch_event_rule.subscriber[key].arn if rule.subscriber == name]
    }
  }
}
