environment            = "startup"
archive_retention_days = 7
log_retention_days     = 14
dashboards             = false # USD 3 a month each; alarms ring without.
throttle               = { rate = 50, burst = 200 }

# A shop without a monolith, and customers in North America and Europe.
edge = {
  price_class = "PriceClass_100"
  rate_limits = { shop = 1000, partners = 5000 }
}
