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
