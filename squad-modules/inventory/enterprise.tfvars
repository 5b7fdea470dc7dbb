environment         = "enterprise"
log_retention_days  = 90
maximum_concurrency = 50

# A bad version is seen while a fifth of the work is its own, and gone within two minutes.
canary = { type = "linear", percent = 20, interval_minutes = 2 }
# Customers wait for it.
provisioned_concurrency = { stock_query = 5 }
