environment          = "startup"
security_account     = { id = "444455556666" }             # Yours.
workload_targets     = { production = "ou-abcd-prod1234" } # Yours.
allowed_regions      = ["eu-central-1"]
trail_retention_days = 365
guardduty_features   = ["S3_DATA_EVENTS"]
