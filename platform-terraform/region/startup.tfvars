environment            = "startup"
archive_retention_days = 7
log_retention_days     = 14
throttle               = { rate = 50, burst = 200 }
