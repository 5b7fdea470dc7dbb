output "platform" {
  description = "The contract with the squads, as published in SSM."
  value       = local.platform
}

output "edge" {
  description = "Where the edge is reached, and where its token goes; null without one."
  value = var.edge == null ? null : {
    distribution_id     = aws_cloudfront_distribution.edge[0].id
    domain_name         = aws_cloudfront_distribution.edge[0].domain_name
    hosted_zone_id      = aws_cloudfront_distribution.edge[0].hosted_zone_id
    key_value_store_arn = aws_cloudfront_key_value_store.edge[0].arn
  }
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

output "operators" {
  description = "The policies of people who operate: to look, and to repair beside."
  value       = { look = aws_iam_policy.look.arn, repair = aws_iam_policy.repair.arn }
}
