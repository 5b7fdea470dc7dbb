environment          = "enterprise"
security_account     = { id = "444455556666" }                                           # Yours.
workload_targets     = { production = "ou-abcd-prod1234", staging = "ou-abcd-stag1234" } # Yours.
allowed_regions      = ["eu-central-1", "eu-west-1"]
trail_retention_days = 2555
trail_lock_days      = 365
guardduty_features   = ["LAMBDA_NETWORK_LOGS", "S3_DATA_EVENTS"]
security_standards = [
  "aws-foundational-security-best-practices/v/1.0.0",
  "cis-aws-foundations-benchmark/v/3.0.0",
]
