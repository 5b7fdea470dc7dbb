environment        = "startup"
log_retention_days = 14
dashboards         = false # USD 3 a month each; alarms ring without.
