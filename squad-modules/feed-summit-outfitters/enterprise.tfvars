environment         = "enterprise"
log_retention_days  = 90
maximum_concurrency = 50
