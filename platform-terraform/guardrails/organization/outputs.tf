output "audit" {
  description = "Where Config in every account writes: input `audit` of guardrails/account."
  value       = { bucket = aws_s3_bucket.audit.id, key_arn = aws_kms_key.audit.arn }
}

output "findings_topic_arn" {
  description = "The topic of serious findings, in the security account. Subscribe to it."
  value       = aws_sns_topic.findings.arn
}

output "trail_arn" {
  description = "The organization's trail."
  value       = aws_cloudtrail.organization.arn
}

output "policies" {
  description = "The ids of the service control policies, by name."
  value       = { for name, policy in aws_organizations_policy.control : name => policy.id }
}
