environment        = "startup"
log_retention_days = 14
