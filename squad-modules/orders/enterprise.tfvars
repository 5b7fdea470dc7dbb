environment         = "enterprise"
log_retention_days  = 90
maximum_concurrency = 50

# Customers wait for it.
provisioned_concurrency = { order_query = 5 }
