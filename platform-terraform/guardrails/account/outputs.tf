output "permissions_boundary_arn" {
  description = "Input `permissions_boundary_arn` of platform-terraform/region."
  value       = aws_iam_policy.boundary.arn
}

output "pipeline_roles" {
  description = "The ARNs of the roles that workflows assume, by name without the prefix."
  value       = { for name, role in aws_iam_role.pipeline : name => role.arn }
}

output "buckets" {
  description = "The buckets of states and packages, and the key of both."
  value = {
    state     = aws_s3_bucket.pipelines["state"].id
    artifacts = aws_s3_bucket.pipelines["artifacts"].id
    key_arn   = aws_kms_key.pipelines.arn
  }
}
