# The trail of everything done in every account and Region. It belongs to the management account; what it writes lies in
# the security account, out of reach of whoever it is about.
locals {
  trail_name = "${var.prefix}-organization"
  trail_arn  = "arn:aws:cloudtrail:${local.region}:${local.management_id}:trail/${local.trail_name}"
}

resource "aws_cloudtrail" "organization" {
  name                          = local.trail_name
  s3_bucket_name                = aws_s3_bucket.audit.id
  kms_key_id                    = aws_kms_key.audit.arn
  enable_logging                = true
  is_organization_trail         = true
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true

  depends_on = [aws_s3_bucket_policy.audit]
}
